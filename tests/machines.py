# SPDX-License-Identifier: MIT
"""What tests of machines start from: a stored kernel, a guest, and a look at who still runs."""

import importlib.util
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from suite.agent import build, wire
from suite.run.unmet import ask_all
from tests.kernels import stored
from vm import accel
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.machine import Machine
from vm.monitor import Monitor
from vm.rehearsal import Conversation
from vm.saved import States, can_save, compressed
from vm.store import Store
from vm.target import VmTarget

WISHES = ("7.3", "6.1", "6.12")
_SOURCE = Path(__file__).parent / "data" / "guest.c"


def any_stored() -> Kernel:
    """The first stored kernel of ``WISHES``."""
    for wish in WISHES[:-1]:
        try:
            return stored(wish)
        except pytest.skip.Exception:
            continue
    return stored(WISHES[-1])


def compiled_guest(folder: Path) -> Path:
    """The guest of ``data/guest.c``."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for the guest: pip install ziglang")
    binary = folder / "guest"
    compile_guest = ["cc", "-target", "x86_64-linux-musl", "-static", "-Os", "-s"]
    subprocess.run(
        [sys.executable, "-m", "ziglang", *compile_guest, "-o", str(binary), str(_SOURCE)],
        check=True,
        capture_output=True,
    )
    return binary


def usual(wish: str) -> VmTarget:
    """A stored kernel as a target of landproof's runs: restored, if its machine was saved."""
    target = VmTarget(f"vm:{wish}", stored(wish), states=Store().states)
    target.asks = lambda ground: ask_all(ground, target)
    return target


class Talking:
    """Machines that have begun to talk: one is booted, the others are it, restored.

    For tests of what becomes of a machine that runs, however it came to. Without emulation, or
    without zstd, each is booted.

    Args:
        kernel: What they run.
        guest: That of ``data/guest.c``.
        accelerator: What runs it.
        folder: Where the saved one is kept; several processes may share it.
    """

    def __init__(self, kernel: Kernel, guest: Path, accelerator: Accelerator, folder: Path) -> None:
        self.kernel, self.guest, self.accelerator = kernel, guest, accelerator
        self.folder = folder

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """One of them, within the block; it has just answered."""
        if self.accelerator is not Accelerator.TCG or not can_save():
            with self._of() as machine:
                assert machine.channel.recv(64) == b"hello\n"
                yield machine
            return
        states = States(self.folder)
        recipe = self._of(monitored=True).recipe
        state = states.take(self.kernel, recipe)
        if state is None:
            with self._of(monitored=True) as machine:
                assert machine.channel.recv(64) == b"hello\n"
                written = compressed(Monitor(machine.monitor).save)
                nothing_said = Conversation(wire.Hello(wire.VERSION, 8, 4096), [])
                states.keep(self.kernel, recipe, nothing_said, written)
                _answers(machine)
                yield machine
            return
        with state.stream() as incoming, self._of(incoming=incoming) as machine:
            _answers(machine)
            yield machine

    def _of(self, *, monitored: bool = False, incoming: int | None = None) -> Machine:
        return Machine(
            self.kernel,
            agent=self.guest,
            accel=self.accelerator,
            monitored=monitored,
            incoming=incoming,
        )


def _answers(machine: Machine) -> None:
    machine.channel.sendall(b"z")
    assert machine.channel.recv(64) == b"z"


def children(of: int) -> list[int]:
    """The running children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(what: str, deadline_s: float = 20.0) -> Iterator[None]:
    """Loop until the caller leaves it; fail when that takes too long."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        yield
        time.sleep(0.01)
    pytest.fail(f"waited {deadline_s} s for {what}")


def boots(kernel: Kernel, known: set[str] | None = None) -> None:
    """It boots, as one that is made of the same bytes has if that is among the ``known`` ones."""
    agent = build.agent(kernel.arch.machine)
    machine = Machine(kernel, agent=agent, accel=accel.choose(kernel, agent))
    made_of = shlex.join([kernel.build.sha256, *machine.recipe])
    if known is None or made_of not in known:
        with machine:
            assert machine.boot_seconds > 0
    if known is not None:
        known.add(made_of)
