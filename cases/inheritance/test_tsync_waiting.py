# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC waits for each thread to take part.

Source: security/landlock/tsync.c, landlock_restrict_sibling_threads():
wait_for_completion_interruptible(), and -ERESTARTNOINTR when it was interrupted.
"""

import os
import signal

from cases.inheritance.held import counter, hold, release, tid, waits
from suite.case import (
    FS, RESTRICT, Denied, Facts, Int, Judge, Mode, Outcome, Process, Rejected, Ruleset, Seen, Tree,
    answers, covers, own_memory, since,
)  # fmt: skip
from suite.process.uapi import CLONE_VFORK

pytestmark = own_memory

READ_TSYNC = Ruleset(fs=FS.READ_FILE, flags=RESTRICT.TSYNC)
DENIED = since(RESTRICT.TSYNC, Denied("EACCES"))


def having(waited: bool, thread: Process, tree: Tree) -> Outcome:
    """What a thread may do, if the call that restricted it waited as it has to."""
    outcome = thread.observe(Process.open, tree.file, os.O_RDONLY).outcome
    return outcome if waited or isinstance(outcome, Rejected) else Seen("did not wait")


@answers("ts-ptrace-stopped")
@covers(RESTRICT.TSYNC)
def test_stopped_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """The call waits for a thread that a tracer holds, and restricts it then."""
    caller = process.fork()
    thread, witness = caller.thread(), caller.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    hold(process, thread)
    caller.restrict(READ_TSYNC)
    launched = process.session.launch()
    waited = waits(process, witness, launched)
    release(process, thread)
    launched.settle()
    judge(DENIED, having(waited, thread, tree), control)


@answers("ts-vfork-sibling")
@covers(RESTRICT.TSYNC)
def test_thread_in_vfork(process: Process, tree: Tree, judge: Judge) -> None:
    """The call waits for a thread that waits for its child of vfork(2), and restricts it then."""
    session = process.session
    ready, end = process.pipe(), process.pipe()
    caller = process.fork()
    thread, witness = caller.thread(), caller.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    session.flush()
    child = thread.fork(CLONE_VFORK)
    with session.in_mode(Mode.DEATH):
        child.write(Int(ready, 4), b"x")
        child.read(Int(end, 0), 1)
        child.kill(child.getpid(), signal.SIGKILL)
    in_vfork = session.launch()
    caller.read(Int(ready, 0), 1)
    caller.restrict(READ_TSYNC)
    launched = session.launch()
    waited = waits(process, witness, launched)
    process.write(Int(end, 4), b"x").batch.settle()
    in_vfork.settle()
    launched.settle()
    judge(DENIED, having(waited, thread, tree), control)


@answers("ts-signal-restart")
@covers(RESTRICT.TSYNC)
def test_signals(process: Process, tree: Tree, judge: Judge, facts: Facts) -> None:
    """A caller that waits handles its signals, then goes on waiting: the call never gives EINTR."""
    handler = counter(process, facts.machine)
    caller = process.fork()
    handler.install(caller, signal.SIGUSR1)
    thread, witness = caller.thread(), caller.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    hold(process, thread)
    caller.restrict(READ_TSYNC)
    launched = process.session.launch()
    waited = waits(process, witness, launched)
    for count in (1, 2, 3):
        process.tgkill(tid(caller), tid(caller), signal.SIGUSR1)
        while not launched.answered and handler.count(process) < count:
            pass
        waited = waited and waits(process, witness, launched)
    release(process, thread)
    launched.settle()
    judge(DENIED, having(waited, thread, tree), control)
