# SPDX-License-Identifier: MIT
"""Files that the kernel itself uses: acct(2), swapon(2). Source: kernel/acct.c, mm/swapfile.c."""

from __future__ import annotations

import errno
import os
import stat

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno
from suite.kernel.inodes import Mount, Path
from suite.kernel.kernel import Kernel
from suite.kernel.opening import O_LARGEFILE, lenient, open_found, open_path
from suite.kernel.registry import CInt, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of

_SWAP_FLAGS = 0x7FFFF
"""SWAP_FLAGS_VALID."""


@call("acct")
def acct(kernel: Kernel, task: Task, path: Pointer) -> int:
    """acct(2): nothing is written; newer kernels open the file again, beneath nothing (acct_on)."""
    require(task.credentials, "SYS_PACCT", kernel.user)
    if not path:
        return 0
    flags = os.O_WRONLY | os.O_APPEND | O_LARGEFILE
    file = open_path(kernel, task, path_of(task, path), flags)
    try:
        if file.inode.kind != stat.S_IFREG:
            raise Errno(errno.EACCES)
        alone = Path(Mount(file.path.dentry, is_internal=True), file.path.dentry)
        open_found(kernel, task, alone, lenient(flags)).release()
    finally:
        file.release()
    return 0


@call("swapon")
def swapon(kernel: Kernel, task: Task, path: Pointer, flags: CInt) -> int:
    """swapon(2), which finds no swap space in any file."""
    if flags & ~_SWAP_FLAGS:
        raise Errno(errno.EINVAL)
    require(task.credentials, "SYS_ADMIN", kernel.user)
    asked = os.O_RDWR | os.O_EXCL | O_LARGEFILE
    open_path(kernel, task, path_of(task, path), asked).release()
    raise Errno(errno.EINVAL)
