# SPDX-License-Identifier: MIT
"""Names of files come and go: what the calls that make, remove and move files have in common.

Source: fs/namei.c of Linux, filename_create() and its neighbours.
"""

from __future__ import annotations

import errno
import stat
from os import W_OK, X_OK

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import IN_CREATE, Dentry, Inode, Path, tell
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, put
from suite.kernel.permissions import require_access, require_deletable, require_writable
from suite.kernel.tasks import Task
from suite.kernel.walk import Last, Walk
from suite.process.uapi import RENAME_EXCHANGE, RENAME_NOREPLACE


def to_parent(kernel: Kernel, task: Task, at: int, name: str) -> Walk:
    """Walk a path but its last part (filename_parentat)."""
    walk = Walk(kernel, task)
    walk.start(at, name)
    walk.to_last(name)
    return walk


def place_for(
    kernel: Kernel, task: Task, at: int, name: str, *, is_folder: bool = False
) -> tuple[Path, str]:
    """Where something new gets its name (filename_create): the directory, and the name in it.

    Raises:
        Errno: EEXIST, ENOENT, EROFS, in this order; what walking there raises.
    """
    walk = to_parent(kernel, task, at, name)
    if walk.kind is not Last.NAME:
        raise Errno(errno.EEXIST)
    if walk.at.dentry.is_removed:
        raise Errno(errno.ENOENT)
    if walk.child() is not None:
        raise Errno(errno.EEXIST)
    if walk.has_slashes and not is_folder:
        raise Errno(errno.ENOENT)
    require_writable(walk.at.mount)
    return walk.at, walk.last


def require_creatable(kernel: Kernel, task: Task, folder: Path) -> None:
    """Something may be made in a directory (may_create_dentry)."""
    require_access(kernel, task, folder.inode, W_OK | X_OK)


def require_makeable(folder: Path) -> None:
    """A file system in which not only the kernel makes files.

    Raises:
        Errno: EPERM.
    """
    if isinstance(folder.inode.node, Node):
        raise Errno(errno.EPERM)


def to_rename(was: Walk, to: Walk, flags: int) -> tuple[Dentry, Dentry | None]:
    """The file that is to be moved, and the one that has the new name (__start_renaming).

    Raises:
        Errno: ENOENT, EEXIST, EINVAL, ENOTEMPTY, ENOTDIR.
    """
    swaps = bool(flags & RENAME_EXCHANGE)
    old = was.child()
    if old is None:
        raise Errno(errno.ENOENT)
    new = to.child()
    if to.at.dentry.is_removed or (swaps and new is None):
        raise Errno(errno.ENOENT)
    if flags & RENAME_NOREPLACE and new is not None:
        raise Errno(errno.EEXIST)
    if old in to.at.dentry.up():
        raise Errno(errno.EINVAL)
    if new is not None and new in was.at.dentry.up():
        raise Errno(errno.EINVAL if swaps else errno.ENOTEMPTY)
    if swaps and new is not None and not new.inode.is_dir and to.has_slashes:
        raise Errno(errno.ENOTDIR)
    if not old.inode.is_dir and (was.has_slashes or (not swaps and to.has_slashes)):
        raise Errno(errno.ENOTDIR)
    return old, new


def make(
    task: Task, folder: Path, name: str, mode: int, *, device: int = 0, data: bytes = b""
) -> Dentry:
    """Make a file; ``mode`` with its type. Whether that is allowed was asked before."""
    inode = new_inode(task, folder.inode, mode, device)
    inode.data += data
    if inode.is_dir:
        inode.links = 2
        folder.inode.links += 1
    made = put(folder.dentry, name, inode)
    tell(IN_CREATE, Path(folder.mount, made))
    return made


def new_inode(task: Task, folder: Inode, mode: int, device: int = 0) -> Inode:
    """A new file of who makes it, in a directory (inode_init_owner)."""
    if folder.mode & stat.S_ISGID:
        raise NotModelled("files: a directory with the set-group-id bit")
    who = task.credentials
    return Inode(folder.superblock, mode, who.fsuid, who.fsgid, device)


def unname(dentry: Dentry) -> None:
    """Take a file out of its directory; a directory is empty."""
    folder = dentry.parent
    del folder.children[dentry.name]
    dentry.is_removed = True
    dentry.inode.links -= 1
    if dentry.inode.is_dir:
        dentry.inode.links -= 1
        folder.inode.links -= 1


def move(dentry: Dentry, folder: Dentry, name: str) -> None:
    """Give a file another name, which is free, in the same file system."""
    was = dentry.parent
    if was.children.get(dentry.name) is dentry:
        del was.children[dentry.name]
    if dentry.inode.is_dir:
        was.inode.links -= 1
        folder.inode.links += 1
    dentry.name, dentry.parent = name, folder
    folder.children[name] = dentry


def exchange(one: Dentry, other: Dentry) -> None:
    """Let two files, of which none is above the other, have each other's name."""
    folder, name = other.parent, other.name
    for it, into, called in ((other, one.parent, one.name), (one, folder, name)):
        if it.inode.is_dir:
            it.parent.inode.links -= 1
            into.inode.links += 1
        it.name, it.parent = called, into
        into.children[called] = it


def unlink(kernel: Kernel, task: Task, at: int, name: str) -> int:
    """Remove a name of a file that is no directory (filename_unlinkat)."""
    walk = to_parent(kernel, task, at, name)
    if walk.kind is not Last.NAME:
        raise Errno(errno.EISDIR)
    require_writable(walk.at.mount)
    victim = walk.child()
    if victim is None:
        raise Errno(errno.ENOENT)
    if walk.has_slashes:
        raise Errno(errno.EISDIR if victim.inode.is_dir else errno.ENOTDIR)
    kernel.hooks.path_unlink(task, walk.at)
    require_removable(kernel, task, walk.at, victim, as_folder=False)
    unname(victim)
    return 0


def require_removable(
    kernel: Kernel, task: Task, folder: Path, victim: Dentry, *, as_folder: bool
) -> None:
    """A file may be removed, and nothing is mounted on it here (vfs_unlink, vfs_rmdir)."""
    require_deletable(kernel, task, folder.inode, victim.inode, as_folder=as_folder)
    if isinstance(folder.inode.node, Node):
        raise Errno(errno.EPERM)
    if task.namespaces.mounts.is_mounted_on(victim):
        raise Errno(errno.EBUSY)
