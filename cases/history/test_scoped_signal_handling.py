# SPDX-License-Identifier: MIT
"""Erratum 2: signals between the threads of one process.

Source: security/landlock/errata/abi-6.h, erratum 2; "landlock: Always allow signals between
threads of the same process" (18eb75f3af40).
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import SCOPE, Erratum
from suite.expectation import ByErratum, since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset

SCOPED = Ruleset(scope=SCOPE.SIGNAL)
FIXED = since(
    SCOPE.SIGNAL,
    ByErratum(Erratum.SCOPED_SIGNAL_HANDLING, before=Denied("EPERM"), after=Allowed()),
)
ALWAYS = since(SCOPE.SIGNAL, Allowed())


def tgkill_leader(thread: Process) -> None:
    thread.tgkill(thread.getpid(), thread.getpid(), 0)


def kill_own_process(thread: Process) -> None:
    thread.kill(thread.getpid(), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads(Case):
    """Who is scoped, each in a domain of its own, and how the thread signals."""

    thread: bool = True
    leader: bool = False
    send: Callable[[Process], object] = tgkill_leader


CASES = {
    "scoped-thread-to-free-leader": Threads(expect=FIXED),
    "scoped-thread-to-scoped-leader": Threads(leader=True, expect=FIXED),
    "free-thread-to-scoped-leader": Threads(thread=False, leader=True, expect=ALWAYS),
    "scoped-thread-to-its-process": Threads(send=kill_own_process, expect=FIXED),
}


@covers(SCOPE.SIGNAL)
@table(CASES)
def test_threads(case: Threads, process: Process, judge: Judge) -> None:
    """The threads of a process may signal each other from any domain."""
    thread = process.thread()
    control = thread.observe(case.send)
    if case.leader:
        process.restrict(SCOPED)
    if case.thread:
        thread.restrict(SCOPED)
    judge(case.expect, thread.observe(case.send), control)
