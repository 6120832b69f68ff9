# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL beside what else decides on kill(2): errors, credentials, execve(2).

Source: check_kill_permission() and kill_something_info() in kernel/signal.c; kill(2).
"""

import signal
from collections.abc import Callable

from cases.scope.signals import ALLOWED, DENIED, SCOPED, kill, pid
from suite.case import (
    SCOPE, Call, Case, Denied, Judge, Need, Process, Tree, answers, covers, needs, own_memory,
    since, table,
)  # fmt: skip

NOBODY = 65534
NO_SIGNAL = signal.SIGRTMAX + 1
MOST_PIDS = 1 << 22
"""No process has this id, nor that of a group."""


class Mistake(Case, frozen=True, kw_only=True):
    """A call that fails in a domain and elsewhere alike."""

    send: Callable[[Process, Call], object]


def wrong_thread_group(sender: Process, receiver: Call) -> None:
    sender.tgkill(sender.getpid(), receiver, 0)


NO_SUCH = since(SCOPE.SIGNAL, Denied("ESRCH"))
MISTAKES = {
    "no-such-process": Mistake(
        send=lambda sender, receiver: sender.kill(MOST_PIDS, 0),
        answers="sig-esrch",
        expect=NO_SUCH,
    ),
    "no-such-group": Mistake(
        send=lambda sender, receiver: sender.kill(-MOST_PIDS, 0),
        answers="sig-esrch",
        expect=NO_SUCH,
    ),
    "wrong-thread-group": Mistake(send=wrong_thread_group, answers="sig-esrch", expect=NO_SUCH),
    "no-such-signal": Mistake(
        send=lambda sender, receiver: sender.kill(receiver, NO_SIGNAL),
        answers="sig-einval",
        expect=since(SCOPE.SIGNAL, Denied("EINVAL")),
    ),
}


@covers(SCOPE.SIGNAL)
@table(MISTAKES)
def test_mistakes(case: Mistake, process: Process, judge: Judge) -> None:
    """What is wrong with the arguments is told before anything is asked of Landlock."""
    control = process.observe(kill, pid(process), 0)
    judge(case.expect, process.under(SCOPED).observe(case.send, pid(process)), control)


@answers("sig-zombie")
@covers(SCOPE.SIGNAL)
def test_zombie(process: Process, judge: Judge) -> None:
    """A zombie is still in its domain, or outside of every one."""
    zombie = process.fork()
    pidfd = process.pidfd_open(pid(zombie))
    zombie.exit()
    process.poll(pidfd)
    control = process.observe(kill, pid(zombie), 0)
    judge(DENIED, process.under(SCOPED).observe(kill, pid(zombie), 0), control)


@answers("sig-kill-prechild")
@covers(SCOPE.SIGNAL)
def test_child_forked_before(process: Process, judge: Judge) -> None:
    """A child that was forked before can't be killed, but waited for."""
    parent = process.fork()
    victim, child = parent.fork(), parent.fork()
    control = parent.observe(kill, pid(victim), signal.SIGKILL)
    parent.restrict(SCOPED)
    observed = parent.observe(kill, pid(child), signal.SIGKILL)
    child.exit()
    parent.wait(pid(child))
    judge(DENIED, observed, control)


@answers("sig-pid1")
@covers(SCOPE.SIGNAL)
@needs(Need.ROOT)
def test_init(process: Process, judge: Judge) -> None:
    """Process 1 is outside of the domain too."""
    control = process.fork().observe(Process.kill, 1, 0)
    judge(DENIED, process.under(SCOPED).observe(Process.kill, 1, 0), control)


class User(Case, frozen=True, kw_only=True):
    """What the sender does with its credentials before it signals a process of the same user."""

    become: Callable[[Process], object]


USERS = {
    "with-all-capabilities": User(
        become=Process.getpid, needs=(Need.ROOT,), answers="sig-root-caps", expect=DENIED
    ),
    "without-capabilities": User(become=Process.drop_capabilities, expect=DENIED),
    "after-setuid": User(
        become=lambda process: process.setuid(NOBODY),
        needs=(Need.ROOT,),
        answers="sig-after-setuid",
        expect=DENIED,
    ),
}


@covers(SCOPE.SIGNAL)
@table(USERS)
@own_memory
def test_users(case: User, process: Process, judge: Judge) -> None:
    """Neither CAP_KILL nor a change of the user lifts the scope."""
    receiver = process.fork()
    free, sandboxed = process.fork(), process.under(SCOPED)
    for member in (receiver, free, sandboxed):
        case.become(member)
    control = free.observe(kill, pid(receiver), 0)
    judge(DENIED, sandboxed.observe(kill, pid(receiver), 0), control)


@answers("sig-after-exec")
@covers(SCOPE.SIGNAL)
def test_after_execve(process: Process, tree: Tree, judge: Judge) -> None:
    """The scope stays across execve(2)."""
    program = tree.program(f"{tree.d1}/program")
    control = process.fork().observe(kill, pid(process), 0)
    sandboxed = process.under(SCOPED)
    sandboxed.exec(program)
    judge(DENIED, sandboxed.observe(kill, pid(process), 0), control)


@covers(SCOPE.SIGNAL)
def test_receiver_after_execve(process: Process, tree: Tree, judge: Judge) -> None:
    """What was executed in the domain is still in reach."""
    program = tree.program(f"{tree.d1}/program")
    sandboxed = process.under(SCOPED)
    receiver = sandboxed.fork()
    receiver.exec(program)
    judge(ALLOWED, sandboxed.observe(kill, pid(receiver), 0))
