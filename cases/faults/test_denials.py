# SPDX-License-Identifier: MIT
"""What a domain denies, and allows, where there is no memory: to tell of it, or for anything else.

Each allocation of a call fails in turn, among them those of the record or of the event.

Source: security/landlock/audit.c; audit_log_start() in kernel/audit.c;
Documentation/trace/events-landlock.rst.
"""

import os
import socket
from collections.abc import Callable

from cases.faults.shortage import FailNth
from cases.faults.sweep import WHOLE, Doing, Place, sweep
from cases.history.complaints import KernelLog
from suite.case import (
    FS, NET, O_PATH, SCOPE, Allowed, AuditLog, Denied, Fd, Feature, Judge, Need, Observation,
    Outcome, Process, Row, Ruleset, Trace, Tree, answers, inet, needs, own_memory, since, table,
    vm_only,
)  # fmt: skip

pytestmark = own_memory

READ, CONNECT, SIGNAL = FS.READ_FILE, NET.CONNECT_TCP, SCOPE.SIGNAL
PORT = 4000


class Told(Row, frozen=True, kw_only=True):
    """A call in a domain, and who is told of it."""

    doing: Doing
    witness: Callable[[Process], AuditLog | Trace]


def in_first(process: Process, place: Place) -> Fd:
    """A folder with a file that may not be read."""
    fd = process.open(place.tree.d1, O_PATH)
    process.restrict(place.tree.layer(READ, {"d2": READ}))
    return fd


def in_second(process: Process, place: Place) -> Fd:
    """A folder with a file that may be read."""
    fd = process.open(place.tree.d2, O_PATH)
    process.restrict(place.tree.layer(READ, {"d2": READ}))
    return fd


def unconnected(process: Process, _: Place) -> Fd:
    process.restrict(Ruleset(net=CONNECT))
    return process.socket(socket.AF_INET, socket.SOCK_STREAM)


def parent(process: Process, _: Place) -> Fd:
    process.restrict(Ruleset(scope=SIGNAL))
    return process.syscall("getppid")


def read(process: Process, folder: Fd) -> None:
    process.open("file", os.O_RDONLY, at=folder)


def connect(process: Process, fd: Fd) -> None:
    process.connect(fd, inet(PORT))


def signal(process: Process, pid: Fd) -> None:
    process.syscall("kill", pid, 0)


def nothing(process: Process, about: Fd, place: Place) -> list[Observation]:
    return []


CALLS: dict[
    str, tuple[Callable[[Process, Place], Fd], Callable[[Process, Fd], None], Outcome, Feature]
] = {
    "open": (in_first, read, Denied("EACCES"), READ),
    "allowed": (in_second, read, Allowed(), READ),
    "connect": (unconnected, connect, Denied("EACCES"), CONNECT),
    "signal": (parent, signal, Denied("EPERM"), SIGNAL),
}
WITNESSES = {"audit": (AuditLog, Need.AUDIT), "trace": (Trace, Need.TRACEPOINTS)}
TOLD = {
    f"{witness}-{name}": Told(
        doing=Doing(
            features=(feature,),
            prepare=prepare,
            call=call,
            look=nothing,
            wanted=wanted,
            done=(),
            undone=(),
        ),
        witness=kind,
        needs=(need, *((Need.INET,) if feature is CONNECT else ())),
        covers=feature,
    )
    for witness, (kind, need) in WITNESSES.items()
    for name, (prepare, call, wanted, feature) in CALLS.items()
    if f"{witness}-{name}" != "trace-signal"  # an event without a path takes no memory
}


@vm_only
@needs(Need.FAULT_INJECTION)
@answers("oom-denial")
@table(TOLD)
def test_told(case: Told, process: Process, tree: Tree, judge: Judge) -> None:
    """What is denied stays denied, and what is allowed is not, though it can't be told of."""
    place = Place(tree)
    log = KernelLog(process)
    outcome = case.doing.control(process.fork(), place)
    if outcome == case.doing.wanted:
        with case.witness(process):
            outcome = log.judged(sweep(case.doing, FailNth(process, tree), place))
    judge(since(case.doing.features, WHOLE), outcome)
