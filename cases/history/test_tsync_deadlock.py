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
from collections.abc import Callable

from cases.history.complaints import KernelLog
from cases.history.race import at_once
from cases.inheritance.held import counter, tid
from suite.case import (
    FS, RESTRICT, Denied, Facts, Judge, Mode, Outcome, Process, Ruleset, Seen, Tree, answers,
    covers, own_memory, since, vm_only,
)  # fmt: skip

TSYNC = RESTRICT.TSYNC
READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
TIMES = 7
"""Twice that many layers are fewer than a domain may have."""
IDLE, ENDING, SIGNALS = 8, 40, 100
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
    threads = [leader.thread() for _ in range(IDLE)]
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


def signals_to(leader: Process, sender: Process) -> Callable[[], None]:
    """What sends a thread many signals."""
    pid = tid(leader)

    def signal_often() -> None:
        for _ in range(SIGNALS):
            sender.tgkill(pid, pid, signal.SIGUSR1)

    return signal_often


@vm_only
@covers(TSYNC)
@answers("llr-35")
@own_memory
def test_interrupted(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that signals come to restricts all threads nevertheless."""
    log = KernelLog(process)
    handler = counter(process, facts.machine)
    leader = process.fork()
    handler.install(leader, signal.SIGUSR1)
    threads = [leader.thread() for _ in range(IDLE)]
    control = leader.observe(Process.open, tree.file, os.O_RDONLY)
    hold(leader, READ, FIRST_FD)
    signal_often = signals_to(leader, process.fork())

    at_once(process, lambda: restrict_often(leader, FIRST_FD), signal_often)
    outcome = freest([leader, *threads], tree.file, os.O_RDONLY)
    if outcome == Denied("EACCES") and not handler.count(process):
        outcome = Seen("no signal was handled")
    judge(DENIED, log.judged(outcome), control)


@vm_only
@covers(TSYNC)
@answers("llr-47")
@own_memory
def test_ending(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that signals come to restricts the threads that do not end meanwhile."""
    log = KernelLog(process)
    handler = counter(process, facts.machine)
    leader = process.fork()
    handler.install(leader, signal.SIGUSR1)
    staying, *ending = [leader.thread() for _ in range(1 + ENDING)]
    control = leader.observe(Process.open, tree.file, os.O_RDONLY)
    hold(leader, READ, FIRST_FD)
    signal_often = signals_to(leader, process.fork())

    def end_all() -> None:
        with process.session.in_mode(Mode.DEATH):
            for thread in ending:
                thread.syscall("exit", 0)

    at_once(process, lambda: restrict_often(leader, FIRST_FD), signal_often, end_all)
    outcome = freest([leader, staying], tree.file, os.O_RDONLY)
    judge(DENIED, log.judged(outcome), control)
