# SPDX-License-Identifier: MIT
"""The file systems that can be mounted, by name: a row each, which their areas add.

What is not here is a file system that this kernel was built without: ENODEV.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable
from dataclasses import dataclass

from suite.kernel.capabilities import require
from suite.kernel.credentials import Namespace, UserNamespace
from suite.kernel.errors import Errno
from suite.kernel.inodes import Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task

Options = dict[str, str]
"""What comes after the name of a file system, by key; the value of a flag is empty."""


def nothing(kernel: Kernel, task: Task, made: Superblock) -> None:
    """Leave a new file system empty."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file system of a name comes to be."""

    name: str
    mode: int
    """The permissions of its root."""
    fill: Callable[[Kernel, Task, Superblock], None] = nothing
    """Makes what is in it."""
    options: frozenset[str] = frozenset()
    """The keys that it takes."""
    in_user_namespaces: bool = True
    """Whether CAP_SYS_ADMIN in a user namespace is enough to mount it (FS_USERNS_MOUNT)."""
    namespace: Callable[[Task], Namespace] | None = None
    """What it shows, if a namespace."""
    is_shared: bool = False
    """Whether all who mount it see the same files: those of a namespace, or else of the system."""
    is_owned: bool = False
    """Whether its root belongs to who mounts it."""


KINDS: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Have more file systems."""
    KINDS.update((it.name, it) for it in kinds)


def kind_of(name: str) -> Kind:
    """The file system of a name.

    Raises:
        Errno: ENODEV.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise Errno(errno.ENODEV)
    return kind


def parsed(kind: Kind, words: str) -> Options:
    """Options as mount(2) takes them, with commas.

    Raises:
        Errno: EINVAL.
    """
    options: Options = {}
    for word in filter(None, words.split(",")):
        key, _, value = word.partition("=")
        take(kind, options, key, value)
    return options


def take(kind: Kind, options: Options, key: str, value: str) -> None:
    """Take one option more.

    Raises:
        Errno: EINVAL: it means nothing.
    """
    if key not in kind.options:
        raise Errno(errno.EINVAL)
    options[key] = value


def require_may_make(kernel: Kernel, task: Task, kind: Kind) -> None:
    """Be allowed to mount a file system of this kind (mount_capable in fs/super.c).

    Raises:
        Errno: EPERM.
    """
    owner = _owner(kernel, task, kind)
    require(task.credentials, "SYS_ADMIN", owner if kind.in_user_namespaces else kernel.user)


def made(kernel: Kernel, task: Task, kind: Kind, options: Options) -> Superblock:
    """A new file system, or the one that all see (vfs_get_tree)."""
    shown = (kind.name, kind.namespace(task) if kind.namespace else None)
    if kind.is_shared and (found := kernel.superblocks.get(shown)):
        return found
    mode = int(options["mode"], 8) if "mode" in options else kind.mode
    it = kernel.superblock(kind.name, stat.S_IFDIR | mode)
    it.options = options
    it.user = _owner(kernel, task, kind)
    if kind.is_owned:
        it.root.inode.uid, it.root.inode.gid = task.credentials.fsuid, task.credentials.fsgid
    kind.fill(kernel, task, it)
    if kind.is_shared:
        kernel.superblocks[shown] = it
    return it


def _owner(kernel: Kernel, task: Task, kind: Kind) -> UserNamespace:
    """The user namespace that a new one belongs to (fs_context.user_ns)."""
    if not kind.in_user_namespaces:
        return kernel.user
    owner = kind.namespace(task).owner if kind.namespace else None
    return owner or task.credentials.user


_SIZES = frozenset({"size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge", "inode32"})
register(
    Kind("tmpfs", 0o1777, options=_SIZES, is_owned=True),
    Kind("ramfs", 0o755, options=frozenset({"mode"})),
)
