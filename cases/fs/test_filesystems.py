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
    FS, Allowed, Case, Denied, FileSystem, Judge, Process, Ruleset, Tree, answers, covers,
    filesystems, since, table, vm_only,
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
    FileSystem.FUSE, FileSystem.EXFAT, FileSystem.NTFS3, FileSystem.NFS,
    FileSystem.ECRYPTFS, *READ_ONLY,
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

# Nothing can be spliced into its files, as programs are copied; for its folders see below.
ENCRYPTED = {
    name: row for name, row in (FILES | RULES).items() if name not in ("execute", "read-dir")
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


@answers("inode-fs-matrix")
@filesystems(FileSystem.ECRYPTFS)
@table({f"encrypted-{name}": row for name, row in ENCRYPTED.items()})
def test_encrypted(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """So it is where files lie encrypted in others, which the kernel opens for itself."""
    check(case, process, tree, judge)


class Lower(Case, frozen=True, kw_only=True):
    """Whether a rule allows to read the folder in which another one lies encrypted."""

    allowed: bool


LOWER = {
    "encrypted-folder-alone-allowed": Lower(
        allowed=False, expect=since(FS.READ_DIR, Denied("EACCES"))
    ),
    "encrypted-folder-and-lower-allowed": Lower(allowed=True, expect=since(FS.READ_DIR, Allowed())),
}


@answers("gap-encrypted-folders")
@covers(FS.READ_DIR)
@filesystems(FileSystem.ECRYPTFS)
@table(LOWER)
def test_encrypted_folder(case: Lower, process: Process, tree: Tree, judge: Judge) -> None:
    """To read an encrypted folder takes the right to read the one that it lies in as well.

    Source: fs/ecryptfs/file.c, ecryptfs_dir_open(), which opens it as who asks.
    """
    ruleset = tree.layer(FS.READ_DIR, {"d1": FS.READ_DIR})
    if case.allowed:
        ruleset = ruleset.allow(f"{mount_root(tree)}.folder", FS.READ_DIR)
    action = (Process.open, tree.d1, os.O_RDONLY | os.O_DIRECTORY)
    control = process.observe(*action)
    judge(case.expect, process.under(ruleset).observe(*action), control)


@filesystems(*POSIX, FileSystem.ECRYPTFS)
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
