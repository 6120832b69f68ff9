# SPDX-License-Identifier: MIT
"""Targets whose processes all descend from a confined one: ``confined:NAME/local``, or a guest's.

``confined:nobody/vm:6.12`` is the running kernel of a machine as nobody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suite.agent import wire
from suite.agent.channel import Channel
from suite.process.process import Process
from suite.process.session import Session
from suite.process.uapi import MS_PRIVATE, MS_REC
from suite.targets.base import SUPERVISOR, Ground, Target
from suite.targets.ground import local_ground
from suite.targets.local import LocalTarget
from suite.targets.schemes import Scheme
from tests.confinements import CONFINEMENTS, GUESTS_ONLY
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.store import Store
from vm.target import GUEST_ARCH, VM, VmTarget

_CONFINED = wire.MAX_PROCESS
"""The id of the process that stands in for the supervisor; sessions take the lowest ids first."""
FOLDER = "/tmp/landproof-confined"  # noqa: S108 (on a tmpfs of a guest)


class ConfinedChannel:
    """A channel to an agent whose supervisor has, as it seems, been started confined."""

    def __init__(self, inner: Channel) -> None:
        self._inner = inner
        self.hello = inner.hello

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Let the stand-in fork in place of the supervisor."""
        return self._inner.submit(
            [replace(op, process=_CONFINED) if op.process == SUPERVISOR else op for op in ops]
        )

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """What the agent says."""
        return self._inner.results(identity, patience_s)

    def answered(self, identity: int) -> bool:
        """As of the agent."""
        return self._inner.answered(identity)

    def close(self) -> None:
        """End the conversation with the agent."""
        self._inner.close()


def confine(inner: Channel, arch: str, *steps: Callable[[Process], object]) -> ConfinedChannel:
    """Fork a process, do these steps to it, and let it stand in for the supervisor."""
    session = Session(inner, arch)
    process = Process(session, _CONFINED)
    session.add(wire.OpKind.FORK, SUPERVISOR, "fork", (_CONFINED, 17))
    for step in steps:
        step(process)
    session.launch().settle()  # what could not be done is told
    return ConfinedChannel(inner)


class ConfinedLocal(LocalTarget):
    """The running kernel."""

    def __init__(self, name: str, confinement: str) -> None:
        super().__init__()
        self.name = name
        self._confinement = confinement

    def _prepare(self, channel: Channel, agent: Path, arch: str) -> Ground:
        confined = confine(channel, arch, CONFINEMENTS[self._confinement])
        return super()._prepare(confined, agent, arch)

    def _make_folder(self) -> Path:
        """One that nobody can write to as well."""
        folder = super()._make_folder()
        folder.chmod(0o777)
        return folder


class ConfinedGuest(VmTarget):
    """A virtual machine in which we are no longer root of all that there is: not ours to harm."""

    disposable = False

    def __init__(self, name: str, confinement: str, kernel: Kernel) -> None:
        super().__init__(name, kernel, Accelerator.TCG)
        self._confinement = (CONFINEMENTS | GUESTS_ONLY)[confinement]

    def _prepare(self, channel: Channel, agent: Path, *, dear: bool) -> Ground:
        confined = confine(channel, GUEST_ARCH, _furnish, self._confinement)
        return local_ground(confined, agent, GUEST_ARCH, lambda: Path(FOLDER))


def _furnish(process: Process) -> None:
    """What a machine has before anybody is confined on it."""
    for path in ("/proc", "/sys", "/tmp", "/mnt"):  # noqa: S108 (the guest's own)
        process.observe(Process.mkdir, path)
    process.mount("none", "/", None, MS_REC | MS_PRIVATE)
    process.observe(Process.mount, "proc", "/proc", "proc")  # the agent may have done it
    process.observe(Process.mount, "sysfs", "/sys", "sysfs")
    process.mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 (the guest's own)
    process.loopback_up()
    process.mkdir(FOLDER)
    process.chmod(FOLDER, 0o777)


class Confined(Scheme):
    """``confined:NAME/TARGET``."""

    usage = "confined:NAME/TARGET"

    def make(self, name: str, config: pytest.Config) -> Target:
        """The target, confined."""
        confinement, _, target = name.partition(":")[2].partition("/")
        if target == "local":
            return ConfinedLocal(name, confinement)
        store = Store(config.getoption("store"), flavour=config.getoption("flavour"))
        return ConfinedGuest(name, confinement, store.get(target.removeprefix(VM)))
