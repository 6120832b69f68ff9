# SPDX-License-Identifier: MIT
"""The small kernel: all of its state, in one place."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from suite.kernel.credentials import Namespace, UserNamespace
from suite.kernel.hooks import Hooks
from suite.kernel.inodes import Dentry, Inode, Mount, MountNamespace, Path, Superblock
from suite.kernel.tasks import NetNamespace, PidNamespace, Task
from suite.landlock.abi import ABIS, RELEASED
from suite.model.landlock import Model


class Kernel:
    """A whole system; ``suite.kernel.boot`` makes one.

    Attributes:
        model: The rules of Landlock that it has.
        hooks: Where it asks them.
        tasks: The tasks that the host drives, by the host's numbers.
        doomed: Processes that a signal ends as soon as the call is over, and which signal.
        has_traced: Whether any task was ever traced: then they have to be looked for.
        clock: Seconds since boot. Stands still while anything can be done.
        mounts, user, pids, net: The initial namespaces.
        namespace_numbers: The next one is free for a new namespace.
        current: Whose system call is performed now, or was last.
        namespace_files: The files by which namespaces are known, once somebody asked.
        superblocks: File systems that all see who mount them, by name and namespace.
        release: As uname(2) gives it: the first with these rules.
        endings: Who wants to know the value of the call that is performed now (negative: an errno).
        printed: What the kernel printed (printk), and at which time of its clock.
        extra: What single areas keep of the whole system, by a name of theirs.
    """

    mounts: MountNamespace
    user: UserNamespace
    pids: PidNamespace
    net: NetNamespace
    current: Task

    def __init__(self, model: Model) -> None:
        self.model = model
        self.hooks = Hooks(model)
        self.tasks: dict[int, Task] = {}
        self.doomed: list[tuple[Task, int]] = []
        self.has_traced = False
        self.clock = 0.0
        self.superblocks: dict[tuple[str, Namespace | None], Superblock] = {}
        self.namespace_files: dict[Namespace, Path] = {}
        first = ABIS[model.abi or RELEASED].release
        self.release = f"{first}.0" if first else f"{ABIS[RELEASED].release}.0-next"
        self.endings: list[Callable[[int], None]] = []
        self.printed: list[tuple[float, str]] = []
        self.extra: dict[str, object] = {}
        self.namespace_numbers = itertools.count(0xF0000000)
        self._devices = itertools.count(20)
        self._internal: dict[str, Mount] = {}

    def free_domains(self) -> None:
        """Free the domains of Landlock that nobody uses any more, and tell who wants to know."""
        self.hooks.domains.free(self.pids.tasks.values())

    def superblock(self, kind: str, mode: int, *, is_internal: bool = False) -> Superblock:
        """A new file system with an empty root of this mode."""
        made = Superblock(kind, next(self._devices), is_internal=is_internal)
        made.root = Dentry("/", Inode(made, mode, links=2), made)
        return made

    def internal(
        self, kind: str, name: str, mode: int, node: object = None, *, is_mountable: bool = False
    ) -> Path:
        """A new file on a file system of the kernel's own, such as ``pipefs``; it has no names.

        ``name`` is what /proc/PID/fd shows of it; ``is_mountable``: it may be bound elsewhere.
        """
        mount = self._internal.get(kind)
        if mount is None:
            made = self.superblock(kind, mode, is_internal=not is_mountable)
            mount = self._internal[kind] = Mount(made.root, is_internal=True)
        inode = Inode(mount.superblock, mode, node=node)
        return Path(mount, Dentry(name, inode, mount.superblock))
