# SPDX-License-Identifier: MIT
"""The same actions and rules on every kind of file system.

Source: security/landlock/fs.c, is_access_to_paths_allowed() and get_inode_object(): Landlock asks
no file system for anything but its inodes.
"""

import os
from pathlib import PurePath

from cases.fs.everywhere import FILES, NODES, check, forget
from cases.fs.rights import Right
from suite.case import (
    FS, Allowed, FileSystem, Judge, Process, Ruleset, Tree, answers, filesystems, since, table,
    vm_only,
)  # fmt: skip

# FAT knows files and directories alone: no links, no devices, no sockets.
POSIX = (
    FileSystem.TMPFS, FileSystem.RAMFS, FileSystem.EXT4, FileSystem.BTRFS, FileSystem.XFS,
    FileSystem.F2FS, FileSystem.OVERLAY, FileSystem.OVERLAY_LOWER, FileSystem.OVERLAY_MERGED,
    FileSystem.BIND, FileSystem.FUSE, FileSystem.VIRTIO_9P, FileSystem.NTFS3,
    FileSystem.NFS,
)  # fmt: skip
ALL = (*POSIX, FileSystem.VFAT, FileSystem.EXFAT)
READ_ONLY = (FileSystem.EROFS, FileSystem.SQUASHFS)
# Those that forget an unused inode when asked to, and make it anew from what they have stored; for
# 9P see test_replaced_inodes.
STORED = (
    FileSystem.EXT4, FileSystem.BTRFS, FileSystem.XFS, FileSystem.F2FS, FileSystem.OVERLAY_LOWER,
    FileSystem.FUSE, FileSystem.EXFAT, FileSystem.NTFS3, FileSystem.NFS, *READ_ONLY,
)  # fmt: skip


def mount_root(tree: Tree) -> str:
    return str(PurePath(tree.path).parent)


RULES = {
    "rule-on-the-file": Right(
        covers=FS.READ_FILE | FS.WRITE_FILE,
        folder=lambda tree: tree.file,
        call=lambda process, tree: process.open(tree.file, os.O_RDWR),
    ),
    "rule-far-above": Right(
        covers=FS.READ_FILE,
        folder=lambda tree: tree.path,
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
    "rule-on-the-mount": Right(
        covers=FS.READ_FILE,
        folder=mount_root,
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
    "rule-above-the-mount": Right(
        covers=FS.READ_FILE,
        folder=lambda tree: str(PurePath(mount_root(tree)).parent),
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
}

LOOKS = {name: FILES[name] for name in ("execute", "read-file", "read-dir")} | {
    name: row for name, row in RULES.items() if name != "rule-on-the-file"
}

FORGOTTEN = {
    "forgotten-rule-on-the-file": Right(
        covers=FS.READ_FILE,
        folder=lambda tree: tree.sub_file,
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
    "forgotten-rule-on-the-folder": Right(
        covers=FS.READ_FILE,
        folder=lambda tree: tree.d1,
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
}


@answers("inode-fs-matrix")
@filesystems(*ALL)
@table(FILES | RULES)
def test_file(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """On every file system, what a ruleset handles is denied unless a rule above allows it."""
    check(case, process, tree, judge)


@answers("inode-fs-matrix", "inode-fs-read-only")
@filesystems(*READ_ONLY)
@table({f"read-only-{name}": row for name, row in LOOKS.items()})
def test_read_only(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """So it is on file systems that nobody can write on, as images of systems have them."""
    check(case, process, tree, judge)


@filesystems(*POSIX)
@table(NODES)
def test_node(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """Where a file system has links and special files, they are denied unless a rule allows."""
    check(case, process, tree, judge)


@vm_only
@filesystems(*STORED)
@table(FORGOTTEN)
def test_forgotten_files(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule keeps its inode: the kernel may forget all files that are not in use, it still holds.

    Source: security/landlock/fs.c, get_inode_object(), at ihold().
    """
    ruleset = Ruleset(fs=case.covers).allow(case.folder(tree), case.covers)
    sandboxed = process.under(ruleset)
    forget(process)
    observed = sandboxed.observe(case.call, tree)
    judge(since(case.covers, Allowed()), observed, process.observe(case.call, tree))
