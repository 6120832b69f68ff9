# SPDX-License-Identifier: MIT
"""The same actions and rules on every kind of file system.

Source: security/landlock/fs.c, is_access_to_paths_allowed() and get_inode_object(): Landlock asks
no file system for anything but its inodes.
"""

import os
import stat
from collections.abc import Callable
from pathlib import PurePath

from cases.fs.test_rights import RIGHTS, Right
from suite.case import (
    FS, RNDGETENTCNT, Allowed, Denied, FileSystem, Judge, Need, Out, Process, Ruleset, Seen, Tree,
    answers, filesystems, since, table, vm_only,
)  # fmt: skip

RANDOM_DEVICE = os.makedev(1, 8)
# FAT knows files and directories alone: no links, no devices, no sockets.
POSIX = (
    FileSystem.TMPFS, FileSystem.RAMFS, FileSystem.EXT4, FileSystem.BTRFS, FileSystem.XFS,
    FileSystem.F2FS, FileSystem.OVERLAY, FileSystem.OVERLAY_LOWER, FileSystem.OVERLAY_MERGED,
    FileSystem.BIND, FileSystem.FUSE, FileSystem.VIRTIO_9P,
)  # fmt: skip
ALL = (*POSIX, FileSystem.VFAT)
# Those that forget an unused inode when asked to, and make it anew from what they have stored; for
# 9P see test_replaced_inodes.
STORED = (
    FileSystem.EXT4, FileSystem.BTRFS, FileSystem.XFS, FileSystem.F2FS, FileSystem.OVERLAY_LOWER,
    FileSystem.FUSE,
)  # fmt: skip


def ask_device(process: Process, tree: Tree) -> None:
    process.ioctl(process.open(f"{tree.d1}/random", os.O_RDONLY), RNDGETENTCNT, Out(4))


def mount_root(tree: Tree) -> str:
    return str(PurePath(tree.path).parent)


FILES = {
    name: RIGHTS[name]
    for name in (
        "execute", "write-file", "read-file", "read-dir", "remove-dir", "remove-file", "make-dir",
        "make-reg", "truncate",
    )
} | {
    "rename": Right(
        covers=FS.MAKE_REG | FS.REMOVE_FILE,
        call=lambda process, tree: process.rename(tree.file, f"{tree.d1}/new"),
    ),
    "rename-folder": Right(
        covers=FS.MAKE_DIR | FS.REMOVE_DIR,
        needs=(Need.ROOT,),  # overlayfs marks the folder with a trusted extended attribute
        prepare=lambda process, tree: process.mkdir(f"{tree.d1}/old"),
        call=lambda process, tree: process.rename(f"{tree.d1}/old", f"{tree.d1}/new"),
    ),
    "reparent": Right(
        covers=FS.REFER,
        call=lambda process, tree: process.rename(tree.file, f"{tree.sub}/new"),
        errno="EXDEV",
    ),
    "open-to-truncate": Right(
        covers=FS.TRUNCATE,
        call=lambda process, tree: process.open(tree.file, os.O_WRONLY | os.O_TRUNC),
    ),
}  # fmt: skip

NODES = {
    name: RIGHTS[name]
    for name in (
        "make-char", "make-block", "make-sock", "make-sock-by-mknod", "make-fifo", "make-sym",
        "refer", "resolve-unix",
    )
} | {
    "ioctl-dev": Right(
        covers=FS.IOCTL_DEV,
        needs=(Need.ROOT,),
        prepare=lambda process, tree: process.mknod(
            f"{tree.d1}/random", stat.S_IFCHR, RANDOM_DEVICE
        ),
        call=ask_device,
    ),
}  # fmt: skip

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


def check_rule(
    process: Process,
    judge: Judge,
    covers: FS,
    place: str,
    call: Callable[[Process], object],
    *,
    errno: str = "EACCES",
) -> None:
    """The call is denied and leaves all as it was; with a rule, the same call is allowed."""
    denied = Denied(errno)
    without = process.under(Ruleset(fs=covers)).observe(call)
    ruled = process.under(Ruleset(fs=covers).allow(place, covers)).observe(call)
    expect = since(covers, denied)
    if without.outcome != denied or ruled.outcome == Allowed():
        judge(expect, without)
        return
    # The rule did not help: is it Landlock that denies?
    control = process.fork().observe(call)
    judge(expect, Seen(f"{ruled.outcome} with a rule"), control)


def check(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    case.prepare(process, tree)
    folder = case.folder(tree)
    check_rule(process, judge, case.covers, folder, lambda p: case.call(p, tree), errno=case.errno)


def forget(process: Process) -> None:
    """Have the kernel forget all that is not in use; what was used lately, it keeps once."""
    process.syscall("sync")
    for _ in range(2):
        process.write_file("/proc/sys/vm/drop_caches", b"3")


@answers("inode-fs-matrix")
@filesystems(*ALL)
@table(FILES | RULES)
def test_file(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """On every file system, what a ruleset handles is denied unless a rule above allows it."""
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
