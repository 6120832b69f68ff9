# SPDX-License-Identifier: MIT
"""Calls that make, remove, link and move files.

Source: fs/namei.c of Linux, also of the order of checks.
"""

from __future__ import annotations

import errno
import stat
from os import W_OK

from suite.kernel import names
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, put
from suite.kernel.permissions import (
    require_access,
    require_deletable,
    require_linkable,
    require_writable,
)
from suite.kernel.registry import CInt, CUint, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import Last, path_of, require_own, resolve
from suite.process.uapi import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
)

_MAKEABLE = {stat.S_IFREG, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK}
_DEVICES = {stat.S_IFCHR, stat.S_IFBLK}
_OF_FOLDERS = 0o1777
_OF_NODES = 0o7777


@call("mknodat")
def mknodat(kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CUint, device: CUint) -> int:
    """mknod(2); no type is a regular file."""
    kind = stat.S_IFMT(mode & 0xFFFF) or stat.S_IFREG
    if kind not in _MAKEABLE:
        raise Errno(errno.EPERM if kind == stat.S_IFDIR else errno.EINVAL)
    mode = mode & ~stat.S_IFMT(0xFFFF) & _OF_NODES & ~task.fs.umask | kind
    if kind not in _DEVICES:
        device = 0
    folder, name = names.place_for(kernel, task, at, path_of(task, path))
    kernel.hooks.path_mknod(task, folder, mode, device)
    names.require_creatable(kernel, task, folder)
    is_whiteout = kind == stat.S_IFCHR and device == 0
    if kind in _DEVICES and not is_whiteout:
        require(task.credentials, "MKNOD", kernel.user)
    names.require_makeable(folder)
    names.make(task, folder, name, mode, device=device)
    return 0


@call("mknod")
def mknod(kernel: Kernel, task: Task, path: Pointer, mode: CUint, device: CUint) -> int:
    """mknod(2)."""
    return mknodat(kernel, task, AT_FDCWD, path, mode, device)


@call("mkdirat")
def mkdirat(kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CUint) -> int:
    """mkdir(2)."""
    folder, name = names.place_for(kernel, task, at, path_of(task, path), is_folder=True)
    kernel.hooks.path_mkdir(task, folder)
    names.require_creatable(kernel, task, folder)
    if isinstance(folder.inode.node, Node):
        folder.inode.node.make_folder(kernel, task, folder.dentry, name)
        return 0
    names.make(task, folder, name, stat.S_IFDIR | mode & _OF_FOLDERS & ~task.fs.umask)
    return 0


@call("mkdir")
def mkdir(kernel: Kernel, task: Task, path: Pointer, mode: CUint) -> int:
    """mkdir(2)."""
    return mkdirat(kernel, task, AT_FDCWD, path, mode)


@call("symlinkat")
def symlinkat(kernel: Kernel, task: Task, content: Pointer, at: CInt, path: Pointer) -> int:
    """symlink(2)."""
    text = path_of(task, content).encode("utf-8", "surrogateescape")
    folder, name = names.place_for(kernel, task, at, path_of(task, path))
    kernel.hooks.path_symlink(task, folder)
    names.require_creatable(kernel, task, folder)
    names.require_makeable(folder)
    names.make(task, folder, name, stat.S_IFLNK | 0o777, data=text)
    return 0


@call("symlink")
def symlink(kernel: Kernel, task: Task, content: Pointer, path: Pointer) -> int:
    """symlink(2)."""
    return symlinkat(kernel, task, content, AT_FDCWD, path)


@call("unlinkat")
def unlinkat(kernel: Kernel, task: Task, at: CInt, path: Pointer, flags: CInt) -> int:
    """unlink(2), and rmdir(2) with AT_REMOVEDIR."""
    if flags & ~AT_REMOVEDIR:
        raise Errno(errno.EINVAL)
    if flags:
        return _remove_folder(kernel, task, at, path_of(task, path))
    return names.unlink(kernel, task, at, path_of(task, path))


@call("unlink")
def unlink(kernel: Kernel, task: Task, path: Pointer) -> int:
    """unlink(2)."""
    return names.unlink(kernel, task, AT_FDCWD, path_of(task, path))


@call("rmdir")
def rmdir(kernel: Kernel, task: Task, path: Pointer) -> int:
    """rmdir(2)."""
    return _remove_folder(kernel, task, AT_FDCWD, path_of(task, path))


def _remove_folder(kernel: Kernel, task: Task, at: int, name: str) -> int:
    """filename_rmdir."""
    walk = names.to_parent(kernel, task, at, name)
    if walk.kind is not Last.NAME:
        wrong = {Last.DOTDOT: errno.ENOTEMPTY, Last.DOT: errno.EINVAL, Last.ROOT: errno.EBUSY}
        raise Errno(wrong[walk.kind])
    require_writable(walk.at.mount)
    victim = walk.child()
    if victim is None:
        raise Errno(errno.ENOENT)
    kernel.hooks.path_rmdir(task, walk.at)
    names.require_removable(kernel, task, walk.at, victim, as_folder=True)
    if victim.children:
        raise Errno(errno.ENOTEMPTY)
    names.unname(victim)
    return 0


@call("linkat")
def linkat(
    kernel: Kernel,
    task: Task,
    at: CInt,
    path: Pointer,
    new_at: CInt,
    new_path: Pointer,
    flags: CInt,
) -> int:
    """link(2)."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise Errno(errno.EINVAL)
    empty = bool(flags & AT_EMPTY_PATH)
    name = path_of(task, path, may_be_empty=empty)
    if empty:
        require_own(task, at, name)
    old = resolve(kernel, task, name, at=at, follow=bool(flags & AT_SYMLINK_FOLLOW))
    folder, new_name = names.place_for(kernel, task, new_at, path_of(task, new_path))
    if old.mount is not folder.mount:
        raise Errno(errno.EXDEV)
    inode = old.inode
    require_linkable(kernel, task, inode)
    kernel.hooks.path_link(task, old.dentry, folder)
    names.require_creatable(kernel, task, folder)
    names.require_makeable(folder)
    if inode.is_dir:
        raise Errno(errno.EPERM)
    if not inode.links and not inode.is_linkable:
        raise Errno(errno.ENOENT)
    inode.is_linkable = False
    inode.links += 1
    put(folder.dentry, new_name, inode)
    return 0


@call("link")
def link(kernel: Kernel, task: Task, path: Pointer, new_path: Pointer) -> int:
    """link(2)."""
    return linkat(kernel, task, AT_FDCWD, path, AT_FDCWD, new_path, 0)


@call("renameat2")
def renameat2(
    kernel: Kernel,
    task: Task,
    at: CInt,
    path: Pointer,
    new_at: CInt,
    new_path: Pointer,
    flags: CUint,
) -> int:
    """rename(2), with RENAME_* flags (filename_renameat2)."""
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT):
        raise Errno(errno.EINVAL)
    if flags & RENAME_EXCHANGE and flags & (RENAME_NOREPLACE | RENAME_WHITEOUT):
        raise Errno(errno.EINVAL)
    was = names.to_parent(kernel, task, at, path_of(task, path))
    to = names.to_parent(kernel, task, new_at, path_of(task, new_path))
    if was.at.mount is not to.at.mount:
        raise Errno(errno.EXDEV)
    if was.kind is not Last.NAME:
        raise Errno(errno.EBUSY)
    if to.kind is not Last.NAME:
        raise Errno(errno.EEXIST if flags & RENAME_NOREPLACE else errno.EBUSY)
    require_writable(was.at.mount)
    old, new = names.to_rename(was, to, flags)
    kernel.hooks.path_rename(task, old, to.at, new, flags)
    if new is not None and new.inode is old.inode:
        return 0
    _require_renamable(kernel, task, old, to.at, new, flags)
    if old.inode.superblock.kind == "overlay":
        _require_movable_in_overlay(old, new, flags)
    if flags & RENAME_EXCHANGE and new is not None:
        names.exchange(old, new)
        return 0
    if new is not None:
        if new.children:
            raise Errno(errno.ENOTEMPTY)
        names.unname(new)
    names.move(old, to.at.dentry, to.last)
    if flags & RENAME_WHITEOUT:
        names.make(task, was.at, was.last, stat.S_IFCHR)
    return 0


def _require_movable_in_overlay(old: Dentry, new: Dentry | None, flags: int) -> None:
    """ovl_rename, without redirect_dir."""
    if flags & RENAME_WHITEOUT:
        raise Errno(errno.EINVAL)
    if old.inode.stays or (flags & RENAME_EXCHANGE and new is not None and new.inode.stays):
        raise Errno(errno.EXDEV)
    old.inode.is_copied_up = True


def _require_renamable(
    kernel: Kernel, task: Task, old: Dentry, to: Path, new: Dentry | None, flags: int
) -> None:
    """vfs_rename."""
    swaps = bool(flags & RENAME_EXCHANGE)
    is_folder, was = old.inode.is_dir, old.parent
    require_deletable(kernel, task, was.inode, old.inode, as_folder=is_folder)
    if new is None:
        names.require_creatable(kernel, task, to)
    else:
        as_folder = new.inode.is_dir if swaps else is_folder
        require_deletable(kernel, task, to.inode, new.inode, as_folder=as_folder)
    if isinstance(to.inode.node, Node):
        raise Errno(errno.EPERM)
    if was is not to.dentry:  # ".." changes
        if is_folder:
            require_access(kernel, task, old.inode, W_OK)
        if swaps and new is not None and new.inode.is_dir:
            require_access(kernel, task, new.inode, W_OK)
    if any(task.namespaces.mounts.is_mounted_on(it) for it in (old, new) if it is not None):
        raise Errno(errno.EBUSY)


@call("renameat")
def renameat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, new_at: CInt, new_path: Pointer
) -> int:
    """rename(2)."""
    return renameat2(kernel, task, at, path, new_at, new_path, 0)


@call("rename")
def rename(kernel: Kernel, task: Task, path: Pointer, new_path: Pointer) -> int:
    """rename(2)."""
    return renameat2(kernel, task, AT_FDCWD, path, AT_FDCWD, new_path, 0)
