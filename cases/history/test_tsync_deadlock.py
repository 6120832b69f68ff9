# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC again and again, against another caller or against signals.

Source: "landlock: Serialize TSYNC thread restriction" (ff88df67dbf7) and "landlock: Clean up
interrupted thread logic in TSYNC" (697f514ad9db). They are of bugs of 7.0's release candidates: two
callers that waited for each other hung, and an interrupted one left work behind that used its
stack. Another one was found in March 2026: where a thread had ended just then, an interrupted
caller dereferenced a null pointer (cancel_tsync_works()).
"""

import os
import signal

from cases.history.complaints import KernelLog
from cases.history.race import at_once, give_way, next_tick
from cases.inheritance.held import counter, tid
from cases.inheritance.held import hold as stop
from suite.case import (
    FS, RESTRICT, Call, Denied, Facts, Judge, Mode, Outcome, Process, Ruleset, Seen, Tree, answers,
    covers, own_memory, since, vm_only,
)  # fmt: skip
from suite.process.uapi import PTRACE_DETACH

TSYNC = RESTRICT.TSYNC
READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
TIMES = 7
"""Twice that many layers are fewer than a domain may have."""
IDLE, SIGNALS = 8, 50
MANY = 96
"""Siblings of competing callers: with 60 a kernel that has the bug got on, on two processors."""
BATCHES, ENDING = 2, 16
"""How often threads end while a call waits, and how many at once."""
FIRST_FD = 300
DENIED = since(TSYNC, Denied("EACCES"))


def hold(process: Process, ruleset: Ruleset, number: int) -> None:
    """Make a ruleset with a file descriptor that is known beforehand."""
    process.no_new_privs()
    process.dup_to(process.build(ruleset), number)


def restrict_often(process: Process, number: int) -> None:
    for _ in range(TIMES):
        process.enforce(number, TSYNC)


def freest(threads: list[Process], path: str, *modes: int) -> Outcome:
    outcomes = [t.observe(Process.open, path, mode).outcome for t in threads for mode in modes]
    return next((outcome for outcome in outcomes if outcome != Denied("EACCES")), outcomes[0])


@vm_only
@covers(TSYNC)
@answers("llr-34")
def test_competing(process: Process, tree: Tree, judge: Judge) -> None:
    """Two threads that restrict each other many times both get on, and leave no thread out."""
    log = KernelLog(process)
    leader = process.fork()
    threads = [leader.thread() for _ in range(MANY)]
    control = leader.observe(Process.open, tree.file, os.O_RDWR)
    one, other = threads[:2]
    hold(one, READ, FIRST_FD)
    hold(other, WRITE, FIRST_FD + 1)
    at_once(
        process,
        lambda: restrict_often(one, FIRST_FD),
        lambda: restrict_often(other, FIRST_FD + 1),
    )
    outcome = freest([leader, *threads], tree.file, os.O_RDONLY, os.O_WRONLY)
    judge(DENIED, log.judged(outcome), control)


def interrupt_often(tracer: Process, caller: Process, held: Process) -> None:
    """Send a thread that waits for a held one many signals, then let go of the latter."""
    pid = tid(caller)
    for _ in range(SIGNALS):
        tracer.tgkill(pid, pid, signal.SIGUSR1)
        tracer.syscall("sched_yield")  # or many signals would be one
    tracer.ptrace(PTRACE_DETACH, tid(held))


@vm_only
@covers(TSYNC)
@answers("llr-35")
@own_memory
def test_interrupted(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that signals come to while it waits restricts all threads nevertheless."""
    log = KernelLog(process)
    handler = counter(process, facts.machine)
    leader, tracer = process.fork(), process.fork()
    handler.install(leader, signal.SIGUSR1)
    held, *threads = [leader.thread() for _ in range(1 + IDLE)]
    control = leader.observe(Process.open, tree.file, os.O_RDONLY)
    hold(leader, READ, FIRST_FD)
    for _ in range(TIMES):
        stop(tracer, held)
        at_once(
            process,
            lambda: leader.enforce(FIRST_FD, TSYNC),
            lambda: interrupt_often(tracer, leader, held),
        )
    outcome = freest([leader, held, *threads], tree.file, os.O_RDONLY)
    if outcome == Denied("EACCES") and not handler.count(process):
        outcome = Seen("no signal was handled")
    judge(DENIED, log.judged(outcome), control)


def make_and_end(maker: Process, waker: Process) -> None:
    """Make threads that end when time has passed, the youngest first."""
    for _ in range(BATCHES):
        made = [maker.thread() for _ in range(ENDING)]
        next_tick(waker)
        with maker.session.in_mode(Mode.DEATH):
            for thread in reversed(made):
                thread.syscall("exit", 0)


@vm_only
@covers(TSYNC)
@answers("llr-47")
@own_memory
def test_ending(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that signals come to while it waits leaves out the threads that end meanwhile.

    What fails is to hand work to a thread that ended after the caller looked at it. So the caller
    has to be interrupted between two instructions, and threads have to end then and there.
    """
    log = KernelLog(process)
    handler = counter(process, facts.machine)
    leader, tracer, waker = process.fork(), process.fork(), process.fork()
    handler.install(leader, signal.SIGUSR1)
    held, maker = leader.thread(), leader.thread()
    control = leader.observe(Process.open, tree.file, os.O_RDONLY)
    hold(leader, READ, FIRST_FD)
    give_way(leader)
    give_way(tracer)
    calls: list[Call] = []
    while len(calls) < 2 * TIMES and not (calls and calls[-1].failure):
        stop(tracer, held)
        at_once(
            process,
            lambda: calls.append(leader.enforce(FIRST_FD, TSYNC)),
            lambda: interrupt_often(tracer, leader, held),
            lambda: make_and_end(maker, waker),
        )
    outcome = freest([leader, held], tree.file, os.O_RDONLY)
    judge(DENIED, log.judged(outcome), control)
