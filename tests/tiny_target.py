# SPDX-License-Identifier: MIT
"""A target in a hundred lines: a kernel without Landlock that knows seven system calls.

It stands behind the seam as a model of Landlock would, and says of everything else that it has no
word for it.
"""

import errno
from collections.abc import Sequence

import pytest

from suite.agent import wire
from suite.agent.wire import OpKind, Record, Status
from suite.judge.records import Facts, Verdict
from suite.process.process import Process
from suite.process.session import Session
from suite.process.syscalls import NUMBERS
from suite.targets.base import Ground, Target
from suite.targets.schemes import Scheme

ARCH = "x86_64"
NAMES = {number: name for name, number in NUMBERS[ARCH].items()}
LANDLOCK = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}


class TinyChannel:
    """A ``Channel`` that does a program when it is given."""

    def __init__(self) -> None:
        self.hello = wire.Hello(wire.VERSION, 8, 4096)
        self._answers: list[dict[int, Record]] = []

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Do all of it at once."""
        records: dict[int, Record] = {}
        at = 0
        while at < len(ops):
            records[at] = record = done(ops[at])
            if record.status == Status.NOT_MODELLED:
                break
            at = ops[at].on_fail if record.failed and ops[at].on_fail > at else at + 1
        self._answers.append(records)
        return len(self._answers) - 1

    def results(self, identity: int, patience_s: float) -> dict[int, Record]:
        """What was done."""
        return self._answers[identity]

    def answered(self, identity: int) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing is left behind."""


def done(op: wire.Op) -> Record:
    """What an operation gives."""
    if op.kind is OpKind.FORK:
        return Record(Status.DONE, 1000)
    if op.kind is OpKind.KILL:
        return Record(Status.DONE, 0)
    name = NAMES[op.nr] if op.kind is OpKind.CALL else op.kind.name.lower()
    if name in LANDLOCK:
        return Record(Status.DONE, -errno.ENOSYS)
    if name in ("prctl", "getpid", "close", "wait4"):
        return Record(Status.DONE, 0)
    said = b"ioctl of a driver" if name == "ioctl" else b""
    return Record(Status.NOT_MODELLED, 0, said)


class TinyTarget(Target):
    """The kernel."""

    def __init__(self, name: str) -> None:
        self.name = name

    def start(self) -> Ground:
        """It has nothing to prepare."""
        session = Session(TinyChannel(), ARCH)
        root = Process(session, 0).fork()
        facts = Facts(
            release="0.0.1-tiny", version="#1", machine=ARCH, abi=0, errata=None, missing="ENOSYS"
        )
        return Ground(session, root, root.fork(), "/tiny", "/tiny/agent", False, facts)

    def stop(self) -> None:
        """Nothing is left behind."""

    def autopsy(self) -> tuple[Verdict, str]:
        """It can't die."""
        return Verdict.CRASHED, "it can't"


class Tiny(Scheme):
    """``tiny:NAME``."""

    usage = "tiny:NAME"

    def make(self, name: str, config: pytest.Config) -> TinyTarget:
        """A new one."""
        return TinyTarget(name)
