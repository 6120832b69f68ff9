# SPDX-License-Identifier: MIT
"""Where the small kernel asks the model: one method a hook of Landlock's, named as the kernel does.

A hook returns nothing if the access is allowed, and raises ``Errno`` if it is denied.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from suite.kernel.credentials import Capability, Credentials
from suite.kernel.domains import Domains
from suite.kernel.errors import Errno
from suite.kernel.inodes import Dentry, Path
from suite.kernel.open_files import File
from suite.kernel.sockets.endpoint import Endpoint
from suite.kernel.tasks import Task
from suite.landlock.abi import FS, NET
from suite.model import calls, log, moves, paths, permissions, ports, scopes
from suite.model.landlock import NO_SUBJECT, Model, Subject
from suite.model.verdicts import Cause, Denial, Request
from suite.process.uapi import RENAME_EXCHANGE, RENAME_WHITEOUT


@dataclass(frozen=True, slots=True)
class Command:
    """An ioctl(2) command on a file."""

    file: File
    number: int


@dataclass(frozen=True, slots=True)
class Wire:
    """An address that was asked for, and the socket."""

    socket: Endpoint
    address: bytes | None
    """None for a port that the kernel would have chosen."""


@dataclass(frozen=True, slots=True)
class NamespaceKind:
    """A kind of namespaces, of which somebody would make or enter one."""

    flag: int
    """CLONE_NEW*."""


Object: TypeAlias = (
    Path | Dentry | File | Command | Wire | Task | Endpoint | NamespaceKind | Capability
)
"""What an access was about."""
Witness: TypeAlias = Callable[[Cause, Object, bool], None]
"""Told of each denial, what it was about, and whether a record is to be written."""


class Hooks:
    """Landlock's hooks.

    Attributes:
        model: The rules.
        domains: All that there are.
        witnesses: Who is told of denials.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.domains = Domains()
        self.witnesses: list[Witness] = []

    def _decide(self, denial: Denial | None, *objects: Object) -> None:
        """Tell of a denial and give its errno; of two causes, each has an object."""
        if denial is None:
            return
        for cause in denial.causes:
            self.domains.origins[log.denying(cause)].denials += 1
            logged = log.is_logged(self.model, cause)
            about = objects[cause.of_new]
            for witness in self.witnesses:
                witness(cause, about, logged)
        raise Errno(denial.errno)

    # Files. ``parent`` is the directory in which something is made or removed.

    def path_mknod(self, task: Task, parent: Path, mode: int, device: int) -> None:
        """mknod(2), and open(2) that creates; ``mode`` with its type."""
        subject = task.credentials.landlock
        if subject.domain:
            denial = paths.make(self.model, subject, place_of(parent), mode, device)
            self._decide(denial, parent)

    def path_mkdir(self, task: Task, parent: Path) -> None:
        """mkdir(2)."""
        self.path_mknod(task, parent, stat.S_IFDIR, -1)

    def path_symlink(self, task: Task, parent: Path) -> None:
        """symlink(2)."""
        self.path_mknod(task, parent, stat.S_IFLNK, -1)

    def path_unlink(self, task: Task, parent: Path) -> None:
        """unlink(2)."""
        self._remove(task, parent, is_dir=False)

    def path_rmdir(self, task: Task, parent: Path) -> None:
        """rmdir(2)."""
        self._remove(task, parent, is_dir=True)

    def _remove(self, task: Task, parent: Path, *, is_dir: bool) -> None:
        subject = task.credentials.landlock
        if subject.domain:
            denial = paths.remove(self.model, subject, place_of(parent), is_dir=is_dir)
            self._decide(denial, parent)

    def path_link(self, task: Task, old: Dentry, parent: Path) -> None:
        """link(2) of a file into a directory."""
        subject = task.credentials.landlock
        if subject.domain:
            self._move(subject, old, parent, None)

    def path_rename(
        self, task: Task, old: Dentry, parent: Path, new: Dentry | None, flags: int
    ) -> None:
        """rename(2) into a directory, onto ``new`` if there is such a file; RENAME_* flags."""
        subject = task.credentials.landlock
        if subject.domain:
            self._move(subject, old, parent, new, flags=flags, removes=True)

    def _move(
        self,
        subject: Subject,
        old: Dentry,
        parent: Path,
        new: Dentry | None,
        *,
        flags: int = 0,
        removes: bool = False,
    ) -> None:
        is_root = old is parent.mount.root  # of a mount: then it is asked about itself
        folder = Path(parent.mount, old if is_root else old.parent)
        asked = moves.Move(
            entry_of(old),
            place_of(folder),
            place_of(parent),
            entry_of(new) if new else None,
            removes=removes,
            exchanges=bool(flags & RENAME_EXCHANGE),
            leaves_whiteout=bool(flags & RENAME_WHITEOUT),
            same_folder=old.parent is parent.dentry,
        )
        self._decide(moves.move(self.model, subject, asked), folder, parent)

    def path_truncate(self, task: Task, path: Path) -> None:
        """truncate(2)."""
        subject = task.credentials.landlock
        if subject.domain:
            self._decide(paths.truncate(self.model, subject, place_of(path)), path)

    def file_alloc(self, file: File) -> None:
        """Every new open file, whatever its kind, also those that no hook sees opened."""
        self.domains.keep(file)

    def file_open(self, task: Task, file: File) -> None:
        """Opening a file by a path (not with O_PATH), with ``file.credentials``."""
        own, given = task.credentials.landlock, file.credentials.landlock
        subject = paths.opener(self.model, own, given)
        if not subject.domain:
            return
        inode = file.inode
        opening = paths.Opening(
            inode.is_dir, is_device(file), file.reads, file.writes, file.executes
        )
        denial, opened = paths.open_file(self.model, subject, place_of(file.path), opening)
        file.landlock = opened
        self._decide(denial, file.path)

    def file_truncate(self, task: Task, file: File) -> None:
        """ftruncate(2), and open(2) with O_TRUNC of what was there."""
        if isinstance(file.landlock, paths.Opened):
            self._decide(paths.use_opened(file.landlock, FS.TRUNCATE), file)

    def file_ioctl(self, task: Task, file: File, command: int, *, compat: bool = False) -> None:
        """ioctl(2); ``compat`` ones of 32 bits are treated alike."""
        if isinstance(file.landlock, paths.Opened):
            denial = paths.ioctl(file.landlock, command & 0xFFFFFFFF)
            self._decide(denial, Command(file, command))

    def change_topology(self, task: Task, place: Path | Dentry) -> None:
        """mount(2), move_mount(2) and pivot_root(2), of a path; umount(2) and remounts, of a root.

        That is the root of the mount that goes, or of the file system that changes.
        """
        self._decide(paths.change_topology(task.credentials.landlock), place)

    def unix_find(self, task: Task, path: Path, server: Endpoint | None) -> None:
        """connect(2) or sendto(2) to a socket with a path; ``server``: the open file of it."""
        subject = task.credentials.landlock
        if subject.domain and server is not None:
            other = server.credentials.landlock
            denial = paths.resolve_unix(self.model, subject, place_of(path), other)
            self._decide(denial, path)

    # Sockets. ``socket`` is an open file of the sockets' area.

    def socket_bind(self, task: Task, socket: Endpoint, address: bytes) -> None:
        """bind(2), with the address as it was copied from the process."""
        subject = task.credentials.landlock
        if subject.domain:
            denial = ports.bind(self.model, subject, socket.as_ports_see, address)
            self._decide(denial, Wire(socket, address))

    def socket_connect(self, task: Task, socket: Endpoint, address: bytes) -> None:
        """connect(2)."""
        subject = task.credentials.landlock
        if subject.domain:
            denial = ports.connect(self.model, subject, socket.as_ports_see, address)
            self._decide(denial, _checked(denial, socket, address))

    def socket_sendmsg(
        self, task: Task, socket: Endpoint, address: bytes | None, *, fast_open: bool = False
    ) -> None:
        """sendto(2) and its like, with an address or without; ``fast_open``: MSG_FASTOPEN."""
        subject = task.credentials.landlock
        if subject.domain:
            seen = socket.as_ports_see
            denial = ports.send(self.model, subject, seen, address, fast_open=fast_open)
            self._decide(denial, _checked(denial, socket, address))

    def unix_stream_connect(self, task: Task, socket: Endpoint, other: Endpoint | None) -> None:
        """connect(2) of a stream or seqpacket UNIX socket to a listening one."""
        self._reach(task, other)

    def unix_may_send(self, task: Task, socket: Endpoint, other: Endpoint | None) -> None:
        """A datagram of a UNIX socket to another one, and connect(2) of a datagram socket.

        That it is connected to that one already nobody takes back.
        """
        if socket.peer is not other:
            self._reach(task, other)

    def _reach(self, task: Task, other: Endpoint | None) -> None:
        subject = task.credentials.landlock
        if subject.domain and other is not None and other.is_abstract:
            denial = scopes.connect_abstract(subject, other.credentials.landlock)
            self._decide(denial, other)

    # Processes

    def task_kill(self, task: Task, receiver: Task, signal: int) -> None:
        """A signal that a task sends, 0 included."""
        sender, other = task.credentials.landlock, receiver.credentials.landlock
        same = task.group is receiver.group
        denial = scopes.signal(self.model, sender, other, same_process=same)
        self._decide(denial, receiver)

    def ptrace_access_check(self, task: Task, tracee: Task, *, audit: bool = True) -> None:
        """ptrace(2) and what is allowed as it is; ``audit``: without PTRACE_MODE_NOAUDIT."""
        denial = scopes.trace(task.credentials.landlock, tracee.credentials.landlock)
        if denial and not audit:
            raise Errno(denial.errno)
        self._decide(denial, tracee)

    def ptrace_traceme(self, task: Task, parent: Task) -> None:
        """PTRACE_TRACEME: ``parent`` would be the tracer."""
        denial = scopes.trace(parent.credentials.landlock, task.credentials.landlock)
        self._decide(denial, task)

    def file_set_fowner(
        self, task: Task, file: File, owner: Task | None, *, is_group: bool
    ) -> None:
        """F_SETOWN and its like: ``owner`` is the task, or the leader of the group, if any."""
        own = owner is not None and owner.group is task.group
        file.landlock_owner = scopes.set_owner(
            self.model, task.credentials.landlock, task.group, is_group=is_group, own_process=own
        )
        self.domains.keep(file)

    def file_send_sigiotask(self, file: File, receiver: Task, signal: int) -> None:
        """SIGIO (or what F_SETSIG set; 0 for SIGIO) of a file to one task of its owners."""
        owner = file.landlock_owner
        if isinstance(owner, scopes.Owner):
            denial = scopes.send_sigio(owner, receiver.credentials.landlock, receiver.group)
            self._decide(denial, receiver)

    # Permissions

    def namespace(self, task: Task, flag: int) -> None:
        """A new namespace of a kind (CLONE_NEW*), or one that is entered."""
        subject = task.credentials.landlock
        if subject.domain:
            denial = permissions.use(subject, Request.NAMESPACE, flag)
            self._decide(denial, NamespaceKind(flag))

    def capable(self, it: Capability) -> None:
        """The use of a capability that somebody has."""
        bit = 1 << it.number
        denial = permissions.use(it.subject, Request.CAPABILITY, bit)
        if denial and not it.audit:
            raise Errno(denial.errno)
        self._decide(denial, it)

    # Credentials

    def cred_prepare(self, credentials: Credentials) -> Credentials:
        """What new credentials begin with: those of a child, or after set*id(2) and capset(2)."""
        subject = calls.prepared(self.model, credentials.landlock)
        if subject is credentials.landlock:
            return credentials
        return replace(credentials, landlock=subject)

    def on_exec(self, credentials: Credentials) -> Credentials:
        """What an execve(2) makes of them, as far as Landlock is concerned."""
        if credentials.landlock == NO_SUBJECT:
            return credentials
        subject = calls.executed(calls.prepared(self.model, credentials.landlock))
        return replace(credentials, landlock=subject)

    def cred_transfer(self, old: Credentials, new: Credentials) -> Credentials:
        """KEYCTL_SESSION_TO_PARENT gives a parent (``old``) new credentials."""
        subject = calls.transferred(self.model, old.landlock)
        return replace(new, landlock=subject)


def _checked(denial: Denial | None, socket: Endpoint, address: bytes | None) -> Wire:
    """What was checked last of who connects or sends: the address, or that it has a port."""
    lacks_port = denial is not None and any(it.access & NET.BIND_UDP for it in denial.causes)
    return Wire(socket, None if lacks_port else address)


def is_device(file: File) -> bool:
    """Whether it is a device file."""
    return stat.S_ISCHR(file.inode.mode) or stat.S_ISBLK(file.inode.mode)


def entry_of(dentry: Dentry) -> moves.Entry:
    """What the rules on moves look at of a file."""
    inode = dentry.inode
    return moves.Entry(inode, inode.mode, inode.device)


def place_of(path: Path) -> paths.Place:
    """Where a file lies, as the rules on paths look at it."""
    mount, dentry = path.mount, path.dentry
    above = None
    if mount.parent is not None and mount.point is not None:
        above = place_of(Path(mount.parent, mount.point))
    return paths.Place(
        tuple(it.inode for it in dentry.up()),
        mount.root.inode,
        above,
        mount.is_internal,
    )
