# SPDX-License-Identifier: MIT
"""overlayfs: several folders seen as one. Source: Documentation/filesystems/overlayfs.rst.

Nobody may change the layers while they are mounted, so what is merged is copied when it is mounted,
and has inodes of its own. What is changed in it is seen in the upper layer, whose folders look
there (``Upper``).
"""

from __future__ import annotations

import errno
import stat
from dataclasses import dataclass

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Dentry, Inode, Path, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, dropped, put
from suite.kernel.tasks import Task
from suite.kernel.walk import resolve

_OPTIONS = frozenset({"lowerdir", "upperdir", "workdir"})


@dataclass(slots=True)
class Lower:
    """What a file of the lower layer was when it was mounted."""

    data: bytes
    mode: int


def _fill(kernel: Kernel, task: Task, made: Superblock) -> None:
    options = made.options
    if not options.get("lowerdir") or ("upperdir" in options) != ("workdir" in options):
        raise Errno(errno.EINVAL)
    lower = [_folder(kernel, task, name).dentry for name in options["lowerdir"].split(":")]
    layers: list[tuple[Dentry, bool]] = [(it, False) for it in lower]
    if "upperdir" in options:
        upper = _folder(kernel, task, options["upperdir"])
        _folder(kernel, task, options["workdir"])
        layers.insert(0, (upper.dentry, True))
    else:
        made.read_only = True
    top = layers[0][0].inode
    made.root.inode.mode, made.root.inode.uid, made.root.inode.gid = top.mode, top.uid, top.gid
    lowers: dict[Inode, Lower] = {}
    _merge(made.root, layers, lowers)
    if "upperdir" in options:
        _look_through(layers[0][0], made.root, lowers)


def _folder(kernel: Kernel, task: Task, name: str) -> Path:
    path = resolve(kernel, task, name, directory=True)
    if isinstance(path.inode.node, Node):
        raise NotModelled("mounts: layers on such a file system")
    return path


def _merge(folder: Dentry, layers: list[tuple[Dentry, bool]], lowers: dict[Inode, Lower]) -> None:
    """Copy what is seen of these folders, the first of which hide what is in the others."""
    folder.inode.stays = any(not is_upper for _, is_upper in layers)
    names = {name: None for layer, _ in layers for name in layer.children}
    for name in names:
        found = [(layer.children[name], up) for layer, up in layers if name in layer.children]
        first, is_upper = found[0]
        if _is_whiteout(first.inode):
            continue
        made = put(folder, name, _copy(first.inode, folder.superblock))
        if first.inode.is_dir:
            beneath = [it for it in found if it[0].inode.is_dir]
            _merge(made, beneath, lowers)
        elif not is_upper:
            lowers[made.inode] = Lower(bytes(first.inode.data), first.inode.mode)
        else:
            made.inode.data = first.inode.data


def _is_whiteout(inode: Inode) -> bool:
    return stat.S_ISCHR(inode.mode) and not inode.device


def _copy(inode: Inode, superblock: Superblock) -> Inode:
    links = inode.links if inode.is_dir else 1
    return Inode(
        superblock,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.device,
        bytearray(inode.data),
        links,
        xattrs=dict(inode.xattrs),
    )


@dataclass(eq=False)
class Upper(Node):
    """A folder of the upper layer: what was made or copied up through the overlay is in it."""

    merged: Dentry
    lowers: dict[Inode, Lower]

    def lookup(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A file, if it is in the upper layer."""
        source = self.merged.children.get(name)
        known = folder.children.get(name)
        if source is None or not _is_upper(source.inode, source, self.lowers):
            dropped(folder, name)
            return None
        if known is not None and known.inode.data is source.inode.data:
            return known
        if known is not None and isinstance(known.inode.node, Upper):
            return known
        made = put(folder, name, _copy(source.inode, folder.superblock))
        made.inode.data = source.inode.data
        if source.inode.is_dir:
            made.inode.node = Upper(source, self.lowers)
        return made

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """Those of the files in it."""
        children = self.merged.children.items()
        return [name for name, it in children if _is_upper(it.inode, it, self.lowers)]


def _is_upper(inode: Inode, dentry: Dentry, lowers: dict[Inode, Lower]) -> bool:
    """Whether a file of the overlay is in the upper layer.

    One of the lower layer is copied up when it is opened for writing, or is changed otherwise.
    """
    if inode.is_dir:
        if not inode.stays or inode.is_copied_up:
            return True
        return any(_is_upper(it.inode, it, lowers) for it in dentry.children.values())
    was = lowers.get(inode)
    if was is None or inode.is_copied_up or inode.writers > 0:
        return True
    return (bytes(inode.data), inode.mode) != (was.data, was.mode)


def _look_through(folder: Dentry, merged: Dentry, lowers: dict[Inode, Lower]) -> None:
    """Let the folders that the upper layer has already show what happens in the overlay."""
    folder.inode.node = Upper(merged, lowers)
    merged.inode.is_copied_up = True
    for name, child in folder.children.items():
        if child.inode.is_dir and name in merged.children:
            _look_through(child, merged.children[name], lowers)


register(Kind("overlay", 0o755, _fill, _OPTIONS))
