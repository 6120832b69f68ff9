# SPDX-License-Identifier: MIT
"""Opening files by path. Source: open(2), openat2(2); fs/open.c and fs/namei.c of Linux."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from os import R_OK, W_OK, X_OK

from suite.kernel.errors import Errno
from suite.kernel.inodes import IN_CREATE, IN_OPEN, Dentry, Inode, Path, tell
from suite.kernel.kernel import Kernel
from suite.kernel.leases import break_lease
from suite.kernel.mounts import MS_NODEV, MS_NOEXEC
from suite.kernel.names import new_inode
from suite.kernel.nodes import OPENERS, Node, Special, put
from suite.kernel.open_files import ACCESS_MODE, File
from suite.kernel.permissions import owns, require_access, require_writable
from suite.kernel.regular import Directory, Regular, deny_writing, require_no_program, resize
from suite.kernel.tasks import Task
from suite.kernel.walk import Last, Walk
from suite.process.uapi import AT_FDCWD, O_EMPTYPATH

O_LARGEFILE = 0o100000
"""Of x86, where Python has 0: it is set without being asked for."""
_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_KNOWN = (
    ACCESS_MODE | os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC | os.O_APPEND | os.O_NONBLOCK
    | os.O_SYNC | os.O_DSYNC | os.O_ASYNC | os.O_DIRECT | O_LARGEFILE | os.O_DIRECTORY
    | os.O_NOFOLLOW | os.O_NOATIME | os.O_CLOEXEC | os.O_PATH | _TMPFILE | O_EMPTYPATH
)  # fmt: skip
_WITH_PATH = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_PATH | os.O_CLOEXEC | O_EMPTYPATH
_KNOWN_RESOLVE = 0x3F
_RESOLVE_CACHED = 0x20
_SCOPES = 0x08 | 0x10
_PERMISSIONS = 0o7777
_MEANINGS = {os.O_RDONLY: R_OK, os.O_WRONLY: W_OK, os.O_RDWR: R_OK | W_OK, 3: R_OK | W_OK}
_ONLY_AT_OPEN = os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC
_SPECIAL = {stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK}


class _Unopenable(Special):
    """A socket or an anonymous file: nobody can open them, but Landlock is asked first."""

    @classmethod
    def of(cls, _kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """One that was found by a path."""
        return cls(path, flags, task.credentials)

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Fail."""
        raise Errno(errno.ENXIO)


@dataclass(frozen=True, slots=True)
class How:
    """What is asked of an opening (struct open_flags)."""

    flags: int
    access: int
    """R_OK, W_OK and X_OK that the file has to grant."""
    mode: int = 0
    resolve: int = 0
    follow: bool = True
    executes: bool = False
    is_told: bool = True
    """Whether those who watch it hear of it (without FMODE_NONOTIFY)."""

    @property
    def makes(self) -> bool:
        """O_CREAT."""
        return bool(self.flags & os.O_CREAT)

    @property
    def alone(self) -> bool:
        """O_EXCL with O_CREAT."""
        return self.makes and bool(self.flags & os.O_EXCL)


def lenient(flags: int, mode: int = 0) -> How:
    """What open(2) and openat(2) ask for: they know no flags that are wrong (build_open_how)."""
    flags &= _KNOWN
    if flags & os.O_PATH:
        flags &= _WITH_PATH
    return strict(flags, mode & _PERMISSIONS if flags & (os.O_CREAT | _TMPFILE) else 0)


def strict(flags: int, mode: int = 0, resolve: int = 0) -> How:
    """What openat2(2) asks for (build_open_flags).

    Raises:
        Errno: EINVAL; EAGAIN for RESOLVE_CACHED of what can't be.
    """
    flags &= ~os.O_CLOEXEC
    access = _MEANINGS[flags & ACCESS_MODE]
    makes = flags & (os.O_CREAT | _TMPFILE)
    wrong = (
        flags & ~_KNOWN
        or resolve & ~_KNOWN_RESOLVE
        or resolve & _SCOPES == _SCOPES
        or mode & ~(_PERMISSIONS if makes else 0)
        or (flags & os.O_DIRECTORY and flags & os.O_CREAT)
        or (flags & _TMPFILE and not (flags & os.O_DIRECTORY and access & W_OK))
        or (flags & os.O_PATH and flags & ~_WITH_PATH)
    )
    if wrong:
        raise Errno(errno.EINVAL)
    if flags & os.O_TRUNC:
        access |= W_OK
    alone = flags & os.O_CREAT and flags & os.O_EXCL
    if resolve & _RESOLVE_CACHED and flags & (os.O_TRUNC | os.O_CREAT | _TMPFILE):
        raise Errno(errno.EAGAIN)
    if flags & os.O_PATH:
        access = 0
    follow = not (flags & os.O_NOFOLLOW or alone)
    return How(flags, access, mode, resolve & ~_RESOLVE_CACHED, follow)


def open_path(
    kernel: Kernel, task: Task, name: str, flags: int, *, mode: int = 0, at: int = AT_FDCWD
) -> File:
    """Open a file as openat(2) does; nobody has a descriptor of it yet.

    Raises:
        Errno: As open(2) says.
        Waits: For the other end of a FIFO.
    """
    return open_how(kernel, task, name, lenient(flags, mode), at=at)


def open_program(
    kernel: Kernel, task: Task, name: str, *, at: int = AT_FDCWD, follow: bool = True
) -> File:
    """Open a file to execute it (do_open_execat). Nobody can write to it until ``allow_writing``.

    Raises:
        Errno: As execve(2) says of opening.
    """
    how = How(O_LARGEFILE, X_OK, follow=follow, executes=True)
    file = open_how(kernel, task, name, how, at=at)
    deny_writing(file.inode)
    return file


def open_how(kernel: Kernel, task: Task, name: str, how: How, *, at: int = AT_FDCWD) -> File:
    """Open a file; an empty path is the file of ``at`` itself."""
    walk = _walk(kernel, task, how)
    walk.start(at, name)
    return _open(walk, name, how)


def open_found(kernel: Kernel, task: Task, path: Path, how: How) -> File:
    """Open a file that was found otherwise than by a path (file_open_root)."""
    if path.inode.kind == stat.S_IFLNK and not how.flags & os.O_PATH:
        raise Errno(errno.ELOOP)
    walk = _walk(kernel, task, how)
    walk.at = path
    return _open(walk, "", how)


def _walk(kernel: Kernel, task: Task, how: How) -> Walk:
    directory = bool(how.flags & os.O_DIRECTORY)
    return Walk(kernel, task, follow=how.follow, directory=directory, resolve=how.resolve)


def _open(walk: Walk, name: str, how: How) -> File:
    """path_openat."""
    if how.flags & _TMPFILE:
        return _temporary(walk, name, how)
    if how.flags & os.O_PATH:
        file = File(walk.to_end(name), how.flags, walk.task.credentials)
        walk.kernel.hooks.file_alloc(file)
        return file
    content: str | None = name
    made = False
    while content is not None:
        walk.to_last(content)
        content, made = _found(walk, how)
    if not made:
        walk.check_scope()
    return _checked(walk, how, made=made)


def _found(walk: Walk, how: How) -> tuple[str | None, bool]:
    """Go to the last part of a path, and make it with O_CREAT (open_last_lookups).

    Returns:
        What a link points to that has to be walked now; whether a file was made.
    """
    if walk.kind is not Last.NAME:
        walk.step_dots()
        return None, False
    if walk.has_slashes:
        if how.makes:
            raise Errno(errno.EISDIR)
        walk.follow = walk.directory = True
    found = walk.child()
    if found is not None:
        return walk.step_into(found, is_last=True), False
    if not how.makes or walk.at.dentry.is_removed:
        raise Errno(errno.ENOENT)
    walk.at = Path(walk.at.mount, _made(walk, how))
    return None, True


def _made(walk: Walk, how: How) -> Dentry:
    """Make a regular file (lookup_open, may_o_create)."""
    folder, task = walk.at, walk.task
    mode = stat.S_IFREG | (how.mode & ~task.fs.umask)
    require_writable(folder.mount)
    walk.kernel.hooks.path_mknod(task, folder, mode, 0)
    require_access(walk.kernel, task, folder.inode, W_OK | X_OK)
    if isinstance(folder.inode.node, Node):
        raise Errno(errno.EACCES)
    made = put(folder.dentry, walk.last, new_inode(task, folder.inode, mode))
    tell(IN_CREATE, Path(folder.mount, made))
    return made


def _checked(walk: Walk, how: How, *, made: bool) -> File:
    """Open what was found, if that is allowed (do_open)."""
    kernel, task, path = walk.kernel, walk.task, walk.at
    inode = path.inode
    if how.makes:
        if how.alone and not made:
            raise Errno(errno.EEXIST)
        if inode.is_dir:
            raise Errno(errno.EISDIR)
        if not made:
            _require_creatable_in_sticky(walk, inode)
    if walk.directory and not inode.is_dir:
        raise Errno(errno.ENOTDIR)
    truncates = bool(how.flags & os.O_TRUNC) and inode.kind == stat.S_IFREG and not made
    if truncates:
        require_writable(path.mount)
    _require_openable(kernel, task, path, 0 if made else how.access, how.flags)
    file = _opened(kernel, task, path, how)
    if truncates:
        try:
            kernel.hooks.file_truncate(task, file)
        except Errno:
            file.release()
            raise
        resize(inode, 0)
    return file


def _require_creatable_in_sticky(walk: Walk, inode: Inode) -> None:
    """The sysctls protected_fifos=1 and protected_regular=2 (may_create_in_sticky)."""
    mode, uid = walk.folder_mode, inode.uid
    if not mode & stat.S_ISVTX or uid in (walk.folder_uid, walk.task.credentials.fsuid):
        return
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and inode.kind == stat.S_IFREG):
        raise Errno(errno.EACCES)


def _require_openable(kernel: Kernel, task: Task, path: Path, access: int, flags: int) -> None:
    """may_open."""
    inode = path.inode
    if inode.kind == stat.S_IFLNK:
        raise Errno(errno.ELOOP)
    if inode.is_dir and access & W_OK:
        raise Errno(errno.EISDIR)
    if inode.kind in (stat.S_IFBLK, stat.S_IFCHR) and path.mount.flags & MS_NODEV:
        raise Errno(errno.EACCES)
    if access & X_OK and (inode.kind != stat.S_IFREG or path.mount.flags & MS_NOEXEC):
        raise Errno(errno.EACCES)
    require_access(kernel, task, inode, access)
    if flags & os.O_NOATIME and not owns(task.credentials, inode):
        raise Errno(errno.EPERM)


def _opened(kernel: Kernel, task: Task, path: Path, how: How) -> File:
    """Make an open file, and ask Landlock (do_dentry_open)."""
    inode = path.inode
    file = _file_of(kernel, task, path, how.flags & ~_ONLY_AT_OPEN)
    file.executes = how.executes
    kernel.hooks.file_alloc(file)
    if file.writes and inode.kind not in _SPECIAL:
        require_no_program(inode)
        require_writable(path.mount)
    kernel.hooks.file_open(task, file)
    if inode.kind == stat.S_IFREG:
        break_lease(kernel, file)
    if file.writes and inode.lease is not None:
        inode.lease.break_for(how.flags)
    if isinstance(file, Special):
        file.opened(kernel, task)
    elif isinstance(file, Regular) and file.writes:
        file.is_writer = True
        inode.writers += 1
        inode.is_copied_up = True
    if how.is_told:
        tell(IN_OPEN, path)
    return file


def opened_again(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    """Open a file that is known, whatever its permissions; nobody is told of it (dentry_open)."""
    return _opened(kernel, task, path, How(flags, 0, is_told=False))


def _file_of(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    inode = path.inode
    if isinstance(inode.node, Node) and not inode.is_dir:
        return inode.node.open(kernel, task, path, flags)
    if inode.is_private:
        return _Unopenable(path, flags, task.credentials)
    return OPENERS.get(inode.kind, _Unopenable.of)(kernel, task, path, flags)


def _temporary(walk: Walk, name: str, how: How) -> File:
    """Make a file without a name (do_tmpfile)."""
    kernel, task = walk.kernel, walk.task
    walk.directory = True
    folder = walk.to_end(name)
    require_writable(folder.mount)
    require_access(kernel, task, folder.inode, W_OK | X_OK)
    if isinstance(folder.inode.node, Node):
        raise Errno(errno.EOPNOTSUPP)
    mode = stat.S_IFREG | (how.mode & ~task.fs.umask)
    inode = new_inode(task, folder.inode, mode)
    inode.links = 0
    inode.is_linkable = not how.flags & os.O_EXCL
    dentry = Dentry(f"#{inode.number}", inode, inode.superblock)
    dentry.parent, dentry.is_removed = folder.dentry, True
    return _opened(kernel, task, Path(folder.mount, dentry), how)


def _regular(_kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    return Regular(path, flags, task.credentials)


def _directory(_kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    return Directory(path, flags, task.credentials)


OPENERS[stat.S_IFREG] = _regular
OPENERS[stat.S_IFDIR] = _directory
