# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC while threads are made, end, execute, or call it too.

What is owed is the same however the calls interleave.

Source: security/landlock/tsync.c, landlock_restrict_sibling_threads(): it looks for threads until
there are no new ones, leaves out those that exit, and starts over where exec_update_lock is held.
"""

import os
from itertools import chain

from suite.packed import joined, packed
from cases.controls import all_of
from cases.inheritance.held import tid
from suite.case import (
    FS, RESTRICT, Allowed, Denied, Judge, Mode, Need, Outcome, Process, Rejected, Ruleset, Tree,
    answers, covers, needs, own_memory, since,
)  # fmt: skip
from suite.process.uapi import PTRACE_SEIZE, SECCOMP_RET_ALLOW
from suite.process.promise import Batch

pytestmark = own_memory

TSYNC = RESTRICT.TSYNC
READ = Ruleset(fs=FS.READ_FILE, flags=TSYNC)
WRITE = Ruleset(fs=FS.WRITE_FILE, flags=TSYNC)
UNRELATED = Ruleset(fs=FS.MAKE_BLOCK, flags=TSYNC)
DENIED = since(TSYNC, Denied("EACCES"))
FEW = 12
SECCOMP_RET_KILL_THREAD = 0


def freest(threads: list[Process], path: str, *modes: int) -> Outcome:
    """What the thread that may do most comes to."""
    tried = [t.observe(Process.open, path, mode) for t in threads for mode in modes]
    outcomes = [observed.outcome for observed in tried]
    return next((o for o in outcomes if o != Denied("EACCES")), outcomes[0])


@answers("ts-competing")
@covers(TSYNC)
def test_competing_callers(process: Process, tree: Tree, judge: Judge) -> None:
    """Of two threads that call at once, each gets its turn, and everybody the layers of both."""
    caller = process.fork()
    threads = [caller.thread() for _ in range(FEW)]
    control = caller.observe(Process.open, tree.file, os.O_RDWR)
    process.session.flush()
    threads[0].restrict(READ)
    first = process.session.launch()
    threads[1].restrict(WRITE)
    process.session.launch().settle()
    first.settle()
    judge(DENIED, freest([caller, *threads], tree.file, os.O_RDONLY, os.O_WRONLY), control)


@answers("ts-new-threads-race")
@covers(TSYNC)
def test_new_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """Threads that siblings make meanwhile are restricted, all of them."""
    caller = process.fork()
    makers = [caller.thread() for _ in range(2)]
    control = caller.observe(Process.open, tree.file, os.O_RDONLY)
    process.session.flush()
    made, launched = [], []
    for maker in makers:
        made.append([maker.thread() for _ in range(FEW)])
        launched.append(process.session.launch())
    caller.restrict(READ)
    launched.append(process.session.launch())
    for batch in launched:
        batch.settle()
    threads = list(chain(makers, *made))
    judge(DENIED, freest(threads, tree.file, os.O_RDONLY), control)


@answers("ts-exiting-threads")
@covers(TSYNC)
def test_ending_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """Threads may end meanwhile."""
    caller = process.fork()
    threads = [caller.thread() for _ in range(FEW)]
    control = caller.observe(Process.open, tree.file, os.O_RDONLY)
    process.session.flush()
    for thread in threads:
        exit_thread(thread)
    launched = process.session.launch()
    caller.restrict(READ)
    process.session.launch().settle()
    launched.settle()
    judge(DENIED, caller.observe(Process.open, tree.file, os.O_RDONLY), control)


def exit_thread(thread: Process) -> None:
    with thread.session.in_mode(Mode.DEATH):
        thread.syscall("exit", 0)


@answers("ts-exiting-threads")
@covers(TSYNC)
def test_dead_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that has ended and was not reaped is left out."""
    caller = process.fork()
    thread = caller.thread()
    control = caller.observe(Process.open, tree.file, os.O_RDONLY)
    process.ptrace(PTRACE_SEIZE, tid(thread))  # a tracer has to reap what it traces
    exit_thread(thread)
    caller.restrict(READ)
    judge(DENIED, caller.observe(Process.open, tree.file, os.O_RDONLY), control)


def die_alone(thread: Process) -> Batch:
    """Let a thread end, and no other one: what it began stays without an answer."""
    program = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, thread.session.numbers["getpgid"]),  # if it is not this one, skip one
        (0x06, 0, 0, SECCOMP_RET_KILL_THREAD),
        (0x06, 0, 0, SECCOMP_RET_ALLOW),
    )
    thread.no_new_privs()
    thread.seccomp(joined(packed("HBBI", *instruction) for instruction in program))
    with thread.session.in_mode(Mode.DEATH):
        thread.syscall("getpgid", 0)
    return thread.session.launch()


@answers("ts-exiting-threads")
@needs(Need.SECCOMP)
@covers(TSYNC)
def test_dead_leader(process: Process, tree: Tree, judge: Judge) -> None:
    """A leader that has ended is left out too; its process goes on without it."""
    leader = process.fork()
    caller, sibling = leader.thread(), leader.thread()
    control = sibling.observe(Process.open, tree.file, os.O_RDONLY)
    status = f"/proc/{tid(leader)}/status"
    launched = die_alone(leader)
    while b"State:\tZ" not in process.read_file(status) and not launched.answered:
        pass
    caller.restrict(READ)
    judge(DENIED, sibling.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("ts-exec-race")
@covers(TSYNC)
def test_execve(process: Process, tree: Tree, judge: Judge) -> None:
    """A sibling may execute a program meanwhile: one of both goes first, and neither hangs."""
    program = tree.program(f"{tree.d1}/program")
    control = process.fork().observe(Process.exec, program)
    # Without a race, so that a kernel that lacks the flag says so whichever goes first.
    alone = process.under(UNRELATED).observe(Process.exec, program).outcome
    races = [execute_beside_call(process.fork(), program) for _ in range(FEW // 4)]
    judge(since(TSYNC, Allowed()), all_of(alone, *races), control)


def execute_beside_call(process: Process, program: str) -> Outcome:
    """What becomes of the leader's execve(2), beside a call of a thread that it ends."""
    thread = process.thread()
    thread.no_new_privs()
    ruleset = thread.build(UNRELATED)
    if ruleset.failure:
        return process.observe(Process.exec, program).outcome
    with process.session.in_mode(Mode.DEATH):
        call = thread.restrict_self(ruleset, TSYNC)
    launched = process.session.launch()
    executed = process.observe(Process.exec, program)
    process.session.launch().settle()
    launched.settle()
    if call.failure in (None, "DIED", "GONE"):
        return executed.outcome
    return Rejected("restrict_self", call.failure)
