# SPDX-License-Identifier: MIT
"""How tasks end, and what the host does to them."""

from __future__ import annotations

from contextlib import suppress
from signal import SIGCHLD, SIGKILL, SIGSYS

from suite.kernel import dumps, signals
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.regular import allow_writing
from suite.kernel.tasks import Group, Signal, Task

DUMPED = 0x80
"""In the status of a process that dumped core."""


def is_held(task: Task) -> bool:
    """Whether a task can't go on: it is stopped, or waits for its child of vfork(2).

    The call of its that waits is made again when it can.
    """
    trace = task.trace
    if trace is not None and trace.at_calls:
        raise NotModelled("tracing: stops at system calls")
    is_stopped = bool(task.group.stopped) or (trace is not None and trace.stop is not None)
    return is_stopped or is_in_vfork(task)


def is_in_vfork(task: Task) -> bool:
    """Whether its child of vfork(2) has called neither execve(2) nor exit(2) yet."""
    child = task.waits_for
    if child is not None and (not child.is_alive or child.is_new_image):
        child = task.waits_for = None
    return child is not None


# Ends


def end(kernel: Kernel, task: Task, status: int) -> None:
    """exit(2) of one thread, with a status as wait4(2) gives it.

    Source: do_exit() in kernel/exit.c.
    """
    group = task.group
    task.is_alive = False
    task.status = status
    group.threads.remove(task)
    task.pending.clear()
    task.waits_for = None
    leave_memory(task)
    task.fs.users -= 1
    task.files.users -= 1
    if not task.files.users:
        task.files.close_all()
    _let_tracees_go(kernel, task)
    _leave_children(kernel, task)
    if not group.threads:
        _end_of_process(kernel, task, status)
    if task.trace is not None:
        signals.queue(kernel, task.trace.tracer, Signal(SIGCHLD, 1))
    elif not task.is_leader:
        forget_number(task)


def leave_memory(task: Task) -> None:
    """A task no longer uses its memory. Source: mmput() in kernel/fork.c."""
    memory = task.memory
    memory.users -= 1
    if not memory.users and memory.program is not None:
        allow_writing(memory.program)


def end_group(kernel: Kernel, task: Task, status: int) -> None:
    """exit_group(2), or a signal that ends a process: all of its threads.

    Source: do_group_exit() in kernel/exit.c.
    """
    group = task.group
    group.stopped = 0
    for thread in [it for it in group.threads if it is not task]:
        end(kernel, thread, status)
    if task.is_alive:
        end(kernel, task, status)


def end_by_filter(kernel: Kernel, task: Task, *, whole: bool) -> None:
    """SIGSYS of a seccomp filter, which ends a process, or this thread if there are others.

    Source: __seccomp_filter() in kernel/seccomp.c.
    """
    if whole or len(task.group.threads) == 1:
        end_group(kernel, task, int(SIGSYS))
    else:
        end(kernel, task, int(SIGSYS))


def _end_of_process(kernel: Kernel, task: Task, status: int) -> None:
    group = task.group
    group.status = status if group.leader.status is None else group.leader.status
    group.pending.clear()
    group.stopped = 0
    pids = task.namespaces.pids
    if group.leader.number_in(pids) == 1:
        _end_namespace(kernel, group)
    signals.hang_up_orphans(kernel, group, group.parent, group)
    if group.leader.trace is None and signals.tell_parent_of_end(kernel, group):
        reap(group)


def _end_namespace(kernel: Kernel, first: Group) -> None:
    """All end with the first process of their PID namespace, which waits for those it is left.

    Source: zap_pid_ns_processes() in kernel/pid_namespace.c.
    """
    pids = first.leader.namespaces.pids
    for other in list(pids.tasks.values()):
        if other.is_alive:
            end_group(kernel, other, int(SIGKILL))
    for other in list(pids.tasks.values()):
        group, parent = other.group, other.group.parent
        is_zombie = group is not first and group.status is not None and other is group.leader
        if is_zombie and (parent is None or parent.namespaces.pids is pids):
            reap(group)


def _leave_children(kernel: Kernel, task: Task) -> None:
    """Its children get another parent, and the signal that they asked for.

    Source: forget_original_parent() in kernel/exit.c.
    """
    for child in [it for it in task.group.children if it.parent is task]:
        heir = _heir(kernel, task)
        child.parent = heir
        for thread in list(child.threads):
            if thread.death_signal:
                _warn(kernel, task, thread)
        if heir is None or heir.group is task.group:
            continue
        task.group.children.remove(child)
        heir.group.children.append(child)
        child.exit_signal = SIGCHLD
        is_zombie = child.status is not None and child.leader.trace is None
        if is_zombie and signals.tell_parent_of_end(kernel, child):
            reap(child)
        signals.hang_up_orphans(kernel, child, task, None)


def _warn(kernel: Kernel, parent: Task, thread: Task) -> None:
    """The parent-death signal comes from the dying parent, if that may send it."""
    sent = Signal(thread.death_signal)  # SEND_SIG_NOINFO
    with suppress(Errno):
        signals.send_to(kernel, parent, thread, sent)


def _let_tracees_go(kernel: Kernel, tracer: Task) -> None:
    """Source: exit_ptrace() in kernel/ptrace.c."""
    for it in list(kernel.pids.tasks.values()) if kernel.has_traced else ():
        if it.trace is not None and it.trace.tracer is tracer:
            let_go(kernel, it)


def let_go(kernel: Kernel, tracee: Task) -> None:
    """Nobody traces it any more. Source: __ptrace_detach()."""
    tracee.trace = None
    group = tracee.group
    if tracee.is_alive:
        signals.act(kernel, tracee)
    elif tracee is not group.leader:
        forget_number(tracee)
    elif group.status is not None and signals.tell_parent_of_end(kernel, group):
        reap(group)


def _heir(kernel: Kernel, task: Task) -> Task | None:
    """Who becomes the parent of a dying task's children. Source: find_new_reaper()."""
    if task.group.threads:
        return task.group.threads[0]
    pids = task.namespaces.pids
    it = task.group.parent
    while it is not None and it.namespaces.pids is pids:
        if it.group.is_subreaper and it.group.threads:
            return it.group.threads[0]
        it = it.group.parent
    first = pids.tasks.get(1)
    return first.group.threads[0] if first is not None and first.group.threads else None


def reap(group: Group) -> None:
    """Nobody will ask for an ended process any more. Source: release_task()."""
    forget_number(group.leader)
    if group.parent is not None and group in group.parent.group.children:
        group.parent.group.children.remove(group)


def bury(kernel: Kernel) -> None:
    """End what signals have doomed; to be called when a call is over."""
    while kernel.doomed:
        task, number = kernel.doomed.pop(0)
        if task.group.status is None:
            dying = task if task.is_alive else task.group.threads[0]
            has_core = dumps.dump(kernel, dying, number)
            end_group(kernel, dying, number | DUMPED * has_core)


def forget_number(task: Task) -> None:
    """Its ids are no longer its own."""
    for pids in task.namespaces.pids.up():
        if pids.tasks.get(task.number_in(pids)) is task:
            del pids.tasks[task.number_in(pids)]


# What the host does


def give(kernel: Kernel, task: Task, fd: int, identity: int) -> int:
    """Send a descriptor to the task of that identity (SCM_RIGHTS); its number there."""
    file = task.files.get(fd, or_path=True)
    return kernel.tasks[identity].files.add(file, closes_on_exec=True)


def kill(kernel: Kernel, task: Task) -> None:
    """SIGKILL from nobody that Landlock would ask about."""
    if task.group.threads:
        end_group(kernel, task.group.threads[0], int(SIGKILL))
        bury(kernel)


def forget(kernel: Kernel, task: Task) -> None:
    """``kill``, and the host's number is free again; the task may have ended already."""
    kill(kernel, task)
    del kernel.tasks[task.identity]
