# SPDX-License-Identifier: MIT
"""Erratum 2: signals between the threads of one process.

Source: security/landlock/errata/abi-6.h, erratum 2; "landlock: Always allow signals between
threads of the same process" (18eb75f3af40).
"""

from collections.abc import Callable

from suite.case import (
    SCOPE, Allowed, ByErratum, Call, Case, Denied, Erratum, Judge, Process, Ruleset, answers,
    covers, since, table,
)  # fmt: skip

SIGSETXID = 33
SCOPED = Ruleset(scope=SCOPE.SIGNAL)
FIXED = since(
    SCOPE.SIGNAL,
    ByErratum(Erratum.SCOPED_SIGNAL_HANDLING, before=Denied("EPERM"), after=Allowed()),
)
ALWAYS = since(SCOPE.SIGNAL, Allowed())


def tgkill(sender: Process, tgid: Call, tid: Call) -> None:
    sender.tgkill(tgid, tid, 0)


def tgsigqueue(sender: Process, tgid: Call, tid: Call) -> None:
    sender.tgsigqueue(tgid, tid, 0)


def kill_own_process(sender: Process, tgid: Call, tid: Call) -> None:
    sender.kill(tgid, 0)


def pidfd_of_own_process(sender: Process, tgid: Call, tid: Call) -> None:
    sender.pidfd_send_signal(sender.pidfd_open(tgid), 0)


class Threads(Case, frozen=True, kw_only=True):
    """Who is scoped, each in a domain of its own, and how one signals the other."""

    thread: bool = True
    leader: bool = False
    from_leader: bool = False
    send: Callable[[Process, Call, Call], object] = tgkill


CASES = {
    "scoped-thread-to-free-leader": Threads(expect=FIXED),
    "scoped-thread-to-scoped-leader": Threads(leader=True, expect=FIXED),
    "free-thread-to-scoped-leader": Threads(thread=False, leader=True, expect=ALWAYS),
    "scoped-thread-to-its-process": Threads(send=kill_own_process, expect=FIXED),
    "scoped-thread-to-its-process-by-pidfd": Threads(send=pidfd_of_own_process, expect=FIXED),
    "scoped-thread-queues-to-free-leader": Threads(send=tgsigqueue, expect=FIXED),
    "scoped-leader-to-free-thread": Threads(
        thread=False, leader=True, from_leader=True, expect=FIXED
    ),
    "scoped-leader-to-scoped-thread": Threads(leader=True, from_leader=True, expect=FIXED),
    "free-leader-to-scoped-thread": Threads(from_leader=True, expect=ALWAYS),
}


@answers("sig-threads-erratum2", "llr-09")
@covers(SCOPE.SIGNAL)
@table(CASES)
def test_threads(case: Threads, process: Process, judge: Judge) -> None:
    """The threads of a process may signal each other from any domain."""
    thread = process.thread()
    sender, receiver = (process, thread) if case.from_leader else (thread, process)
    tgid, tid = process.getpid(), receiver.gettid()
    control = sender.observe(case.send, tgid, tid)
    if case.leader:
        process.restrict(SCOPED)
    if case.thread:
        thread.restrict(SCOPED)
    judge(case.expect, sender.observe(case.send, tgid, tid), control)


@answers("sig-setxid-threads", "llr-09")
@covers(SCOPE.SIGNAL)
def test_setxid(process: Process, judge: Judge) -> None:
    """The C library's setuid(3) in a scoped thread has all threads do so, by a signal."""
    process.block_signals(SIGSETXID)
    thread = process.thread()
    thread.restrict(SCOPED)
    observed = thread.observe(Process.tgkill, process.getpid(), process.gettid(), SIGSETXID)
    came = process.observe(Process.take_signal, SIGSETXID).outcome
    judge(FIXED, came if observed.outcome == Allowed() else observed)
