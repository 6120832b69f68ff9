# SPDX-License-Identifier: MIT
"""System calls that mount by file descriptors.

Source: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2);
fs/fsopen.c and fs/namespace.c.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

from suite.kernel import filesystems, mount_copies, mounts, namespace_files
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.filesystems import Kind, Options
from suite.kernel.inodes import Mount, MountNamespace, Path, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.open_files import File
from suite.kernel.opening import opened_again
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import (
    AT_EMPTY_PATH,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_STRING,
    FSMOUNT_CLOEXEC,
    FSMOUNT_NAMESPACE,
    FSOPEN_CLOEXEC,
    FSPICK_CLOEXEC,
    MOUNT_ATTR_RDONLY,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_SET_GROUP,
    MS_PRIVATE,
    MS_RDONLY,
    MS_SHARED,
    OPEN_TREE_CLONE,
    OPEN_TREE_NAMESPACE,
)

_AT_SYMLINK_NOFOLLOW, _AT_NO_AUTOMOUNT, _AT_RECURSIVE = 0x100, 0x800, 0x8000
_F_SYMLINKS, _T_SYMLINKS, _T_EMPTY_PATH, _BENEATH = 1, 0x10, 0x40, 0x200
_MOVE_MOUNT = 0x377
_FSPICK = 0xF
_ATTRIBUTES = 0x7F | 0x100000 | 0x200000
_NAMES = {"ro": MS_RDONLY, "rw": 0}
_PROPAGATIONS = {0, MS_SHARED, MS_PRIVATE, 1 << 19, 1 << 17}


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Context(File):
    """A file system that is being configured (struct fs_context)."""

    kind: Kind
    options: Options = field(default_factory=dict)
    flags_of_it: int = 0
    """MS_RDONLY, if it shall be."""
    superblock: Superblock | None = None
    """Once it was made; from the beginning for fspick(2)."""
    picked: Path | None = None
    """Where it is mounted, for fspick(2)."""
    is_mounted: bool = False


def _context(
    kernel: Kernel, task: Task, kind: Kind, *, closes_on_exec: bool
) -> tuple[int, Context]:
    path = kernel.internal("anon_inodefs", "anon_inode:[fscontext]", 0o600)
    file = Context(path, os.O_RDWR, task.credentials, kind=kind)
    kernel.hooks.file_alloc(file)
    return task.files.add(file, closes_on_exec=closes_on_exec), file


@call("fsopen")
def fsopen(kernel: Kernel, task: Task, name: Pointer, flags: CUint) -> int:
    """Begin with a file system."""
    mounts.require_may_mount(task)
    if flags & ~FSOPEN_CLOEXEC:
        raise Errno(errno.EINVAL)
    kind = filesystems.kind_of(task.memory.string(name))
    return _context(kernel, task, kind, closes_on_exec=bool(flags & FSOPEN_CLOEXEC))[0]


@call("fspick")
def fspick(kernel: Kernel, task: Task, at: CInt, name: Pointer, flags: CUint) -> int:
    """Begin to change the file system that is mounted somewhere."""
    mounts.require_may_mount(task)
    if flags & ~_FSPICK:
        raise Errno(errno.EINVAL)
    path = resolve(kernel, task, path_of(task, name), at=at, follow=not flags & 2)
    if not mounts.is_root(path):
        raise Errno(errno.EINVAL)
    superblock = path.mount.superblock
    kind = filesystems.kind_of(superblock.kind)
    fd, file = _context(kernel, task, kind, closes_on_exec=bool(flags & FSPICK_CLOEXEC))
    file.superblock, file.picked = superblock, path
    return fd


@call("fsconfig")
def fsconfig(
    kernel: Kernel, task: Task, fd: CInt, command: CUint, key: Pointer, value: Pointer, aux: CInt
) -> int:
    """Set an option, make the file system, or change the one that is there."""
    if fd < 0:
        raise Errno(errno.EINVAL)
    _check_arguments(command, key, value, aux)
    file = task.files.get(fd)
    if not isinstance(file, Context):
        raise Errno(errno.EINVAL)
    if command in (FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING):
        name = task.memory.string(key, 256)
        text = task.memory.string(value, 256) if value else ""
        if name in _NAMES and command == FSCONFIG_SET_FLAG:
            file.flags_of_it = _NAMES[name]
        elif name != "source":
            filesystems.take(file.kind, file.options, name, text)
    elif command == FSCONFIG_CMD_CREATE:
        _create(kernel, task, file)
    else:
        _reconfigure(kernel, task, file)
    return 0


def _check_arguments(command: int, key: int, value: int, aux: int) -> None:
    if command not in (
        FSCONFIG_SET_FLAG,
        FSCONFIG_SET_STRING,
        FSCONFIG_CMD_CREATE,
        FSCONFIG_CMD_RECONFIGURE,
    ):
        raise NotModelled("mounts: fsconfig of files, binary data and the like")
    is_command = command in (FSCONFIG_CMD_CREATE, FSCONFIG_CMD_RECONFIGURE)
    wanted = (not is_command, command == FSCONFIG_SET_STRING)
    if (bool(key), bool(value)) != wanted or aux:
        raise Errno(errno.EINVAL)


def _create(kernel: Kernel, task: Task, file: Context) -> None:
    """vfs_cmd_create."""
    if file.superblock is not None:
        raise Errno(errno.EBUSY)
    filesystems.require_may_make(kernel, task, file.kind)
    file.superblock = filesystems.made(kernel, task, file.kind, file.options)
    file.superblock.read_only |= bool(file.flags_of_it & MS_RDONLY)


def _reconfigure(kernel: Kernel, task: Task, file: Context) -> None:
    """vfs_cmd_reconfigure."""
    if file.picked is None or file.superblock is None:
        raise Errno(errno.EBUSY)
    require(task.credentials, "SYS_ADMIN", file.superblock.user or kernel.user)
    kernel.hooks.change_topology(task, file.superblock.root)
    if file.flags_of_it & MS_RDONLY:
        mounts.require_unwritten(kernel, file.picked.mount, all_of_it=True)
    file.superblock.options |= file.options
    file.superblock.read_only = bool(file.flags_of_it & MS_RDONLY)


@call("fsmount")
def fsmount(kernel: Kernel, task: Task, fd: CInt, flags: CUint, attributes: CUint) -> int:
    """Have a mount of it that is attached nowhere."""
    if flags & ~(FSMOUNT_CLOEXEC | FSMOUNT_NAMESPACE):
        raise Errno(errno.EINVAL)
    if flags & FSMOUNT_NAMESPACE:
        require(task.credentials, "SYS_ADMIN", task.credentials.user)
    else:
        mounts.require_may_mount(task)
    if attributes & ~_ATTRIBUTES:
        raise Errno(errno.EINVAL)
    file = task.files.get(fd)
    if not isinstance(file, Context) or file.superblock is None:
        raise Errno(errno.EINVAL)
    if mounts.is_too_revealing(task, file.kind.name):
        raise Errno(errno.EPERM)
    if file.picked is not None or file.is_mounted:
        raise Errno(errno.EBUSY)
    made = Mount(file.superblock.root, flags=attributes & mounts.KEPT)
    file.is_mounted = True
    closes = bool(flags & FSMOUNT_CLOEXEC)
    if flags & FSMOUNT_NAMESPACE:
        place = Path(made, made.root)
        namespace = mount_copies.namespace_of_tree(kernel, task, place, is_new=True)
        return _namespace(kernel, task, namespace, closes_on_exec=closes)
    tree = mount_copies.detached(kernel, task, made)
    return _opened(kernel, task, Path(tree, tree.root), closes_on_exec=closes)


def _namespace(
    kernel: Kernel, task: Task, namespace: MountNamespace, *, closes_on_exec: bool
) -> int:
    """A descriptor of a mount namespace (open_namespace_file)."""
    path = namespace_files.path_of(kernel, namespace)
    file = opened_again(kernel, task, path, os.O_RDONLY)
    return task.files.add(file, closes_on_exec=closes_on_exec)


def _opened(kernel: Kernel, task: Task, path: Path, *, closes_on_exec: bool) -> int:
    file = File(path, os.O_PATH, task.credentials)
    kernel.hooks.file_alloc(file)
    return task.files.add(file, closes_on_exec=closes_on_exec)


@call("open_tree")
def open_tree(kernel: Kernel, task: Task, at: CInt, name: Pointer, flags: CUint) -> int:
    """Have a descriptor of what is seen somewhere, or of a copy of the mounts there."""
    path = _tree(kernel, task, at, name, flags)
    closes = bool(flags & os.O_CLOEXEC)
    if flags & OPEN_TREE_NAMESPACE:
        recursive = bool(flags & _AT_RECURSIVE)
        namespace = mount_copies.namespace_of_tree(kernel, task, path, recursive=recursive)
        return _namespace(kernel, task, namespace, closes_on_exec=closes)
    return _opened(kernel, task, path, closes_on_exec=closes)


def _tree(kernel: Kernel, task: Task, at: int, name: int, flags: int) -> Path:
    """vfs_open_tree."""
    known = (
        AT_EMPTY_PATH | _AT_NO_AUTOMOUNT | _AT_RECURSIVE | _AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE
        | OPEN_TREE_NAMESPACE | os.O_CLOEXEC
    )  # fmt: skip
    copies = flags & (OPEN_TREE_CLONE | OPEN_TREE_NAMESPACE)
    if flags & ~known or (flags & _AT_RECURSIVE and not copies) or copies.bit_count() > 1:
        raise Errno(errno.EINVAL)
    if flags & OPEN_TREE_NAMESPACE:
        require(task.credentials, "SYS_ADMIN", task.credentials.user)
    if flags & OPEN_TREE_CLONE:
        mounts.require_may_mount(task)
    path = _at(kernel, task, at, name, flags)
    if flags & OPEN_TREE_CLONE:
        made = mount_copies.copied(task, path, recursive=bool(flags & _AT_RECURSIVE))
        return Path(mount_copies.detached(kernel, task, made), made.root)
    return path


def _at(kernel: Kernel, task: Task, at: int, name: int, flags: int) -> Path:
    text = path_of(task, name, may_be_empty=bool(flags & AT_EMPTY_PATH))
    return resolve(kernel, task, text, at=at, follow=not flags & _AT_SYMLINK_NOFOLLOW)


@call("move_mount")
def move_mount(
    kernel: Kernel, task: Task, from_at: CInt, from_name: Pointer, to_at: CInt, to_name: Pointer,
    flags: CUint,
) -> int:  # fmt: skip
    """Attach a mount, or move one."""
    mounts.require_may_mount(task)
    if flags & ~_MOVE_MOUNT or flags & (_BENEATH | MOVE_MOUNT_SET_GROUP) == (
        _BENEATH | MOVE_MOUNT_SET_GROUP
    ):
        raise Errno(errno.EINVAL)
    if flags & _BENEATH:
        raise NotModelled("mounts: MOVE_MOUNT_BENEATH")
    text = path_of(task, to_name, may_be_empty=bool(flags & _T_EMPTY_PATH))
    new = resolve(kernel, task, text, at=to_at, follow=bool(flags & _T_SYMLINKS))
    text = path_of(task, from_name, may_be_empty=bool(flags & MOVE_MOUNT_F_EMPTY_PATH))
    old = resolve(kernel, task, text, at=from_at, follow=bool(flags & _F_SYMLINKS))
    kernel.hooks.change_topology(task, new)
    if flags & MOVE_MOUNT_SET_GROUP:
        mounts.set_group(task, old, new)
    else:
        mounts.move(task, old, new)
    return 0


@call("mount_setattr")
def mount_setattr(
    kernel: Kernel, task: Task, at: CInt, name: Pointer, flags: CUint, attr: Pointer, size: CUlong
) -> int:
    """Change the attributes of mounts; Landlock is not asked."""
    if flags & ~(AT_EMPTY_PATH | _AT_RECURSIVE | _AT_SYMLINK_NOFOLLOW | _AT_NO_AUTOMOUNT):
        raise Errno(errno.EINVAL)
    wanted = _wanted(task, attr, size)
    if wanted is not None:
        _set_attributes(kernel, task, _at(kernel, task, at, name, flags), flags, wanted)
    return 0


@call("open_tree_attr")
def open_tree_attr(
    kernel: Kernel, task: Task, at: CInt, name: Pointer, flags: CUint, attr: Pointer, size: CUlong
) -> int:
    """open_tree(2), and mount_setattr(2) of what it gives."""
    if not attr and size:
        raise Errno(errno.EINVAL)
    path = _tree(kernel, task, at, name, flags)
    if flags & OPEN_TREE_NAMESPACE:
        raise NotModelled("mounts: attributes of a new namespace")
    wanted = _wanted(task, attr, size) if attr else None
    if wanted is not None:
        _set_attributes(kernel, task, path, flags, wanted)
    return _opened(kernel, task, path, closes_on_exec=bool(flags & os.O_CLOEXEC))


def _wanted(task: Task, address: int, size: int) -> tuple[int, int, int] | None:
    """Attributes to set, to clear, and the propagation (wants_mount_setattr, struct mount_attr)."""
    if size > PAGE:
        raise Errno(errno.E2BIG)
    if size < 32:
        raise Errno(errno.EINVAL)
    mounts.require_may_mount(task)
    if any(task.memory.read(address + 32, size - 32)):
        raise Errno(errno.E2BIG)
    on, off, propagation = (task.memory.integer(address + 8 * n, 8) for n in range(3))
    if not (on or off or propagation):
        return None
    if propagation not in _PROPAGATIONS or (on | off) & ~_ATTRIBUTES:
        raise Errno(errno.EINVAL)
    if (on | off) & ~MOUNT_ATTR_RDONLY or propagation not in (0, MS_SHARED, MS_PRIVATE):
        raise NotModelled("mounts: attributes")
    return on, off, propagation


def _set_attributes(
    kernel: Kernel, task: Task, path: Path, flags: int, wanted: tuple[int, int, int]
) -> None:
    """do_mount_setattr."""
    on, off, propagation = wanted
    mount = path.mount
    is_detached_root = mount.anonymous and mount.parent is None
    if not mounts.is_root(path) or not (is_detached_root or mounts.is_mine(task, mount)):
        raise Errno(errno.EINVAL)
    recursive = bool(flags & _AT_RECURSIVE)
    changed = list(mount.tree()) if recursive else [mount]
    if any(it.locked_flags & ~((it.flags & ~off) | on) for it in changed):
        raise Errno(errno.EPERM)
    for it in changed:
        if on & ~it.flags & MS_RDONLY:
            mounts.require_unwritten(kernel, it)
    for it in changed:
        it.flags = (it.flags & ~off) | on
    if propagation:
        mounts.propagate(mount, shared=propagation == MS_SHARED, recursive=recursive)
