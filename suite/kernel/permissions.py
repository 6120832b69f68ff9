# SPDX-License-Identifier: MIT
"""Discretionary access control: who may do what with a file, before Landlock is asked.

Source: path_resolution(7); fs/namei.c of Linux, the functions that are named below.
"""

from __future__ import annotations

import errno
import stat
from os import R_OK, W_OK, X_OK

from suite.kernel.capabilities import capable_of
from suite.kernel.credentials import Credentials
from suite.kernel.errors import Errno
from suite.kernel.inodes import Inode, Mount
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node
from suite.kernel.tasks import Task

_ON_MEDIUM = {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
"""What can't be written on a file system that is read-only; devices and FIFOs can."""


def require_access(kernel: Kernel, task: Task, inode: Inode, access: int) -> None:
    """Have R_OK, W_OK and X_OK of a file, as far as asked for (inode_permission).

    Raises:
        Errno: EROFS or EACCES.
    """
    if access & W_OK and inode.superblock.read_only and inode.kind in _ON_MEDIUM:
        raise Errno(errno.EROFS)
    if isinstance(inode.node, Node):
        inode.node.refresh(kernel, inode)
        if inode.node.permits(kernel, task, inode, access):
            return
    if not _is_granted(task.credentials, inode, access):
        raise Errno(errno.EACCES)


def _is_granted(credentials: Credentials, inode: Inode, access: int) -> bool:
    """By its permissions or by a capability (generic_permission)."""
    if inode.uid == credentials.fsuid:
        granted = inode.mode >> 6
    elif is_in_group(credentials, inode.gid):
        granted = inode.mode >> 3
    else:
        granted = inode.mode
    if not access & ~granted & 7:
        return True
    reads_only = access == R_OK or (inode.is_dir and not access & W_OK)
    if reads_only and capable_of(credentials, "DAC_READ_SEARCH", inode):
        return True
    can_be_executed = inode.is_dir or not access & X_OK or inode.mode & 0o111
    return bool(can_be_executed) and capable_of(credentials, "DAC_OVERRIDE", inode)


def is_in_group(credentials: Credentials, gid: int) -> bool:
    """in_group_p."""
    return gid == credentials.fsgid or gid in credentials.groups


def owns(credentials: Credentials, inode: Inode) -> bool:
    """Whether someone counts as the owner (inode_owner_or_capable)."""
    return inode.uid == credentials.fsuid or capable_of(credentials, "FOWNER", inode)


def require_writable(mount: Mount) -> None:
    """A mount through which something may be changed (mnt_want_write).

    Raises:
        Errno: EROFS.
    """
    if mount.read_only:
        raise Errno(errno.EROFS)


def require_deletable(
    kernel: Kernel, task: Task, folder: Inode, inode: Inode, *, as_folder: bool
) -> None:
    """A file may be taken out of a directory (may_delete_dentry).

    Raises:
        Errno: EPERM (a sticky directory), ENOTDIR, EISDIR; what ``require_access`` raises.
    """
    require_access(kernel, task, folder, W_OK | X_OK)
    sticks = folder.mode & stat.S_ISVTX and task.credentials.fsuid not in (inode.uid, folder.uid)
    if sticks and not capable_of(task.credentials, "FOWNER", inode):
        raise Errno(errno.EPERM)
    if as_folder and not inode.is_dir:
        raise Errno(errno.ENOTDIR)
    if not as_folder and inode.is_dir:
        raise Errno(errno.EISDIR)


def require_linkable(kernel: Kernel, task: Task, inode: Inode) -> None:
    """A file may be given another name: protected_hardlinks (may_linkat).

    Raises:
        Errno: EPERM.
    """
    if owns(task.credentials, inode):
        return
    runs_as_group = inode.mode & (stat.S_ISGID | stat.S_IXGRP) == stat.S_ISGID | stat.S_IXGRP
    if inode.kind == stat.S_IFREG and not inode.mode & stat.S_ISUID and not runs_as_group:
        try:
            require_access(kernel, task, inode, R_OK | W_OK)
        except Errno:
            pass
        else:
            return
    raise Errno(errno.EPERM)
