# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC looks for threads until there are no more of them.

Source: security/landlock/tsync.c, landlock_restrict_sibling_threads(): its loop, and
cancel_tsync_works() where the wait is interrupted.
"""

import os
import signal

from cases.filters import answer
from cases.inheritance.held import counter, hold, release, tid, waits
from suite.case import (
    FS, RESTRICT, Denied, Facts, Judge, Need, Process, Ruleset, Tree, answers, covers, needs,
    own_memory, since,
)  # fmt: skip
from suite.process.promise import Batch
from suite.process.uapi import (
    PTRACE_CONT,
    PTRACE_O_TRACESECCOMP,
    PTRACE_SEIZE,
    SECCOMP_RET_TRACE,
)

pytestmark = own_memory

READ_TSYNC = Ruleset(fs=FS.READ_FILE, flags=RESTRICT.TSYNC)
WRITE_TSYNC = Ruleset(fs=FS.WRITE_FILE, flags=RESTRICT.TSYNC)
DENIED = since(RESTRICT.TSYNC, Denied("EACCES"))


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def stops(watcher: Process, thread: Process, launched: Batch) -> bool:
    """Whether a launched call of a thread is stopped for its tracer before it returns."""
    while not launched.answered:
        if b"State:\tt" in watcher.read_file(f"/proc/{tid(thread)}/status"):
            return True
    return False


@answers("ts-second-round")
@covers(RESTRICT.TSYNC)
@needs(Need.SECCOMP)
def test_thread_of_a_waited_for(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that one makes which is waited for already is found in a second round."""
    caller = process.fork()
    maker, witness = caller.thread(), caller.thread()
    control = maker.observe(read, tree)
    maker.no_new_privs()
    maker.seccomp(answer(process, "clone", SECCOMP_RET_TRACE))
    process.syscall("ptrace", PTRACE_SEIZE, tid(maker), 0, PTRACE_O_TRACESECCOMP).batch.settle()
    made = maker.thread()
    making = process.session.launch()
    process.wait(tid(maker)).batch.settle()  # it is about to make a thread
    caller.restrict(READ_TSYNC)
    restricting = process.session.launch()
    waits(process, witness, restricting)
    process.ptrace(PTRACE_CONT, tid(maker)).batch.settle()
    making.settle()
    restricting.settle()
    judge(DENIED, made.observe(read, tree), control)


@answers("ts-cancelled")
@covers(RESTRICT.TSYNC)
def test_several_held(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that a signal interrupts gives up on each thread that is held, and begins anew."""
    handler = counter(process, facts.machine)
    caller = process.fork()
    handler.install(caller, signal.SIGUSR1)
    held, witness = [caller.thread() for _ in range(3)], caller.thread()
    control = held[-1].observe(read, tree)
    for thread in held:
        hold(process, thread)
    caller.restrict(READ_TSYNC)
    launched = process.session.launch()
    if waits(process, witness, launched):
        process.tgkill(tid(caller), tid(caller), signal.SIGUSR1)
    for thread in held:
        release(process, thread)
    launched.settle()
    judge(DENIED, held[-1].observe(read, tree), control)


@answers("ts-called-at-once")
@covers(RESTRICT.TSYNC)
@needs(Need.SECCOMP)
def test_called_meanwhile(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A thread that calls while it is waited for takes part first, and has its own turn then."""
    caller = process.fork()
    second, witness = caller.thread(), caller.thread()
    control = witness.observe(Process.open, tree.file, os.O_RDWR)
    if not facts.abi:  # there is nothing to be called
        judge(DENIED, process.under(READ_TSYNC).observe(read, tree), control)
        return
    ruleset = second.build(READ_TSYNC)
    second.no_new_privs()
    second.seccomp(answer(process, "landlock_restrict_self", SECCOMP_RET_TRACE))
    process.syscall("ptrace", PTRACE_SEIZE, tid(second), 0, PTRACE_O_TRACESECCOMP).batch.settle()
    second.observe(Process.restrict_self, ruleset, RESTRICT.TSYNC)
    calling = process.session.launch()
    if stops(process, second, calling):
        caller.restrict(WRITE_TSYNC)
        restricting = process.session.launch()
        waits(process, witness, restricting)
        process.ptrace(PTRACE_CONT, tid(second)).batch.settle()
        restricting.settle()
    if stops(process, second, calling):  # it is about to call once more
        process.ptrace(PTRACE_CONT, tid(second)).batch.settle()
    calling.settle()
    tried = [witness.observe(Process.open, tree.file, it) for it in (os.O_RDONLY, os.O_WRONLY)]
    free = (it.outcome for it in tried if it.outcome != Denied("EACCES"))
    judge(DENIED, next(free, tried[0].outcome), control)
