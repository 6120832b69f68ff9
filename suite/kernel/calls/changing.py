# SPDX-License-Identifier: MIT
"""Calls that change what is known of a file: mode, owner, times, extended attributes.

Source: fs/open.c, fs/attr.c, fs/utimes.c, fs/xattr.c of Linux.
"""

from __future__ import annotations

import errno
import os
import stat

from suite.kernel.calls.looking import AT_SYMLINK_NOFOLLOW, found
from suite.kernel.capabilities import capable, capable_of
from suite.kernel.credentials import outside
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Inode, Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node
from suite.kernel.permissions import is_in_group, owns, require_access, require_writable
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import AT_EMPTY_PATH, AT_FDCWD

_NOBODY = 0xFFFFFFFF
_AT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH
_MOST_XATTR = 65536
_XATTR_CREATE, _XATTR_REPLACE = 1, 2
_CAPABILITY, _CAPABILITY_SIZE, _CAPABILITY_REVISION = "security.capability", 20, 2
"""File capabilities: struct vfs_cap_data of VFS_CAP_REVISION_2."""
_FILE_ATTR = 24
"""Bytes of struct file_attr of its first version."""
_NOW, _OMIT = (1 << 30) - 1, (1 << 30) - 2
"""UTIME_NOW and UTIME_OMIT, in place of nanoseconds."""


@call("fchmodat2")
def fchmodat2(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CUint, flags: CUint
) -> int:
    """chmod(2)."""
    if flags & ~_AT_FLAGS:
        raise Errno(errno.EINVAL)
    return _change_mode(task, found(kernel, task, at, path, flags), mode)


@call("fchmodat")
def fchmodat(kernel: Kernel, task: Task, at: CInt, path: Pointer, mode: CUint) -> int:
    """chmod(2)."""
    return fchmodat2(kernel, task, at, path, mode, 0)


@call("chmod")
def chmod(kernel: Kernel, task: Task, path: Pointer, mode: CUint) -> int:
    """chmod(2)."""
    return fchmodat2(kernel, task, AT_FDCWD, path, mode, 0)


@call("fchmod")
def fchmod(kernel: Kernel, task: Task, fd: CUint, mode: CUint) -> int:
    """chmod(2) of a descriptor."""
    return _change_mode(task, task.files.get(fd).path, mode)


def _change_mode(task: Task, path: Path, mode: int) -> int:
    """chmod_common; who lacks CAP_FSETID can't set the bit for a group of others."""
    require_writable(path.mount)
    inode, who = path.inode, task.credentials
    if not owns(who, inode):
        raise Errno(errno.EPERM)
    _require_settable(path)
    mode &= 0o7777
    if not is_in_group(who, inode.gid) and not capable_of(who, "FSETID", inode):
        mode &= ~stat.S_ISGID
    if inode.kind == stat.S_IFLNK:
        raise Errno(errno.EOPNOTSUPP)
    inode.mode = inode.kind | mode
    return 0


def _require_settable(path: Path) -> None:
    """A file of which the kernel keeps what is set: file systems that make up theirs differ."""
    if isinstance(path.inode.node, Node):
        raise NotModelled(f"files: to change a file of {path.mount.superblock.kind}")


@call("fchownat")
def fchownat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, uid: CUint, gid: CUint, flags: CInt
) -> int:
    """chown(2)."""
    if flags & ~_AT_FLAGS:
        raise Errno(errno.EINVAL)
    return _change_owner(task, found(kernel, task, at, path, flags), uid, gid)


@call("chown")
def chown(kernel: Kernel, task: Task, path: Pointer, uid: CUint, gid: CUint) -> int:
    """chown(2)."""
    return fchownat(kernel, task, AT_FDCWD, path, uid, gid, 0)


@call("lchown")
def lchown(kernel: Kernel, task: Task, path: Pointer, uid: CUint, gid: CUint) -> int:
    """chown(2) of a symbolic link itself."""
    return fchownat(kernel, task, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW)


@call("fchown")
def fchown(kernel: Kernel, task: Task, fd: CUint, uid: CUint, gid: CUint) -> int:
    """chown(2) of a descriptor."""
    return _change_owner(task, task.files.get(fd).path, uid, gid)


def _change_owner(task: Task, path: Path, uid: int, gid: int) -> int:
    """chown_common, setattr_prepare; -1 leaves one as it is."""
    require_writable(path.mount)
    inode, who = path.inode, task.credentials
    new_uid = inode.uid if uid == _NOBODY else outside(who.user.uid_map, uid)
    new_gid = inode.gid if gid == _NOBODY else outside(who.user.gid_map, gid)
    if new_uid is None or new_gid is None:
        raise Errno(errno.EINVAL)
    _require_settable(path)
    may = capable_of(who, "CHOWN", inode)
    is_own = who.fsuid == inode.uid
    if uid != _NOBODY and not may and not (is_own and new_uid == inode.uid):
        raise Errno(errno.EPERM)
    keeps = new_gid == inode.gid or is_in_group(who, new_gid)
    if gid != _NOBODY and not may and not (is_own and keeps):
        raise Errno(errno.EPERM)
    inode.uid, inode.gid = new_uid, new_gid
    if not inode.is_dir:
        inode.mode &= ~(stat.S_ISUID | (stat.S_ISGID if inode.mode & stat.S_IXGRP else 0))
    return 0


@call("utimensat")
def utimensat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, times: Pointer, flags: CInt
) -> int:
    """utimensat(2): who may. There are no times."""
    is_now = not times
    if times:
        nanoseconds = [task.memory.integer(times + it, 8) for it in (8, 24)]
        if nanoseconds == [_OMIT, _OMIT]:
            return 0
        if any(it >= 10**9 and it not in (_NOW, _OMIT) for it in nanoseconds):
            raise Errno(errno.EINVAL)
        is_now = nanoseconds == [_NOW, _NOW]
    if not path and at != AT_FDCWD:
        if flags:
            raise Errno(errno.EINVAL)
        file = task.files.get(at).path
    else:
        if flags & ~_AT_FLAGS:
            raise Errno(errno.EINVAL)
        file = found(kernel, task, at, path, flags)
    require_writable(file.mount)
    if owns(task.credentials, file.inode):
        return 0
    if not is_now:
        raise Errno(errno.EPERM)
    require_access(kernel, task, file.inode, os.W_OK)
    return 0


@call("setxattr")
def setxattr(
    kernel: Kernel,
    task: Task,
    path: Pointer,
    name: Pointer,
    value: Pointer,
    size: CUlong,
    flags: CInt,
) -> int:
    """setxattr(2)."""
    if flags & ~(_XATTR_CREATE | _XATTR_REPLACE):
        raise Errno(errno.EINVAL)
    attribute = _attribute(task, name)
    if size > _MOST_XATTR:
        raise Errno(errno.E2BIG)
    data = task.memory.read(value, size)
    if attribute == _CAPABILITY and (size != _CAPABILITY_SIZE or data[3] != _CAPABILITY_REVISION):
        raise NotModelled("files: file capabilities of another revision")
    file = resolve(kernel, task, path_of(task, path))
    require_writable(file.mount)
    _require_attribute(kernel, task, file, attribute, os.W_OK)
    there = attribute in file.inode.xattrs
    if flags & _XATTR_CREATE and there:
        raise Errno(errno.EEXIST)
    if flags & _XATTR_REPLACE and not there:
        raise Errno(errno.ENODATA)
    file.inode.xattrs[attribute] = data
    return 0


@call("removexattr")
def removexattr(kernel: Kernel, task: Task, path: Pointer, name: Pointer) -> int:
    """removexattr(2)."""
    attribute = _attribute(task, name)
    file = resolve(kernel, task, path_of(task, path))
    require_writable(file.mount)
    _require_attribute(kernel, task, file, attribute, os.W_OK)
    if file.inode.xattrs.pop(attribute, None) is None:
        raise Errno(errno.ENODATA)
    return 0


@call("getxattr")
def getxattr(
    kernel: Kernel, task: Task, path: Pointer, name: Pointer, value: Pointer, size: CUlong
) -> int:
    """getxattr(2)."""
    attribute = _attribute(task, name)
    file = resolve(kernel, task, path_of(task, path))
    _require_attribute(kernel, task, file, attribute, os.R_OK)
    data = file.inode.xattrs.get(attribute)
    if data is None:
        raise Errno(errno.ENODATA)
    return _given(task, data, value, size)


@call("listxattr")
def listxattr(kernel: Kernel, task: Task, path: Pointer, names: Pointer, size: CUlong) -> int:
    """listxattr(2)."""
    inode = resolve(kernel, task, path_of(task, path)).inode
    can_see = capable(task.credentials, "SYS_ADMIN", kernel.user)
    seen = [it for it in inode.xattrs if can_see or not it.startswith("trusted.")]
    return _given(task, b"".join(it.encode() + b"\0" for it in seen), names, size)


def _attribute(task: Task, name: int) -> str:
    """The name of an attribute: 1 to 255 bytes."""
    try:
        attribute = task.memory.string(name, 256)
    except Errno as error:
        raise Errno(errno.ERANGE if error.number == errno.ENAMETOOLONG else error.number) from None
    if not attribute:
        raise Errno(errno.ERANGE)
    return attribute


def _require_attribute(kernel: Kernel, task: Task, file: Path, name: str, access: int) -> None:
    """Source: xattr_permission() in fs/xattr.c; cap_inode_setxattr() in security/commoncap.c."""
    inode, kind = file.inode, name.partition(".")[0]
    writes = bool(access & os.W_OK)
    if kind == "trusted":
        if not capable(task.credentials, "SYS_ADMIN", kernel.user):
            raise Errno(errno.EPERM if writes else errno.ENODATA)
        return
    if kind == "security":
        needed = "SETFCAP" if name == _CAPABILITY else "SYS_ADMIN"
        if writes and not capable(task.credentials, needed, kernel.user):
            raise Errno(errno.EPERM)
    if kind == "security":  # who may is asked of the capabilities alone: cap_inode_setxattr()
        _require_security(kernel, task, inode, name, writes=writes)
        return
    if kind != "user":
        raise NotModelled(f"files: attributes {kind}.*")
    if inode.kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise Errno(errno.EPERM if writes else errno.ENODATA)
    if inode.is_dir and inode.mode & stat.S_ISVTX and writes and not owns(task.credentials, inode):
        raise Errno(errno.EPERM)
    require_access(kernel, task, inode, access)


def _require_security(kernel: Kernel, task: Task, inode: Inode, name: str, *, writes: bool) -> None:
    """Source: cap_inode_setxattr() and cap_convert_nscap() in security/commoncap.c."""
    mine = task.credentials
    if name == "security.capability":
        may = capable_of(mine, "SETFCAP", inode)
    else:
        may = capable(mine, "SYS_ADMIN", kernel.user)
    if writes and not may:
        raise Errno(errno.EPERM)


def _given(task: Task, data: bytes, buffer: int, size: int) -> int:
    """Write what was asked for, or only tell its size if there is no room asked for."""
    if size:
        if len(data) > size:
            raise Errno(errno.ERANGE)
        task.memory.write(buffer, data)
    return len(data)


@call("file_getattr")
def file_getattr(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, attr: Pointer, size: CUlong, flags: CUint
) -> int:
    """file_getattr(2): no file has any such attribute."""
    _with_attributes(kernel, task, at, path, size, flags)
    task.memory.write(attr, bytes(size))
    return 0


@call("file_setattr")
def file_setattr(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, attr: Pointer, size: CUlong, flags: CUint
) -> int:
    """file_setattr(2) of nothing."""
    given = task.memory.read(attr, size)
    file = _with_attributes(kernel, task, at, path, size, flags)
    if any(given):
        raise NotModelled("files: attributes of file_setattr")
    require_writable(file.mount)
    if not owns(task.credentials, file.inode):
        raise Errno(errno.EPERM)
    return 0


def _with_attributes(kernel: Kernel, task: Task, at: int, path: int, size: int, flags: int) -> Path:
    if flags & ~_AT_FLAGS or size < _FILE_ATTR:
        raise Errno(errno.EINVAL)
    if size > _FILE_ATTR:
        raise NotModelled("files: a longer struct file_attr")
    file = found(kernel, task, at, path, flags)
    if file.mount.superblock.kind not in ("tmpfs", "rootfs"):
        raise NotModelled(f"files: attributes of files of {file.mount.superblock.kind}")
    return file
