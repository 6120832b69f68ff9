# SPDX-License-Identifier: MIT
"""System calls that change what is mounted where, by paths.

Source: mount(2), umount(2), pivot_root(2); fs/namespace.c, path_mount() and path_umount().
"""

from __future__ import annotations

import errno

from suite.kernel import filesystems, mount_copies, mounts
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Mount, Path
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.registry import CInt, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import (
    MNT_DETACH,
    MS_BIND,
    MS_MOVE,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
)

_MAGIC, _MAGIC_MASK = 0xC0ED0000, 0xFFFF0000
_MS_NOUSER, _MS_UNBINDABLE, _MS_SLAVE = 1 << 31, 1 << 17, 1 << 19
_PROPAGATION = MS_SHARED | MS_PRIVATE | _MS_SLAVE | _MS_UNBINDABLE
_MNT_FORCE, _MNT_EXPIRE, _UMOUNT_NOFOLLOW = 1, 4, 8


@call("mount")
def mount(
    kernel: Kernel, task: Task, source: Pointer, target: Pointer, kind: Pointer, flags: CUlong,
    data: Pointer,
) -> int:  # fmt: skip
    """Mount something, or change what is mounted."""
    type_name, device = _string(task, kind), _string(task, source)
    options = _options(task, data)
    path = resolve(kernel, task, path_of(task, target))
    if flags & _MAGIC_MASK == _MAGIC:
        flags &= ~_MAGIC_MASK
    if flags & _MS_NOUSER:
        raise Errno(errno.EINVAL)
    kernel.hooks.change_topology(task, path)
    mounts.require_may_mount(task)
    if flags & MS_REMOUNT:
        if flags & MS_BIND:
            _remount_bind(kernel, task, path, flags)
        else:
            _remount(kernel, task, path, flags, options)
    elif flags & MS_BIND:
        _bind(kernel, task, path, device, recursive=bool(flags & MS_REC))
    elif flags & _PROPAGATION:
        _change_type(task, path, flags)
    elif flags & MS_MOVE:
        if not device:
            raise Errno(errno.EINVAL)
        mounts.move(task, resolve(kernel, task, device), path)
    else:
        _new(kernel, task, path, type_name, flags, device, options)
    return 0


def _string(task: Task, address: int) -> str | None:
    """Copy a string, if there is one (copy_mount_string)."""
    if not address:
        return None
    try:
        return task.memory.string(address)
    except Errno as error:
        if error.number == errno.ENAMETOOLONG:
            raise Errno(errno.EINVAL) from None
        raise


def _options(task: Task, address: int) -> str:
    """Copy a page, or what there is of it (copy_mount_options)."""
    if not address:
        return ""
    try:
        return task.memory.string(address, PAGE)
    except Errno as error:
        if error.number == errno.ENAMETOOLONG:
            raise NotModelled("mounts: options that fill a page") from None
        raise


def _require_mounted(task: Task, path: Path) -> None:
    """The root of a mount in one's own namespace."""
    if not mounts.is_mine(task, path.mount) or not mounts.is_root(path):
        raise Errno(errno.EINVAL)


def _remount_bind(kernel: Kernel, task: Task, path: Path, flags: int) -> None:
    """Give a mount other flags (do_reconfigure_mnt)."""
    _require_mounted(task, path)
    if flags & ~path.mount.flags & MS_RDONLY:
        mounts.require_unwritten(kernel, path.mount)
    mounts.set_flags(path.mount, flags)


def _remount(kernel: Kernel, task: Task, path: Path, flags: int, options: str) -> None:
    """Give a file system other options, and its mount other flags (do_remount)."""
    _require_mounted(task, path)
    if path.mount.locked_flags & ~flags:
        raise Errno(errno.EPERM)
    superblock = path.mount.superblock
    parsed = filesystems.parsed(filesystems.kind_of(superblock.kind), options)
    require(task.credentials, "SYS_ADMIN", superblock.user or kernel.user)
    kernel.hooks.change_topology(task, superblock.root)
    if flags & MS_RDONLY:
        mounts.require_unwritten(kernel, path.mount, all_of_it=True)
    superblock.options |= parsed
    superblock.read_only = bool(flags & MS_RDONLY)
    mounts.set_flags(path.mount, flags)


def _bind(kernel: Kernel, task: Task, path: Path, name: str | None, *, recursive: bool) -> None:
    """Mount what is seen at one place at another (do_loopback)."""
    if not name:
        raise Errno(errno.EINVAL)
    source = resolve(kernel, task, name)
    if not mounts.is_mine(task, mounts.top(path).mount):
        raise Errno(errno.EINVAL)
    mounts.graft(mount_copies.copied(task, source, recursive=recursive), path)


def _change_type(task: Task, path: Path, flags: int) -> None:
    """Set the propagation (do_change_type)."""
    if not mounts.is_root(path) or (flags & _PROPAGATION).bit_count() != 1:
        raise Errno(errno.EINVAL)
    mounts.require_may_propagate(task, path.mount)
    if flags & (_MS_SLAVE | _MS_UNBINDABLE):
        raise NotModelled("mounts: propagation")
    mounts.propagate(path.mount, shared=bool(flags & MS_SHARED), recursive=bool(flags & MS_REC))


def _new(
    kernel: Kernel, task: Task, path: Path, name: str | None, flags: int, source: str | None,
    options: str,
) -> None:  # fmt: skip
    """Mount a file system (do_new_mount)."""
    if name is None:
        raise Errno(errno.EINVAL)
    kind = filesystems.kind_of(name)
    parsed = filesystems.parsed(kind, options)
    filesystems.require_may_make(kernel, task, kind)
    superblock = filesystems.made(kernel, task, kind, parsed)
    if mounts.is_too_revealing(task, name):
        raise Errno(errno.EPERM)
    superblock.read_only |= bool(flags & MS_RDONLY)
    made = Mount(superblock.root, flags=flags & mounts.KEPT, source=source or "none")
    mounts.add(task, made, path)


@call("umount2")
def umount2(kernel: Kernel, task: Task, name: Pointer, flags: CInt) -> int:
    """Take a mount away."""
    if flags & ~(_MNT_FORCE | MNT_DETACH | _MNT_EXPIRE | _UMOUNT_NOFOLLOW):
        raise Errno(errno.EINVAL)
    path = resolve(kernel, task, path_of(task, name), follow=not flags & _UMOUNT_NOFOLLOW)
    path = mounts.top(path)  # of "." and "..", too (LOOKUP_MOUNTPOINT)
    mount = path.mount
    mounts.require_may_mount(task)
    _require_mounted(task, path)
    if mount.is_locked:
        raise Errno(errno.EINVAL)
    kernel.hooks.change_topology(task, mount.root)
    if flags & (_MNT_EXPIRE | _MNT_FORCE):
        raise NotModelled("mounts: expiry")
    if mount is task.fs.root.mount and not flags & MNT_DETACH:
        raise NotModelled("mounts: umount of one's root")
    if mount.parent is None:
        raise Errno(errno.EINVAL)
    if not flags & MNT_DETACH and mounts.is_busy(kernel, mount):
        raise Errno(errno.EBUSY)
    mounts.umount(mount)
    return 0


@call("pivot_root")
def pivot_root(kernel: Kernel, task: Task, new: Pointer, old: Pointer) -> int:
    """Let another mount be the root."""
    new_path = resolve(kernel, task, path_of(task, new), directory=True)
    old_path = resolve(kernel, task, path_of(task, old), directory=True)
    mounts.require_may_mount(task)
    kernel.hooks.change_topology(task, new_path)
    mounts.pivot(kernel, task, new_path, old_path)
    return 0
