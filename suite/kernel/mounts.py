# SPDX-License-Identifier: MIT
"""What is mounted where, and how that changes. Source: functions of fs/namespace.c, named below."""

from __future__ import annotations

import errno
import stat

from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Dentry, Mount, Path
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task
from suite.process.uapi import MS_RDONLY

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOSYMFOLLOW = 2, 4, 8, 256
LOCKABLE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
"""What a user namespace can't take away from mounts that come from outside."""
KEPT = LOCKABLE | MS_NOSYMFOLLOW
"""The flags of mount(2) that a mount has itself; those about times change nothing here."""


def require_may_mount(task: Task) -> None:
    """Be the administrator of one's mount namespace (may_mount).

    Raises:
        Errno: EPERM.
    """
    owner = task.namespaces.mounts.owner
    if owner is None or not capable(task.credentials, "SYS_ADMIN", owner):
        raise Errno(errno.EPERM)


def is_mine(task: Task, mount: Mount) -> bool:
    """Whether it is in the mount namespace of a task (check_mnt)."""
    return mount.namespace is task.namespaces.mounts


def is_root(path: Path) -> bool:
    """Whether a path leads to the root of a mount (path_mounted)."""
    return path.dentry is path.mount.root


def top(path: Path) -> Path:
    """What is seen there: the root of what is mounted last, if anything is."""
    while (mount := path.mount.on(path.dentry)) is not None:
        path = Path(mount, mount.root)
    return path


def is_reachable(path: Path, root: Path) -> bool:
    """Whether a place is beneath another one, through mounts (is_path_reachable)."""
    while path.mount is not root.mount and path.mount.parent and path.mount.point:
        path = Path(path.mount.parent, path.mount.point)
    return path.mount is root.mount and root.dentry in path.dentry.up()


def attach(mount: Mount, parent: Mount, point: Dentry) -> None:
    """Mount a tree at a place, whatever it was part of before."""
    detach(mount)
    mount.parent, mount.point = parent, point
    parent.children.append(mount)
    for it in mount.tree():
        it.namespace, it.anonymous = parent.namespace, parent.anonymous


def detach(mount: Mount) -> None:
    """Take a tree from its place."""
    if mount.parent is not None:
        mount.parent.children.remove(mount)
    mount.parent = mount.point = None


def graft(mount: Mount, place: Path) -> None:
    """Mount a tree on what is seen at a place (graft_tree, attach_recursive_mnt).

    Raises:
        Errno: EINVAL, ENOTDIR, ENOENT.
        NotModelled: Others would get it, too.
    """
    place = top(place)
    if place.dentry.is_removed:
        raise Errno(errno.ENOENT)
    if mount.superblock.is_internal:
        raise Errno(errno.EINVAL)
    if place.inode.is_dir != mount.root.inode.is_dir:
        raise Errno(errno.ENOTDIR)
    if place.mount.peers is not None:
        raise NotModelled("mounts: propagation")
    attach(mount, place.mount, place.dentry)


def add(task: Task, mount: Mount, place: Path) -> None:
    """Mount something new (do_add_mount).

    Raises:
        Errno: EINVAL, EBUSY; what ``graft`` raises.
    """
    place = top(place)
    if not is_mine(task, place.mount):
        raise Errno(errno.EINVAL)
    if place.mount.superblock is mount.superblock and place.dentry is place.mount.root:
        raise Errno(errno.EBUSY)
    graft(mount, place)


def has_locked_children(mount: Mount, root: Dentry) -> bool:
    """Whether it covers something that must stay covered (has_locked_children)."""
    return any(
        it.is_locked and it.point is not None and root in it.point.up() for it in mount.children
    )


# Away, elsewhere, otherwise


def umount(mount: Mount) -> None:
    """Take a mount away, with all beneath it: each part is then attached to nothing (umount_tree).

    What was locked to the mount that it covers stays on it (disconnect_mount).
    """
    for it in list(mount.tree()):
        it.namespace, it.anonymous = None, False
        leave_peers(it)
        if it is mount or not it.is_locked:
            detach(it)


def leave_peers(mount: Mount) -> None:
    """Be shared no more."""
    if mount.peers is not None:
        mount.peers.discard(mount)
        mount.peers = None


def is_busy(kernel: Kernel, mount: Mount) -> bool:
    """Whether somebody stands on it, or has something open there (propagate_mount_busy)."""
    if mount.children:
        return True
    for task in kernel.pids.tasks.values():
        for thread in task.group.threads:
            places = [thread.fs.root, thread.fs.cwd]
            places += [slot.file.path for slot in thread.files.slots.values()]
            if thread.executable is not None:
                places.append(thread.executable)
            if any(it.mount is mount for it in places):
                return True
    return False


def require_unwritten(kernel: Kernel, mount: Mount, *, all_of_it: bool = False) -> None:
    """Nobody has a file open to write to it, through this mount or any of the file system.

    Source: mnt_hold_writers(), sb_prepare_remount_readonly().

    Raises:
        Errno: EBUSY.
    """
    for task in kernel.pids.tasks.values():
        for thread in task.group.threads:
            for slot in thread.files.slots.values():
                file = slot.file
                same = file.path.mount is mount
                if all_of_it:
                    same = file.path.mount.superblock is mount.superblock
                if same and file.writes and file.inode.kind in (stat.S_IFREG, stat.S_IFDIR):
                    raise Errno(errno.EBUSY)


def move(task: Task, old: Path, new: Path) -> None:
    """Mount a mount elsewhere (do_move_mount).

    Raises:
        Errno: EINVAL, ELOOP; what ``graft`` raises.
    """
    mount = old.mount
    if not is_root(old) or new.inode.is_dir != old.inode.is_dir:
        raise Errno(errno.EINVAL)
    place = top(new)
    if place.dentry.is_removed:
        raise Errno(errno.ENOENT)
    if is_mine(task, mount):
        if mount.parent is None or mount.is_locked or mount.parent.peers is not None:
            raise Errno(errno.EINVAL)
        if not is_mine(task, place.mount):
            raise Errno(errno.EINVAL)
    else:
        if not mount.anonymous or mount.parent is not None:
            raise Errno(errno.EINVAL)
        if mount.namespace is place.mount.namespace:
            raise Errno(errno.EINVAL)
        if not (is_mine(task, place.mount) or place.mount.anonymous):
            raise Errno(errno.EINVAL)
    if any(it is place.mount for it in mount.tree()):
        raise Errno(errno.ELOOP)
    graft(mount, place)


def set_group(task: Task, old: Path, new: Path) -> None:
    """Let a mount get what another one gets (do_set_group).

    Raises:
        Errno: EINVAL, EPERM.
    """
    for path in (old, new):
        require_may_propagate(task, path.mount)
    if not (is_root(old) and is_root(new)) or old.mount.superblock is not new.mount.superblock:
        raise Errno(errno.EINVAL)
    if old.mount.root not in new.mount.root.up() or has_locked_children(old.mount, new.mount.root):
        raise Errno(errno.EINVAL)
    if new.mount.peers is not None or old.mount.peers is None:
        raise Errno(errno.EINVAL)
    new.mount.peers = old.mount.peers
    new.mount.peers.add(new.mount)


def propagate(mount: Mount, *, shared: bool, recursive: bool) -> None:
    """Make mounts shared or private."""
    for it in mount.tree() if recursive else [mount]:
        if not shared:
            leave_peers(it)
        elif it.peers is None:
            it.peers = {it}


def require_may_propagate(task: Task, mount: Mount) -> None:
    """Be the administrator of the namespace that it is in (may_change_propagation).

    Raises:
        Errno: EINVAL, EPERM.
    """
    if mount.namespace is None or mount.namespace.owner is None:
        raise Errno(errno.EINVAL)
    if not capable(task.credentials, "SYS_ADMIN", mount.namespace.owner):
        raise Errno(errno.EPERM)


def set_flags(mount: Mount, flags: int) -> None:
    """Give a mount other flags (can_change_locked_flags, set_mount_attributes).

    Raises:
        Errno: EPERM: it would lose one that is locked.
    """
    if mount.locked_flags & ~flags:
        raise Errno(errno.EPERM)
    mount.flags = flags & KEPT


def pivot(kernel: Kernel, task: Task, new: Path, old: Path) -> None:
    """Let another mount be the root (path_pivot_root).

    Raises:
        Errno: EINVAL, ENOENT, EBUSY.
    """
    root, old = task.fs.root, top(old)
    if old.dentry.is_removed:
        raise Errno(errno.ENOENT)
    parents = (old.mount, new.mount.parent, root.mount.parent)
    if not is_mine(task, root.mount) or not is_mine(task, new.mount):
        raise Errno(errno.EINVAL)
    if any(it is not None and it.peers is not None for it in parents) or new.mount.is_locked:
        raise Errno(errno.EINVAL)
    if new.dentry.is_removed:
        raise Errno(errno.ENOENT)
    if root.mount in (new.mount, old.mount):
        raise Errno(errno.EBUSY)
    parent, point = root.mount.parent, root.mount.point
    if not is_root(root) or not is_root(new) or parent is None or point is None:
        raise Errno(errno.EINVAL)
    if new.mount.parent is None or not is_reachable(old, new) or not is_reachable(new, root):
        raise Errno(errno.EINVAL)
    new.mount.is_locked, root.mount.is_locked = root.mount.is_locked, False
    attach(new.mount, parent, point)
    attach(root.mount, old.mount, old.dentry)
    for other in list(kernel.pids.tasks.values()):
        for thread in other.group.threads:
            if thread.fs.root == root:
                thread.fs.root = new
            if thread.fs.cwd == root:
                thread.fs.cwd = new


def is_too_revealing(task: Task, kind: str) -> bool:
    """Whether a user namespace may not mount /proc or /sys (mount_too_revealing).

    It may see a new one only if it sees one already of which nothing is covered.
    """
    namespace = task.namespaces.mounts
    if kind not in ("proc", "sysfs") or namespace.owner is None or namespace.owner.parent is None:
        return False
    return not any(
        it.superblock.kind == kind and it.root is it.superblock.root and not _covers(it)
        for it in namespace.root.tree()
    )


def _covers(mount: Mount) -> bool:
    return any(
        it.is_locked and it.point is not None and (it.point.children or not _is_folder(it.point))
        for it in mount.children
    )


def _is_folder(dentry: Dentry) -> bool:
    return stat.S_ISDIR(dentry.inode.mode)


def shown(root: Path, mount: Mount) -> str | None:
    """Where a mount is seen by who has this root; None if it is not beneath (seq_path_root)."""
    if mount.parent is None or mount.point is None:
        return "/" if mount is root.mount else None
    place = Path(mount.parent, mount.point)
    if mount is root.mount:
        return "/"
    return name_of(place, root) if is_reachable(place, root) else None


def name_of(path: Path, root: Path) -> str:
    """The name of a file as who has this root sees it, as far as it is beneath (d_path)."""
    if path.mount.is_internal:
        return path.dentry.name
    names: list[str] = []
    at = path
    while at != root:
        if at.dentry is at.mount.root:
            if at.mount.parent is None or at.mount.point is None:
                break
            at = Path(at.mount.parent, at.mount.point)
        elif at.dentry.is_root:
            break
        else:
            names.append(at.dentry.name)
            at = Path(at.mount, at.dentry.parent)
    ending = " (deleted)" if path.dentry.is_removed else ""
    return "/" + "/".join(reversed(names)) + ending
