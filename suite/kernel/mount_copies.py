# SPDX-License-Identifier: MIT
"""Copies of mounts: bind mounts, detached trees, and what a new mount namespace begins with.

Source: fs/namespace.c, the functions that are named below.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from suite.kernel.credentials import UserNamespace
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Dentry, Mount, MountNamespace, Path
from suite.kernel.kernel import Kernel
from suite.kernel.mounts import LOCKABLE, attach, has_locked_children, is_mine
from suite.kernel.tasks import FsContext, Task
from suite.process.uapi import CLONE_NEWNS


def clone(mount: Mount, root: Dentry, *, keeps_lock: bool = False) -> Mount:
    """A copy of one mount, with another root (clone_mnt)."""
    made = Mount(
        root,
        flags=mount.flags,
        locked_flags=mount.locked_flags,
        is_locked=keeps_lock and mount.is_locked,
        source=mount.source,
    )
    if mount.peers is not None:
        made.peers = mount.peers
        made.peers.add(made)
    return made


def copy_tree(mount: Mount, root: Dentry) -> list[tuple[Mount, Mount]]:
    """Copies of a mount and of what is mounted beneath that root: pairs, the first is the top."""
    made = clone(mount, root)
    return [(mount, made), *_copies_beneath(mount, made)]


def _copies_beneath(mount: Mount, made: Mount) -> Iterator[tuple[Mount, Mount]]:
    for child in mount.children:
        if child.point is not None and made.root in child.point.up():
            copy = clone(child, child.root, keeps_lock=True)
            attach(copy, made, child.point)
            yield child, copy
            yield from _copies_beneath(child, copy)


def copied(task: Task, path: Path, *, recursive: bool) -> Mount:
    """A bind mount of what is seen there, attached nowhere yet (__do_loopback).

    Raises:
        Errno: EINVAL.
    """
    mount = path.mount
    is_namespace = mount.superblock.kind == "nsfs"
    if not (is_mine(task, mount) or is_namespace or mount.anonymous):
        raise Errno(errno.EINVAL)
    if recursive and mount.namespace is None:
        raise Errno(errno.EINVAL)
    if not recursive and has_locked_children(mount, path.dentry):
        raise Errno(errno.EINVAL)
    return copy_tree(mount, path.dentry)[0][1] if recursive else clone(mount, path.dentry)


def detached(kernel: Kernel, task: Task, mount: Mount) -> Mount:
    """Put a new tree into a mount namespace of its own, without a name (alloc_mnt_ns)."""
    kernel.hooks.namespace(task, CLONE_NEWNS)
    owner = task.namespaces.mounts.owner
    namespace = MountNamespace("mnt", next(kernel.namespace_numbers), owner)
    namespace.root = mount
    for it in mount.tree():
        it.namespace, it.anonymous = namespace, True
    return mount


def copy_namespace(
    kernel: Kernel, namespace: MountNamespace, owner: UserNamespace, fs: FsContext
) -> MountNamespace:
    """What CLONE_NEWNS gives (copy_mnt_ns): ``fs``, its first user's, goes over to the copies.

    In another user namespace, nothing can be uncovered that was covered (lock_mnt_tree).
    """
    made = MountNamespace("mnt", next(kernel.namespace_numbers), owner)
    pairs = copy_tree(namespace.root, namespace.root.root)
    made.root = pairs[0][1]
    for old, new in pairs:
        new.namespace = made
        if owner is not namespace.owner:
            if new.peers is not None:
                raise NotModelled("mounts: propagation")
            new.locked_flags = new.flags & LOCKABLE
            new.is_locked = new is not made.root
        if fs.root.mount is old:
            fs.root = Path(new, fs.root.dentry)
        if fs.cwd.mount is old:
            fs.cwd = Path(new, fs.cwd.dentry)
    return made


def namespace_of_tree(
    kernel: Kernel, task: Task, path: Path, *, is_new: bool = False, recursive: bool = False
) -> MountNamespace:
    """A mount namespace of one tree, on a copy of the first root (create_new_namespace).

    Args:
        kernel: The system.
        task: Whose user namespace owns it.
        path: What it shows: a copy of what is seen there.
        is_new: Whether that is a mount that nobody has seen yet.
        recursive: Whether what is mounted beneath is shown, too.

    Raises:
        Errno: ENOTDIR, EINVAL.
    """
    was, owner = task.namespaces.mounts, task.credentials.user
    if not path.inode.is_dir:
        raise Errno(errno.ENOTDIR)
    if owner is not was.owner:
        raise NotModelled("mounts: a tree for another user namespace")
    kernel.hooks.namespace(task, CLONE_NEWNS)
    made = MountNamespace("mnt", next(kernel.namespace_numbers), owner)
    made.root = clone(was.root, was.root.root)
    tree = path.mount if is_new else copied(task, path, recursive=recursive)
    made.root.namespace = made
    attach(tree, made.root, made.root.root)
    return made
