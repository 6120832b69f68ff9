# SPDX-License-Identifier: MIT
"""Signals: who may send them, where they wait, what they do.

A task that the host drives waits for its next call all the time, so a signal that it does not
block acts at once. What it ends is ended when the call that sent it is over (``Kernel.doomed``).
Handlers in the process are code, and no code is run here: rt_sigaction(2) refuses them.

Source: kernel/signal.c; signal(7).
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterable
from signal import SIGCONT, SIGKILL, SIGSTOP

from suite.kernel.capabilities import capable
from suite.kernel.credentials import inside
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Group, PidNamespace, Signal, Task

LAST = 64
"""_NSIG."""
REALTIME = 32
"""SIGRTMIN of the kernel: from here on, signals are queued however many of a number there are."""
SI_USER, SI_KERNEL, SI_QUEUE, SI_TKILL = 0, 0x80, -1, -6
IGNORED = frozenset({signal.SIGCHLD, SIGCONT, signal.SIGWINCH, signal.SIGURG})
"""What does nothing by default."""
STOPPING = frozenset({SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
DUMPING = frozenset(
    {
        signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGFPE,
        signal.SIGSEGV, signal.SIGBUS, signal.SIGSYS, signal.SIGXCPU, signal.SIGXFSZ,
    }
)  # fmt: skip
"""What dumps core by default."""
SIG_DFL, SIG_IGN = 0, 1
CONTINUED = 0xFFFF
"""The status of a process that SIGCONT let go on."""
SA_NOCLDSTOP, SA_NOCLDWAIT = 1, 2


def handler(group: Group, number: int) -> int:
    """What handles a signal in a process: SIG_DFL, SIG_IGN, or an address."""
    action = group.handlers.get(number)
    return int.from_bytes(action[:8], "little") if action else SIG_DFL


def flags(group: Group, number: int) -> int:
    """The SA_* flags for a signal."""
    action = group.handlers.get(number)
    return int.from_bytes(action[8:16], "little") if action else 0


def is_ignored(group: Group, number: int) -> bool:
    """Whether a process ignores a signal, by word or by default."""
    does = handler(group, number)
    return does == SIG_IGN or (does == SIG_DFL and number in IGNORED)


def bit(number: int) -> int:
    """Of a mask of signals."""
    return 1 << (number - 1)


# Who may


def permit(kernel: Kernel, sender: Task, receiver: Task, number: int) -> None:
    """Ask whether a task may send a signal to another; 0 is asked for too.

    Source: check_kill_permission().

    Raises:
        Errno: EINVAL, EPERM, or what Landlock says.
    """
    if not 0 <= number <= LAST:
        raise Errno(errno.EINVAL)
    if (
        sender.group is not receiver.group
        and not _has_power(sender, receiver)
        and (number != SIGCONT or sender.group.session != receiver.group.session)
    ):
        raise Errno(errno.EPERM)
    kernel.hooks.task_kill(sender, receiver, number)


def _has_power(sender: Task, receiver: Task) -> bool:
    """Source: kill_ok_by_cred()."""
    mine, theirs = sender.credentials, receiver.credentials
    return bool({mine.euid, mine.uid} & {theirs.suid, theirs.uid}) or capable(
        mine, "KILL", theirs.user
    )


def from_user(sender: Task, receiver: Task, number: int, code: int = SI_USER) -> Signal:
    """What a signal tells of its sender. Source: prepare_kill_siginfo()."""
    seen = sender.group.leader.number_in(receiver.namespaces.pids)
    uid = inside(receiver.credentials.user.uid_map, sender.credentials.uid)
    return Signal(number, code, seen, uid)


def send_to(
    kernel: Kernel, sender: Task, receiver: Task, sent: Signal, *, to_thread: bool = False
) -> None:
    """Send a signal to a process, by any task of it, or to that task alone.

    Source: group_send_sig_info().
    """
    permit(kernel, sender, receiver, sent.number)
    if sent.number:
        queue(kernel, receiver, sent, to_thread=to_thread)


def send_to_all(kernel: Kernel, sender: Task, receivers: Iterable[Task], number: int) -> None:
    """Send a signal to each process of a process group.

    Source: __kill_pgrp_info(): one that got it is enough.

    Raises:
        Errno: What the last one came to; ESRCH if there is none.
    """
    came_to: int | None = errno.ESRCH
    for it in receivers:
        try:
            send_to(kernel, sender, it, from_user(sender, it, number))
        except Errno as error:
            came_to = error.number if came_to is not None else None
        else:
            came_to = None
    if came_to is not None:
        raise Errno(came_to)


# Who is there


def process_group(kernel: Kernel, number: int) -> list[Task]:
    """The leaders of the processes of a process group (by ``Group.process_group``), newest first.

    Source: attach_pid() puts each before the others.
    """
    leaders = [it for it in kernel.pids.tasks.values() if it.is_leader]
    return [it for it in reversed(leaders) if it.group.process_group == number]


def numbered(pids: PidNamespace, number: int) -> Task:
    """The task of an id in a PID namespace, also one that ended and was not waited for.

    Raises:
        Errno: ESRCH.
    """
    found = pids.tasks.get(number) if number > 0 else None
    if found is None:
        raise Errno(errno.ESRCH)
    return found


# Where they wait, and what they do


def queue(kernel: Kernel, receiver: Task, sent: Signal, *, to_thread: bool = False) -> None:
    """Let a process, or one thread, have a signal, without any question.

    Source: __send_signal_locked().
    """
    group, number = receiver.group, sent.number
    if group.is_doomed or group.status is not None or not receiver.group.threads:
        return
    if not receiver.is_alive:
        if to_thread:
            return
        receiver = group.threads[0]
    _prepare(kernel, group, number)
    if _ignores(kernel, receiver, number):
        return
    waiting = receiver.pending if to_thread else group.pending
    if number < REALTIME and any(it.number == number for it in waiting):
        return
    if number == SIGKILL:
        doom(kernel, receiver, SIGKILL)
        return
    waiting.append(sent)
    for thread in [receiver] if to_thread else [receiver, *group.threads]:
        if not thread.blocked & bit(number):
            act(kernel, thread)
            return


def _prepare(kernel: Kernel, group: Group, number: int) -> None:
    """SIGCONT and stop signals undo each other. Source: prepare_signal()."""
    if number in STOPPING:
        flush(group, frozenset({SIGCONT}))
    elif number == SIGCONT:
        flush(group, STOPPING)
        if group.stopped:
            group.stopped, group.unseen = 0, CONTINUED
            tell_parent_of_change(kernel, group)


def flush(group: Group, numbers: Iterable[int]) -> None:
    """Signals of these numbers no longer wait for a process."""
    for waiting in (group.pending, *(it.pending for it in group.threads)):
        waiting[:] = [it for it in waiting if it.number not in numbers]


def _ignores(kernel: Kernel, task: Task, number: int) -> bool:
    """Source: sig_ignored() and sig_task_ignored()."""
    if task.blocked & bit(number):
        return False
    if task.trace and number != SIGKILL:
        return False
    if task.number == 1 and number in (SIGKILL, SIGSTOP):
        return True
    does = handler(task.group, number)
    is_first = task.group.leader.number_in(task.namespaces.pids) == 1
    if is_first and does == SIG_DFL and number not in (SIGKILL, SIGSTOP):
        return True
    return is_ignored(task.group, number)


def take(task: Task, mask: int) -> Signal | None:
    """Take the first signal of a mask that waits for a task: its own, then its process's.

    Source: dequeue_signal(): the lowest number first.
    """
    for waiting in (task.pending, task.group.pending):
        fit = [it for it in waiting if mask & bit(it.number)]
        if fit:
            found = min(fit, key=lambda it: it.number)
            waiting.remove(found)
            return found
    return None


def act(kernel: Kernel, task: Task) -> None:
    """Let all signals that a task does not block do what they do. Source: get_signal()."""
    while task.is_alive and not task.group.is_doomed:
        if task.group.stopped or (task.trace and task.trace.stop is not None):
            return
        found = take(task, ~task.blocked)
        if found is None:
            return
        if task.trace is not None:
            trap(kernel, task, found.number << 8 | 0x7F, has_caught=True)
            return
        deliver(kernel, task, found.number)


def deliver(kernel: Kernel, task: Task, number: int) -> None:
    """Do what a signal does to a process that does not handle it."""
    group = task.group
    if is_ignored(group, number):
        return
    if number in STOPPING:
        if number == SIGSTOP or not is_orphaned(group):
            group.stopped, group.unseen = number, number << 8 | 0x7F
            tell_parent_of_change(kernel, group)
        return
    doom(kernel, task, number)


def trap(kernel: Kernel, task: Task, status: int, *, has_caught: bool = False) -> None:
    """Stop a task until its tracer lets it go on, and tell the tracer. Source: ptrace_stop()."""
    trace = task.trace
    if trace is None:
        return
    trace.stop, trace.is_unseen, trace.has_caught = status, True, has_caught
    parent = trace.tracer.group
    if not flags(parent, signal.SIGCHLD) & SA_NOCLDSTOP:
        queue(kernel, trace.tracer, Signal(signal.SIGCHLD, 4))


def doom(kernel: Kernel, task: Task, number: int) -> None:
    """End a process by a signal, as soon as the call that is made now is over."""
    kernel.doomed.append((task, int(number)))
    task.group.is_doomed = True


# What parents are told


def tell_parent_of_change(kernel: Kernel, group: Group) -> None:
    """SIGCHLD for a process that stopped or goes on. Source: do_notify_parent_cldstop()."""
    parent = group.parent
    if parent is not None and not flags(parent.group, signal.SIGCHLD) & SA_NOCLDSTOP:
        queue(kernel, parent, Signal(signal.SIGCHLD, 5))


def tell_parent_of_end(kernel: Kernel, group: Group) -> bool:
    """The signal at the end of a process; whether nobody will ask for its status.

    Source: do_notify_parent().
    """
    parent, number = group.parent, group.exit_signal
    if parent is None:
        return True
    is_wanted = not (
        number == signal.SIGCHLD
        and (handler(parent.group, number) == SIG_IGN or flags(parent.group, number) & SA_NOCLDWAIT)
    )
    if number and (is_wanted or handler(parent.group, number) != SIG_IGN):
        seen = group.leader.number_in(parent.namespaces.pids)
        queue(kernel, parent, Signal(number, 1, seen))
    return not is_wanted


def is_orphaned(group: Group, without: Group | None = None) -> bool:
    """Whether no process of a process group has a parent elsewhere in its session.

    Source: will_become_orphaned_pgrp() in kernel/exit.c.
    """
    return not any(
        it.group.parent is not None
        and it.group is not without
        and it.group.status is None
        and it.group.parent.number != 1
        and it.group.parent.group.process_group != group.process_group
        and it.group.parent.group.session == group.session
        for it in _members(group)
    )


def _members(group: Group) -> list[Task]:
    """The leaders of the processes of a process group that has a member."""
    *_, pids = group.leader.namespaces.pids.up()
    return [
        it
        for it in pids.tasks.values()
        if it.is_leader and it.group.process_group == group.process_group
    ]


def hang_up_orphans(kernel: Kernel, group: Group, parent: Task | None, ended: Group | None) -> None:
    """SIGHUP and SIGCONT for a stopped process group that loses its last parent outside.

    Args:
        kernel: The system.
        group: A process of it, which ends, or whose parent does.
        parent: Its parent.
        ended: It, if it is that which ends.

    Source: kill_orphaned_pgrp() in kernel/exit.c.
    """
    if (
        parent is None
        or parent.group.process_group == group.process_group
        or parent.group.session != group.session
        or not is_orphaned(group, ended)
    ):
        return
    members = _members(group)
    if any(it.group.stopped for it in members):
        for number in (signal.SIGHUP, SIGCONT):
            for it in members:
                queue(kernel, it, Signal(number, SI_KERNEL))
