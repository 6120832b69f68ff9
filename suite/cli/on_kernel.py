# SPDX-License-Identifier: MIT
"""One command on one target, from the start of its machine to what it came to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from suite.agent.channel import AgentLostError
from suite.command.order import Order
from suite.command.running import NotStartedError, Running
from suite.command.tree import Mount, enter
from suite.errors import LandproofError, UsageError, told_fault
from suite.judge.ran import End, Ran
from suite.process.process import Process
from suite.process.promise import HungError, SetupError
from suite.process.uapi import CLONE_NEWNET
from suite.targets.base import SUPERVISOR, Ground, Target
from suite.targets.facts import claimed
from suite.targets.local import LocalTarget
from suite.targets.lying import lie
from suite.targets.lying_kernel import LYING, apart
from suite.targets.ssh import SshTarget
from suite.targets.ssh_host import SSH, Host
from suite.targets.standing import tried
from vm.folders import Folder
from vm.tree_target import TreeTarget
from vm.uml import UML, Binary, UmlTarget

_ABI = "LANDLOCK_CRATE_TEST_ABI"
"""What the tests of rust-landlock, landlockconfig, island and landlock-observability read."""
_MOST_OUTPUT = 16 << 20
"""Bytes that are kept of what a command prints, and of its report."""
_CHUNK = 1 << 16
_ENDED_BY_US = (End.LOST, End.CRASHED, End.HUNG, End.NOT_RUN)
"""What a target that is ended meanwhile looks like."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class OnKernel:
    """A command on a target, with all that is made for it."""

    target: Target
    order: Order
    folders: Sequence[Folder]
    report: str = ""
    """The file there in which the command writes a JUnit report."""
    heard: Callable[[bytes], None] = lambda _data: None
    """Takes its output as it comes."""
    begin: Callable[[Process, Order], Running] = Running
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set by `stop`."""
    _ending: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that ends the target, or asks what became of it: both threads may."""

    def run(self) -> Ran:
        """Start the target, run the command, stop the target; this never raises what went wrong."""
        began = time.monotonic()
        ran = Ran(target=self.target.name, end=End.NOT_RUN)
        try:
            ground = self.target.start()
            facts = ground.facts
            ran.release, ran.abi, ran.errata = facts.release, facts.abi, facts.errata
            root = self._root(ground)
            if self.target.name.startswith(LYING):
                root = lie(root, apart(self.target.name)[0])
                ran.abi, ran.errata = claimed(root)
            self._on(root, ran, began)
        except AgentLostError as error:
            with self._ending:
                verdict, why = self.target.autopsy()
            ran.end, ran.reason = End(verdict), f"{error}: {why}"  # they are called alike
        except HungError as error:
            ran.end, ran.reason = End.HUNG, str(error)
        except LandproofError as error:
            ran.reason = str(error)
        except OSError as error:  # of this machine's
            ran.reason = told_fault(error)
        finally:
            self._end()
        if self.stopped.is_set() and ran.end in _ENDED_BY_US:
            ran.end, ran.reason = End.INTERRUPTED, ""
        return ran

    def stop(self) -> None:
        """End the target, from another thread: `run` returns soon."""
        self.stopped.set()
        self._end()

    def _end(self) -> None:
        with self._ending:
            self.target.stop()

    def _on(self, root: Process, ran: Ran, began: float) -> None:
        order = self._order(ran)
        running = self.begin(root, order)
        kept = bytearray()
        try:
            for data in running.output():
                if ran.first_output_s is None:
                    ran.first_output_s = round(time.monotonic() - began, 3)
                self.heard(data)
                kept += data[: _MOST_OUTPUT - len(kept)]
        finally:
            ran.seconds = round(time.monotonic() - running.started, 3)
            ran.output = kept.decode(errors="replace")
        ran.end, ran.code, ran.signal = running.end, running.code, running.signal
        if self.report:
            ran.reported = _read(root, str(Path(order.folder, self.report)))

    def _root(self, ground: Ground) -> Process:
        """The process whose descendant the command is."""
        mounts = self._mounts()
        # Not of ground.root, which has namespaces of its own on a machine that is in use.
        root = Process(ground.session, SUPERVISOR).fork()
        try:
            if not self.order.is_connected:
                root.unshare(CLONE_NEWNET)
            if mounts:
                enter(root, mounts, self.order.folder)
            ground.session.flush()
        except SetupError as error:
            raise NotStartedError(f"{self.target.name} was not made ready: {error}") from error
        return root

    def _order(self, ran: Ran) -> Order:
        """The order as it is for this target."""
        environment, user = self.order.environment, self.order.user
        if isinstance(self.target, SshTarget):
            environment = {"PATH": _PATH}  # ours is about this machine
        if not self._mounts() and self.order.is_own_user:
            user = None
        told = {
            "LANDPROOF_KERNEL": ran.target.removeprefix("vm:"),
            "LANDPROOF_ABI": str(ran.abi or 0),
            "LANDPROOF_ERRATA": str(ran.errata or 0),
            _ABI: str(ran.abi or 0),
        }
        return replace(self.order, environment={**environment, **told}, user=user)

    def _mounts(self) -> Sequence[Mount]:
        match self.target:
            case TreeTarget():
                return self.target.mounts
            case UmlTarget():
                return [
                    Mount("none", "hostfs", str(it.source), it.path, it.writable)
                    for it in self.folders
                ]
        return ()


def of_name(name: str, consoles: Path | None, called: str) -> Target:
    """The target of this name that is no machine of ours, ``called`` so in what is told of it.

    Raises:
        UsageError: No command can be run on such a target.
    """
    target: Target
    if name == "local":
        target = LocalTarget()
    elif name.startswith(SSH):
        target = SshTarget(Host.of(name))
    elif name.startswith(UML):
        target = UmlTarget(Binary.of(name), consoles)
    else:
        raise UsageError(f"{name}: commands run on kernels, uml:PATH, ssh:HOST and local")
    target.name = called
    return target


def _read(root: Process, path: str) -> str:
    """A whole file there; nothing if there is none."""
    opened = tried(root, lambda it: it.open(path, os.O_RDONLY))
    if opened.failure is not None:
        return ""
    data = bytearray()
    while len(data) < _MOST_OUTPUT:
        call = root.read(opened, _CHUNK)
        if not call.value:
            break
        data += call.data[: call.value]
    return data.decode(errors="replace")
