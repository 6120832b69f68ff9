# SPDX-License-Identifier: MIT
"""Files as the kernel has them: inodes, names (dentries), file systems, mounts."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakSet

from suite.kernel.credentials import Namespace, UserNamespace
from suite.process.uapi import MS_RDONLY

IN_MODIFY, IN_OPEN, IN_CREATE = 0x2, 0x20, 0x100
"""What can happen to a file. Source: include/uapi/linux/inotify.h; fanotify has the same bits."""
_numbers = itertools.count(1)


@dataclass(slots=True, eq=False, repr=False)
class Superblock:
    """A file system."""

    kind: str
    """Such as ``tmpfs``."""
    device: int
    """As stat(2) gives it."""
    root: Dentry = field(init=False)
    is_internal: bool = False
    """Never mounted by users (SB_NOUSER): pipefs, sockfs, anonymous inodes."""
    read_only: bool = False
    options: dict[str, str] = field(default_factory=dict)
    """As mount(2) was told."""
    user: UserNamespace | None = None
    """Whose capabilities count for it (s_user_ns)."""
    inodes: WeakSet[Inode] = field(default_factory=WeakSet)
    """Those that anything still refers to: a name, an open file, a rule of Landlock."""


@dataclass(slots=True, eq=False, repr=False, weakref_slot=True)
class Inode:
    """A file, whatever its names."""

    superblock: Superblock
    mode: int
    """Type and permissions, as stat(2) gives them."""
    uid: int = 0
    gid: int = 0
    device: int = 0
    """Of a device file."""
    data: bytearray = field(default_factory=bytearray)
    """Of a regular file; of a symbolic link what it points to."""
    links: int = 1
    writers: int = 0
    """How many open files write to it; below 0, so many times it is being executed (ETXTBSY)."""
    is_linkable: bool = False
    """Made with O_TMPFILE: it can be given a name though it has none."""
    xattrs: dict[str, bytes] = field(default_factory=dict)
    node: object = None
    """What stands behind it: the pipe of a FIFO, the socket bound to it, what /proc makes of it."""
    number: int = field(default_factory=lambda: next(_numbers))
    watchers: list[Watcher] = field(default_factory=list)
    """Who is told of what happens to it, and in it."""
    lease: Lease | None = None
    """Who wants to be asked before anybody writes to it."""
    stays: bool = False
    """A directory of an overlay that is in a lower layer, too: it can't be moved (EXDEV)."""
    is_copied_up: bool = False
    """A file of an overlay that is in the upper layer from now on, whatever it says."""
    is_private: bool = False
    """Made by the kernel for itself (S_PRIVATE), such as that of memfd_secret(2)."""

    def __post_init__(self) -> None:
        self.superblock.inodes.add(self)

    @property
    def kind(self) -> int:
        """``S_IFREG`` and so on."""
        return stat.S_IFMT(self.mode)

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


@dataclass(slots=True, eq=False, repr=False)
class Dentry:
    """A name of a file in its directory. The root of a file system has itself as its parent."""

    name: str
    inode: Inode
    superblock: Superblock
    parent: Dentry = field(init=False)
    children: dict[str, Dentry] = field(default_factory=dict)
    """Of a directory, by name. /proc and the like give theirs by ``Inode.node``."""
    is_removed: bool = False
    """Whether it is no longer in its directory."""

    def __post_init__(self) -> None:
        self.parent = self

    @property
    def is_root(self) -> bool:
        """Whether it is the root of its file system, or was never in any directory."""
        return self.parent is self

    def up(self) -> Iterator[Dentry]:
        """Itself, its directory, and so on up to the root of the file system."""
        it = self
        while True:
            yield it
            if it.is_root:
                return
            it = it.parent


@dataclass(slots=True, eq=False, repr=False)
class Mount:
    """A (part of a) file system in the hierarchy; ``suite.kernel.mounts`` attaches it."""

    root: Dentry
    parent: Mount | None = None
    """None of the root of a namespace, and of one that is attached to none (``fsmount``)."""
    point: Dentry | None = None
    """Where it is mounted, in its parent."""
    flags: int = 0
    """MS_* of its own, such as MS_RDONLY, MS_NOEXEC, MS_NODEV, MS_NOSUID."""
    locked_flags: int = 0
    """Those that a user namespace may not take away."""
    is_internal: bool = False
    """Of the kernel itself (MNT_INTERNAL): of pipes, sockets, /proc/PID/ns files."""
    peers: set[Mount] | None = None
    """If it is shared: all mounts that get what is mounted beneath one of them."""
    is_locked: bool = False
    """Whether it came into a user namespace from outside, with others (MNT_LOCKED)."""
    source: str = "none"
    """As mount(2) was told."""
    namespace: MountNamespace | None = None
    """None if it is in none: of the kernel itself, detached by umount2(2), or not attached yet."""
    anonymous: bool = False
    """Whether it came from open_tree(2) or fsmount(2), and was never attached."""
    children: list[Mount] = field(default_factory=list)
    """What is mounted on it, in the order of time."""

    @property
    def superblock(self) -> Superblock:
        """The file system."""
        return self.root.superblock

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed through it (mnt_is_readonly)."""
        return bool(self.flags & MS_RDONLY) or self.superblock.read_only

    def on(self, dentry: Dentry) -> Mount | None:
        """What is mounted at a place of it; what is seen there may be mounted on that in turn."""
        for it in reversed(self.children):
            if it.point is dentry:
                return it
        return None

    def tree(self) -> Iterator[Mount]:
        """Itself and all that is mounted beneath."""
        yield self
        for it in self.children:
            yield from it.tree()


@dataclass(frozen=True, slots=True)
class Path:
    """A file where it was found: struct path."""

    mount: Mount
    dentry: Dentry

    @property
    def inode(self) -> Inode:
        """The file."""
        return self.dentry.inode


class Watcher:
    """Who is told of what happens to a file."""

    __slots__ = ()

    def tell(self, event: int, path: Path, *, is_child: bool) -> None:
        """Hear of an event of the file, or of one in the directory that is watched."""
        raise NotImplementedError


class Lease:
    """Who wants to be asked before anybody else writes to a file."""

    __slots__ = ()

    def break_for(self, flags: int) -> None:
        """Let somebody open it with these flags to write."""
        raise NotImplementedError


def tell(event: int, path: Path) -> None:
    """Tell those who watch a file or its directory (fsnotify_parent)."""
    for watcher in path.inode.watchers:
        watcher.tell(event, path, is_child=False)
    if not path.dentry.is_root:
        for watcher in path.dentry.parent.inode.watchers:
            watcher.tell(event, path, is_child=True)


@dataclass(slots=True, eq=False, repr=False)
class MountNamespace(Namespace):
    """The mounts that processes see."""

    root: Mount = field(init=False)

    def is_mounted_on(self, dentry: Dentry) -> bool:
        """Whether something is mounted on any place of this file here (is_local_mountpoint)."""
        return any(it.point is dentry for it in self.root.tree())
