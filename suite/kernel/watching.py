# SPDX-License-Identifier: MIT
"""Who is told of what happens to files: inotify, fanotify, dnotify, and leases.

Source: inotify(7), fanotify(7), fcntl(2); fs/notify, and fs/locks.c, the functions named below.
Files are told to be opened, made and written to; of other events nobody hears here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass, field
from select import POLLIN

from suite.kernel import owners
from suite.kernel.capabilities import capable_of
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.inodes import IN_CREATE, IN_MODIFY, IN_OPEN, Lease, Path, Watcher
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import COMMANDS
from suite.kernel.open_files import File
from suite.kernel.opening import opened_again
from suite.kernel.tasks import Task
from suite.process.uapi import F_NOTIFY, F_SETLEASE, FAN_EVENT_ON_CHILD, FAN_REPORT_FD_ERROR

_KNOWN = IN_CREATE | IN_MODIFY | IN_OPEN
_DN_MODIFY, _DN_CREATE, _DN_MULTISHOT = 2, 4, 1 << 31
_DIRECTORY = {IN_MODIFY: _DN_MODIFY, IN_CREATE: _DN_CREATE}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened."""

    watch: int
    """The number of who watched."""
    what: int
    """IN_OPEN and so on."""
    path: Path
    """To which file."""
    is_child: bool
    """Whether its directory is watched."""


@dataclass(slots=True, eq=False)
class Group(File):
    """An open file from which events are read."""

    kernel: Kernel = field(kw_only=True)
    waiting: list[Event] = field(default_factory=list)
    """What nobody has read yet."""
    masks: list[int] = field(default_factory=list)

    def poll(self) -> int:
        """Whether there is an event."""
        return POLLIN if self.waiting else 0

    def keep(self, event: Event) -> None:
        """Keep an event, unless the same one waits."""
        if event not in self.waiting:
            self.waiting.append(event)

    def next(self) -> Event:
        """The first event that waits, or wait for one."""
        if any(mask & ~_KNOWN & 0xFFF for mask in self.masks):
            raise NotModelled("watching: events of other kinds")
        if not self.waiting:
            if self.flags & os.O_NONBLOCK:
                raise Errno(errno.EAGAIN)
            raise Waits
        return self.waiting[0]


@dataclass(slots=True, eq=False)
class Watch(Watcher):
    """What a group wants to hear of one file."""

    group: Group
    number: int
    mask: int
    of_children: bool

    def tell(self, event: int, path: Path, *, is_child: bool) -> None:
        """Pass it on, if it counts."""
        if event & self.mask and (self.of_children or not is_child):
            self.group.keep(Event(self.number, event, path, is_child))


class Inotify(Group):
    """An inotify instance."""

    def read(self, size: int) -> bytes:
        """Events as struct inotify_event, as many as there is room for (inotify_read)."""
        parts: list[bytes] = []
        while not parts or self.waiting:
            event = self.next()
            name = event.path.dentry.name.encode() if event.is_child else b""
            padded = name.ljust((len(name) + 16) // 16 * 16, b"\0") if name else b""
            part = struct.pack("<iIII", event.watch, event.what, 0, len(padded)) + padded
            if len(part) > size:
                break
            del self.waiting[0]
            parts.append(part)
            size -= len(part)
        if not parts:
            raise Errno(errno.EINVAL)
        return b"".join(parts)


@dataclass(slots=True, eq=False)
class Fanotify(Group):
    """A fanotify group."""

    tells_errors: bool = False

    def read(self, size: int) -> bytes:
        """One event, with a descriptor of its file, which the reader opens (copy_event_to_user)."""
        if size < 24:
            raise Errno(errno.EINVAL)
        event = self.next()
        del self.waiting[0]
        task = self.kernel.current
        try:
            fd = task.files.add(opened_again(self.kernel, task, event.path, os.O_RDONLY))
        except Errno as error:
            if not self.tells_errors:
                raise
            fd = -error.number
        return struct.pack("<IBBHQii", 24, 3, 0, 24, event.what, fd, task.number)


def watch(group: Group, path: Path, mask: int) -> int:
    """Watch a file; the number of the watch (inotify_update_watch)."""
    number = len(group.masks) + 1
    group.masks.append(mask)
    children = isinstance(group, Inotify) or bool(mask & FAN_EVENT_ON_CHILD)
    path.inode.watchers.append(Watch(group, number, mask, children))
    return number


# fcntl(2)


@dataclass(slots=True, eq=False)
class _Directory(Watcher):
    """What F_NOTIFY asked for (struct dnotify_struct)."""

    kernel: Kernel
    file: File
    mask: int

    def tell(self, event: int, path: Path, *, is_child: bool) -> None:
        """Send a signal to the owner of the file."""
        if is_child and _DIRECTORY.get(event, 0) & self.mask and self.file.references:
            owners.tell(self.kernel, self.file, owners.POLL_MSG)
            if not self.mask & _DN_MULTISHOT:
                self.mask = 0


def _notify(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    """F_NOTIFY: be told of what happens in a directory (fcntl_dirnotify)."""
    mask = argument & 0xFFFFFFFF
    mine = [it for it in file.inode.watchers if isinstance(it, _Directory) and it.file is file]
    if not mask & ~_DN_MULTISHOT:
        for it in mine:
            file.inode.watchers.remove(it)
        return 0
    if not file.inode.is_dir:
        raise Errno(errno.ENOTDIR)
    if mask & ~(_DN_MODIFY | _DN_CREATE | _DN_MULTISHOT):
        raise NotModelled("watching: events of other kinds")
    _own(kernel, task, file)
    file.inode.watchers.append(_Directory(kernel, file, mask))
    return 0


def _own(kernel: Kernel, task: Task, file: File) -> None:
    """Be the owner, unless there is one (__f_setown without force)."""
    if not owners.owner_of(file).number:
        owners.set_owner(kernel, task, file, task.group.leader.number_in(task.namespaces.pids))


@dataclass(slots=True, eq=False)
class _Lease(Lease):
    """A lease to read."""

    kernel: Kernel
    file: File
    is_broken: bool = False

    def break_for(self, flags: int) -> None:
        """Let somebody write only once the owner has given it up (__break_lease).

        Raises:
            Errno: EAGAIN for who doesn't want to wait.
        """
        if not self.file.references:
            self.file.inode.lease = None
            return
        if not self.is_broken:
            self.is_broken = True
            owners.tell(self.kernel, self.file, owners.POLL_MSG)
        if not flags & os.O_NONBLOCK:
            raise NotModelled("watching: waiting for a lease")
        raise Errno(errno.EAGAIN)


def _set_lease(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    """F_SETLEASE (fcntl_setlease, generic_setlease)."""
    inode, kind = file.inode, argument & 0xFFFFFFFF
    if kind == fcntl.F_UNLCK:
        if not isinstance(inode.lease, _Lease) or inode.lease.file is not file:
            raise Errno(errno.EAGAIN)
        inode.lease = None
        return 0
    if kind not in (fcntl.F_RDLCK, fcntl.F_WRLCK):
        raise Errno(errno.EINVAL)
    if inode.uid != task.credentials.fsuid and not capable_of(task.credentials, "LEASE", inode):
        raise Errno(errno.EACCES)
    if inode.kind != stat.S_IFREG:
        raise Errno(errno.EINVAL)
    if kind == fcntl.F_WRLCK or inode.lease is not None:
        raise NotModelled("watching: leases to write, and several leases")
    if inode.writers > 0:
        raise Errno(errno.EAGAIN)
    inode.lease = _Lease(kernel, file)
    _own(kernel, task, file)
    return 0


COMMANDS[F_NOTIFY] = _notify
COMMANDS[F_SETLEASE] = _set_lease


# Groups


def new_inotify(kernel: Kernel, task: Task, flags: int) -> File:
    """An inotify instance without watches."""
    path = kernel.internal("anon_inodefs", "anon_inode:inotify", 0o600)
    file = Inotify(path, os.O_RDONLY | flags, task.credentials, kernel=kernel)
    kernel.hooks.file_alloc(file)
    return file


def new_fanotify(kernel: Kernel, task: Task, flags: int, how: int) -> File:
    """A fanotify group without marks."""
    path = kernel.internal("anon_inodefs", "anon_inode:[fanotify]", 0o600)
    file = Fanotify(path, os.O_RDWR | flags, task.credentials, kernel=kernel)
    file.tells_errors = bool(how & FAN_REPORT_FD_ERROR)
    kernel.hooks.file_alloc(file)
    return file
