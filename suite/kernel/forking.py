# SPDX-License-Identifier: MIT
"""clone(2): how tasks begin."""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass

from suite.kernel import namespaces, signals
from suite.kernel.credentials import Credentials
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.memory import Memory
from suite.kernel.open_files import FileTable
from suite.kernel.regular import deny_writing
from suite.kernel.tasks import FsContext, Group, Namespaces, PidNamespace, Task
from suite.process.uapi import (
    CLONE_CLEAR_SIGHAND,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_VFORK,
    CLONE_VM,
)

_CSIGNAL = 0xFF
"""The bits of clone(2)'s flags that are the signal at the end of a child."""
_CLONE_THREAD = 1 << 16
_SHARING = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | _CLONE_THREAD | CLONE_SYSVSEM
_KNOWN = _SHARING | CLONE_VFORK | CLONE_CLEAR_SIGHAND | namespaces.NEW | CLONE_NEWUSER
_RESET = (signal.SIGCHLD, signal.SIGPIPE)
"""What a process that the agent forked handles as if nobody had told it (``tasks.c``)."""


@dataclass(slots=True)
class _Heritage:
    """What a new task has, of its own or together with its parent."""

    credentials: Credentials
    files: FileTable
    fs: FsContext
    memory: Memory
    spaces: Namespaces


def fork(kernel: Kernel, task: Task, identity: int, flags: int) -> int:
    """clone(2) with CLONE_* flags and the signal at its end; the child is ``identity`` to the host.

    Source: copy_process() in kernel/fork.c.

    Returns:
        Its id, in the PID namespace of the parent.
    """
    at_end, flags = flags & _CSIGNAL, flags & ~_CSIGNAL
    if flags & ~_KNOWN:
        raise NotModelled("processes: clone flags")
    _check(task, flags)
    inherited = _inherited(kernel, task, flags)
    numbers = _numbers(inherited.spaces.pids_for_children)
    child = Task(
        identity,
        numbers[kernel.pids.number],
        task.group if flags & _CLONE_THREAD else _group(task, at_end, flags),
        inherited.credentials,
        inherited.files,
        inherited.fs,
        inherited.memory,
        inherited.spaces,
        task.name,
        task.arch,
        no_new_privs=task.no_new_privs,
        blocked=task.blocked,
        executable=task.executable,
        numbers=numbers,
    )
    if filters := task.extra.get("seccomp"):
        child.extra["seccomp"] = filters
    _settle(kernel, task, child, flags)
    return child.number_in(task.namespaces.pids)


def _check(task: Task, flags: int) -> None:
    """Source: the beginning of copy_process()."""
    is_thread = flags & _CLONE_THREAD
    if (
        (flags & CLONE_FS and flags & (CLONE_NEWNS | CLONE_NEWUSER))
        or (is_thread and not flags & CLONE_SIGHAND)
        or (flags & CLONE_SIGHAND and not flags & CLONE_VM)
        or (flags & CLONE_SIGHAND and flags & CLONE_CLEAR_SIGHAND)
    ):
        raise Errno(errno.EINVAL)
    spaces = task.namespaces
    if is_thread and (
        flags & (CLONE_NEWUSER | CLONE_NEWPID) or spaces.pids_for_children is not spaces.pids
    ):
        raise Errno(errno.EINVAL)
    if flags & CLONE_SIGHAND and not is_thread:
        raise NotModelled("processes: signal handlers of several processes")


def _inherited(kernel: Kernel, task: Task, flags: int) -> _Heritage:
    """Raises ``Errno`` before anything is changed."""
    credentials = task.credentials
    if not flags & _CLONE_THREAD:
        credentials = kernel.hooks.cred_prepare(credentials)
    if flags & CLONE_NEWUSER:
        credentials = namespaces.in_new_user_namespace(kernel, task, credentials)
    fs = task.fs if flags & CLONE_FS else task.fs.copy()
    spaces = namespaces.fresh(kernel, task, credentials, flags, fs)
    pids = spaces.pids_for_children
    if pids.last and not _init_of(pids):
        raise Errno(errno.ENOMEM)  # its first process is no more
    if spaces.pids is not pids or spaces.time is not spaces.time_for_children:
        spaces = spaces.copy()
        spaces.pids, spaces.time = pids, spaces.time_for_children
    files = task.files if flags & CLONE_FILES else task.files.copy()
    if flags & CLONE_FILES:
        files.users += 1
    if flags & CLONE_FS:
        fs.users += 1
    if flags & CLONE_VM:
        memory = task.memory
        memory.users += 1
    else:
        memory = task.memory.copy()
        if memory.program is not None:
            deny_writing(memory.program)
    return _Heritage(credentials, files, fs, memory, spaces)


def _init_of(pids: PidNamespace) -> Task | None:
    """The first process of a PID namespace, while it lives."""
    first = pids.tasks.get(1)
    return first if first is not None and first.group.status is None else None


def _numbers(pids: PidNamespace) -> dict[int, int]:
    """A new id in a PID namespace and in those around it."""
    numbers = {}
    for it in pids.up():
        it.last += 1
        numbers[it.number] = it.last
    return numbers


def _group(task: Task, at_end: int, flags: int) -> Group:
    was = task.group
    group = Group(
        parent=task,
        process_group=was.process_group,
        session=was.session,
        exit_signal=at_end,
        limits=dict(was.limits),
        dumpable=was.dumpable,
        extra=dict(was.extra),
    )
    if not flags & CLONE_CLEAR_SIGHAND:
        group.handlers = {n: it for n, it in was.handlers.items() if n not in _RESET}
    else:
        group.handlers = {
            n: it
            for n, it in was.handlers.items()
            if n not in _RESET and signals.handler(was, n) == signals.SIG_IGN
        }
    was.children.append(group)
    return group


def _settle(kernel: Kernel, task: Task, child: Task, flags: int) -> None:
    """Put the child where it is found."""
    group = child.group
    if not flags & _CLONE_THREAD:
        group.leader = child
    group.threads.append(child)
    for pids in child.namespaces.pids.up():
        pids.tasks[child.numbers[pids.number]] = child
    kernel.tasks[child.identity] = child
    if flags & CLONE_VFORK:
        task.waits_for = child
