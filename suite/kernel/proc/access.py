# SPDX-License-Identifier: MIT
"""Who may look at what /proc tells of a process. Source: fs/proc/base.c, kernel/ptrace.c."""

from __future__ import annotations

import errno

from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task
from suite.kernel.tracing import ATTACH, FSCREDS, NOAUDIT, READ, may_access, memory_of


def may_look(kernel: Kernel, task: Task, target: Task, *, audit: bool = True) -> bool:
    """PTRACE_MODE_READ_FSCREDS."""
    return may_access(kernel, task, target, READ | FSCREDS | (0 if audit else NOAUDIT))


def require_look(kernel: Kernel, task: Task, target: Task) -> None:
    """``may_look``, or EACCES.

    Raises:
        Errno: EACCES.
    """
    if not may_look(kernel, task, target):
        raise Errno(errno.EACCES)


def require_attach(kernel: Kernel, task: Task, target: Task) -> None:
    """PTRACE_MODE_ATTACH_FSCREDS, as lock_trace() asks for it.

    Raises:
        Errno: EPERM.
    """
    if not may_access(kernel, task, target, ATTACH | FSCREDS):
        raise Errno(errno.EPERM)


def require_memory(kernel: Kernel, task: Task, target: Task, mode: int = READ) -> None:
    """Be let to look into the memory of a process (proc_mem_open).

    Raises:
        Errno: EACCES. One that has ended can be opened, and holds nothing.
    """
    if target.is_alive:
        memory_of(kernel, task, target, mode | FSCREDS)
