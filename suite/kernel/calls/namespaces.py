# SPDX-License-Identifier: MIT
"""unshare(2) and setns(2).

Source: ksys_unshare() in kernel/fork.c; kernel/nsproxy.c.
"""

from __future__ import annotations

import errno

from suite.kernel import namespaces
from suite.kernel.errors import Errno
from suite.kernel.identity import commit
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CUlong, call
from suite.kernel.tasks import Task
from suite.process.uapi import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
)

_THREAD = CLONE_THREAD & ~(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM)
_ALONE = _THREAD | CLONE_SIGHAND | CLONE_VM
_KNOWN = _ALONE | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | namespaces.NEW | CLONE_NEWUSER


@call("unshare")
def unshare(kernel: Kernel, task: Task, flags: CUlong) -> int:
    """unshare(2)."""
    if flags & CLONE_NEWUSER:
        flags |= _THREAD | CLONE_FS
    if flags & CLONE_NEWNS:
        flags |= CLONE_FS
    if flags & ~_KNOWN:
        raise Errno(errno.EINVAL)
    if flags & _ALONE and len(task.group.threads) > 1:
        raise Errno(errno.EINVAL)
    credentials = task.credentials
    if flags & CLONE_NEWUSER:
        credentials = namespaces.in_new_user_namespace(kernel, task)
    fs = task.fs.copy() if flags & CLONE_FS else task.fs
    spaces = namespaces.fresh(kernel, task, credentials, flags, fs)
    task.fs, task.namespaces = fs, spaces
    if flags & CLONE_FILES and task.files.users > 1:
        task.files.users -= 1
        task.files = task.files.copy()
    if credentials is not task.credentials:
        commit(task, credentials)
    return 0
