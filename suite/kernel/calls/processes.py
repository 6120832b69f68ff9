# SPDX-License-Identifier: MIT
"""Who a process is, whose child, and of which group; how it ends and is waited for.

Source: kernel/exit.c and kernel/sys.c.
"""

from __future__ import annotations

import errno
import os

from suite.kernel import life, signals
from suite.kernel.errors import Died, Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task, Trace
from suite.process.uapi import WALL

_WNOTHREAD, _WCLONE = 0x20000000, 0x80000000
_SIGCHLD = 17
_CLONE_ARGS_SIZE_VER0 = 64


@call("getpid")
def getpid(kernel: Kernel, task: Task) -> int:
    """getpid(2)."""
    return task.group.leader.number_in(task.namespaces.pids)


@call("gettid")
def gettid(kernel: Kernel, task: Task) -> int:
    """gettid(2)."""
    return task.number_in(task.namespaces.pids)


@call("getppid")
def getppid(kernel: Kernel, task: Task) -> int:
    """getppid(2): 0 if it is outside of the PID namespace."""
    parent = task.group.parent
    return parent.group.leader.number_in(task.namespaces.pids) if parent else 0


@call("getpgid")
def getpgid(kernel: Kernel, task: Task, pid: CInt) -> int:
    """getpgid(2)."""
    return seen(kernel, task, _asked(task, pid).group.process_group)


@call("getpgrp")
def getpgrp(kernel: Kernel, task: Task) -> int:
    """getpgrp(2)."""
    return seen(kernel, task, task.group.process_group)


@call("getsid")
def getsid(kernel: Kernel, task: Task, pid: CInt) -> int:
    """getsid(2)."""
    return seen(kernel, task, _asked(task, pid).group.session)


def _asked(task: Task, pid: int) -> Task:
    return signals.numbered(task.namespaces.pids, pid) if pid else task


def seen(kernel: Kernel, task: Task, number: int) -> int:
    """The number that a process group or session has for a task; 0 if it is outside."""
    pids = task.namespaces.pids
    if pids is kernel.pids:
        return number
    leader = kernel.pids.tasks.get(number)
    if leader is None:
        raise NotModelled("processes: a group without its leader, in a PID namespace")
    return leader.number_in(pids)


@call("setpgid")
def setpgid(kernel: Kernel, task: Task, pid: CInt, group: CInt) -> int:
    """setpgid(2)."""
    if group < 0:
        raise Errno(errno.EINVAL)
    moved = _asked(task, pid).group
    if pid and not moved.leader.is_leader:
        raise Errno(errno.EINVAL)
    own = task.group
    if moved.parent is not None and moved.parent.group is own and moved is not own:
        if moved.session != own.session:
            raise Errno(errno.EPERM)
        if moved.leader.is_new_image:
            raise Errno(errno.EACCES)
    elif moved is not own:
        raise Errno(errno.ESRCH)
    if moved.session == moved.leader.number:
        raise Errno(errno.EPERM)
    number = moved.leader.number
    if group and group != moved.leader.number_in(task.namespaces.pids):
        number = _group_of_session(kernel, task, group)
    moved.process_group = number
    return 0


def _group_of_session(kernel: Kernel, task: Task, group: int) -> int:
    """The process group of this number, if it is in the session of the task."""
    leader = task.namespaces.pids.tasks.get(group)
    number = leader.number if leader else 0
    members = signals.process_group(kernel, number) if number else []
    if not any(it.group.session == task.group.session for it in members):
        raise Errno(errno.EPERM)
    return number


@call("setsid")
def setsid(kernel: Kernel, task: Task) -> int:
    """setsid(2)."""
    group, number = task.group, task.group.leader.number
    if signals.process_group(kernel, number):
        raise Errno(errno.EPERM)
    group.session = group.process_group = number
    group.extra.pop("terminal", None)
    return group.leader.number_in(task.namespaces.pids)


@call("clone3")
def clone3(kernel: Kernel, task: Task, arguments: Pointer, size: CUlong) -> int:
    """clone3(2) of what would not serve: only its refusals. Source: copy_clone_args_from_user()."""
    if size > PAGE:
        raise Errno(errno.E2BIG)
    if size < _CLONE_ARGS_SIZE_VER0:
        raise Errno(errno.EINVAL)
    task.memory.read(arguments, size)
    raise NotModelled("processes: clone3 as a plain call")


@call("exit")
def exit_thread(kernel: Kernel, task: Task, status: CInt) -> int:
    """exit(2) of this thread alone."""
    life.end(kernel, task, (status & 0xFF) << 8)
    raise Died


@call("exit_group")
def exit_group(kernel: Kernel, task: Task, status: CInt) -> int:
    """exit_group(2)."""
    life.end_group(kernel, task, (status & 0xFF) << 8)
    raise Died


# Waiting


@call("wait4")
def wait4(
    kernel: Kernel, task: Task, pid: CInt, status: Pointer, options: CUint, usage: Pointer
) -> int:
    """wait4(2). It knows ended children, and stopped and continued ones if asked."""
    known = os.WNOHANG | os.WUNTRACED | os.WCONTINUED | _WNOTHREAD | _WCLONE | WALL
    if options & ~known:
        raise Errno(errno.EINVAL)
    if pid == -(1 << 31):
        raise Errno(errno.ESRCH)
    if options & (_WNOTHREAD | _WCLONE):
        raise NotModelled("processes: options of wait4")
    if usage:
        raise NotModelled("processes: resource usage")
    has_any = False
    for it in _waited_for(kernel, task):
        if not _is_asked_for(kernel, task, it, pid, options):
            continue
        has_any = True
        told = _status(kernel, task, it, options)
        if told is not None:
            number = it.number_in(task.namespaces.pids)
            if told & 0x7F != 0x7F:
                _collect(kernel, task, it)
            if status:
                task.memory.put(status, told, 4)
            return number
    if not has_any:
        raise Errno(errno.ECHILD)
    if options & os.WNOHANG:
        return 0
    raise Waits


def _waited_for(kernel: Kernel, task: Task) -> list[Task]:
    """The children of its process, by their leaders, and what any thread of it traces."""
    children = [it.leader for it in task.group.children]
    if kernel.has_traced:
        for it in kernel.pids.tasks.values():
            if it.tracer is not None and it.tracer.group is task.group and it not in children:
                children.append(it)
    return children


def _is_asked_for(kernel: Kernel, task: Task, it: Task, pid: int, options: int) -> bool:
    if not options & WALL and not it.trace and it.group.exit_signal != _SIGCHLD:
        return False
    if pid > 0:
        return it.number_in(task.namespaces.pids) == pid
    if pid == -1:
        return True
    return seen(kernel, task, it.group.process_group) == (
        -pid if pid else seen(kernel, task, task.group.process_group)
    )


def _status(kernel: Kernel, task: Task, it: Task, options: int) -> int | None:
    """What there is to tell of a child or tracee; None if there is nothing."""
    group, trace = it.group, it.trace
    if trace is not None and trace.tracer.group is task.group:
        return _status_of_tracee(it, trace)
    if trace is not None or group.status is not None:
        return None if trace else group.status
    wanted = os.WCONTINUED if group.unseen == signals.CONTINUED else os.WUNTRACED
    if group.unseen is not None and options & wanted:
        told, group.unseen = group.unseen, None
        return told
    return None


def _status_of_tracee(it: Task, trace: Trace) -> int | None:
    status = it.group.status if it.is_leader else it.status
    if status is None and trace.stop is not None and trace.is_unseen:
        trace.is_unseen = False
        return trace.stop
    return status


def _collect(kernel: Kernel, task: Task, it: Task) -> None:
    """An ended one was told of: it is no more, or its parent is to be told."""
    if it.trace is not None:
        is_own = it.group.parent is not None and it.group.parent.group is task.group
        if not is_own or it is not it.group.leader:
            life.let_go(kernel, it)
            return
        it.trace = None
    life.reap(it.group)
