# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_REMOVE_FILE and LANDLOCK_ACCESS_FS_REMOVE_DIR.

Source: include/uapi/linux/landlock.h; hook_path_unlink() and hook_path_rmdir() in
security/landlock/fs.c.
"""

import os
import socket
import stat
from collections.abc import Callable

from cases.fs.order import LandlockFirst, VfsFirst, check_landlock_first, check_vfs_first
from suite.case import (
    CLONE_NEWNS, FS, Allowed, Denied, Judge, Need, Process, Row, Tree, answers, covers, needs,
    since, table, unix,
)  # fmt: skip

REMOVE = FS.REMOVE_FILE | FS.REMOVE_DIR
DENIED = since(REMOVE, Denied("EACCES"))
NULL_DEVICE = os.makedev(1, 3)


class Remove(Row, frozen=True, kw_only=True):
    """What there is at a path, and a call that removes it."""

    covers: FS = FS.REMOVE_FILE
    make: Callable[[Process, str], object]
    call: Callable[[Process, str], object] = Process.unlink


def serve(process: Process, path: str) -> None:
    process.server(socket.AF_UNIX, socket.SOCK_DGRAM, unix(path))


def make_file(process: Process, path: str) -> None:
    process.write_file(path, b"")


REMOVES = {
    "file": Remove(make=make_file, answers="remove-file"),
    "file-unlink": Remove(
        make=make_file,
        call=lambda process, path: process.syscall("unlink", path),
        needs=(Need.OLD_CALLS,),
        answers="remove-file",
    ),
    "symlink": Remove(
        make=lambda process, path: process.symlink("nowhere", path), answers="remove-file"
    ),
    "fifo": Remove(make=Process.mkfifo, answers="remove-file"),
    "socket": Remove(make=serve, answers="remove-file"),
    "device": Remove(
        make=lambda process, path: process.mknod(path, stat.S_IFCHR, NULL_DEVICE),
        needs=(Need.ROOT,),
        answers="remove-file",
    ),
    "folder": Remove(
        covers=FS.REMOVE_DIR, make=Process.mkdir, call=Process.rmdir, answers="remove-dir"
    ),
    "folder-rmdir": Remove(
        covers=FS.REMOVE_DIR,
        make=Process.mkdir,
        call=lambda process, path: process.syscall("rmdir", path),
        needs=(Need.OLD_CALLS,),
        answers="remove-dir",
    ),
}


@table(REMOVES)
def test_remove(case: Remove, process: Process, tree: Tree, judge: Judge) -> None:
    """A name is removed with the one right for its kind, and not with the other one."""
    paths = f"{tree.sub}/old", f"{tree.d2}/old"
    for path in paths:
        case.make(process, path)
    layer = tree.layer(REMOVE, {"d1": case.covers, "d2": REMOVE ^ case.covers})
    sandboxed = process.under(layer)
    control, observed = (sandboxed.observe(case.call, path) for path in paths)
    judge(DENIED, observed, control)


@answers("remove-dir-not-self")
@covers(FS.REMOVE_DIR)
def test_rule_on_the_folder_itself(process: Process, tree: Tree, judge: Judge) -> None:
    """The right to remove a folder comes from the folders above it, not from its own rule."""
    process.mkdir(f"{tree.d1}/empty")
    process.mkdir(f"{tree.d1}/empty/inner")
    sandboxed = process.under(tree.layer(REMOVE, {"d1/empty": REMOVE}))
    control = sandboxed.observe(Process.rmdir, f"{tree.d1}/empty/inner")
    judge(DENIED, sandboxed.observe(Process.rmdir, f"{tree.d1}/empty"), control)


@answers("remove-while-open-rule")
@covers(FS.REMOVE_FILE)
def test_file_with_a_rule_of_its_own(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a file, open or not, does not keep its name from being removed."""
    rules = {"d1": FS.REMOVE_FILE, "d1/file": FS.READ_FILE}
    sandboxed = process.under(tree.layer(REMOVE | FS.READ_FILE, rules))

    def open_and_remove(process: Process) -> None:
        process.open(tree.file, os.O_RDONLY)
        process.unlink(tree.file)

    judge(since(REMOVE | FS.READ_FILE, Allowed()), sandboxed.observe(open_and_remove))


LANDLOCK_FIRST = {
    "unlink-of-a-folder": LandlockFirst(
        right=FS.REMOVE_FILE,
        call=lambda process, tree: process.unlink(tree.sub),
        vfs="EISDIR",
        answers=("remove-unlink-on-dir", "prec-unlink-dir"),
    ),
    "rmdir-of-a-file": LandlockFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rmdir(tree.file),
        vfs="ENOTDIR",
        answers="remove-rmdir-on-file",
    ),
    "rmdir-of-a-full-folder": LandlockFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rmdir(tree.sub),
        vfs="ENOTEMPTY",
        answers=("remove-rmdir-nonempty", "prec-rmdir-notempty"),
    ),
}


@table(LANDLOCK_FIRST)
def test_landlock_first(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied removal gives EACCES before the VFS looks at what is there."""
    check_landlock_first(case, process, tree, judge)


VFS_FIRST = {
    "unlink-missing": VfsFirst(
        right=FS.REMOVE_FILE,
        call=lambda process, tree: process.unlink(f"{tree.d1}/missing"),
        otherwise=lambda process, tree: process.unlink(tree.file),
        vfs="ENOENT",
        answers=("remove-missing", "prec-enoent"),
    ),
    "rmdir-missing": VfsFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rmdir(f"{tree.d1}/missing"),
        otherwise=lambda process, tree: process.rmdir(tree.sub),
        vfs="ENOENT",
        answers=("remove-missing", "prec-enoent"),
    ),
    "rmdir-of-a-dot": VfsFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rmdir(f"{tree.sub}/."),
        otherwise=lambda process, tree: process.rmdir(tree.sub),
        vfs="EINVAL",
        answers="remove-missing",
    ),
}


@table(VFS_FIRST)
def test_vfs_first(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """What isn't there can't be denied."""
    check_vfs_first(case, process, tree, judge)


MOUNTED = {
    "rmdir-of-a-mount-point": LandlockFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rmdir(f"{tree.d1}/mount"),
        vfs="EBUSY",
        answers=("remove-mountpoint", "prec-ebusy-mountpoint"),
    ),
    "rename-of-a-mount-point": LandlockFirst(
        right=FS.REMOVE_DIR,
        call=lambda process, tree: process.rename(f"{tree.d1}/mount", f"{tree.d1}/new"),
        vfs="EBUSY",
        answers=("remove-mountpoint", "prec-ebusy-mountpoint"),
    ),
}


@needs(Need.MOUNT)
@table(MOUNTED)
def test_mount_point(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """The name of a mount point is denied (EACCES) before it is found to be busy."""
    process.unshare(CLONE_NEWNS)
    process.mkdir(f"{tree.d1}/mount")
    process.mount("tmpfs", f"{tree.d1}/mount", "tmpfs")
    check_landlock_first(case, process, tree, judge)


@needs(Need.ROOT)
@table(
    {
        "unlink-in-a-sticky-folder": LandlockFirst(
            right=FS.REMOVE_FILE,
            call=lambda process, tree: process.unlink(tree.file),
            vfs="EPERM",
            answers=("remove-sticky-order", "prec-sticky-eperm"),
        )
    }
)
def test_sticky(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied removal gives EACCES before the sticky bit does (EPERM)."""
    for path in (tree.file, tree.d1):
        process.chown(path, 1000, 1000)
    process.chmod(tree.d1, 0o1777)
    process.drop_capabilities()
    check_landlock_first(case, process, tree, judge)


@answers("remove-overlay-whiteout")
@covers(FS.MAKE_REG, FS.MAKE_CHAR)
@needs(Need.ROOT, Need.OVERLAY)
def test_overlay(process: Process, tree: Tree, judge: Judge) -> None:
    """The whiteout that overlayfs makes of a removed file is not the remover's doing."""
    process.unshare(CLONE_NEWNS)
    for name in ("upper", "work", "merged"):
        process.mkdir(f"{tree.path}/{name}")
    layout = f"lowerdir={tree.d1},upperdir={tree.path}/upper,workdir={tree.path}/work"
    process.mount("overlay", f"{tree.path}/merged", "overlay", data=layout)
    made = FS.MAKE_REG | FS.MAKE_CHAR
    sandboxed = process.under(tree.layer(made | REMOVE, {"merged": FS.REMOVE_FILE}))
    control = process.observe(Process.unlink, f"{tree.path}/merged/sub/file")
    judge(
        since(made | REMOVE, Allowed()),
        sandboxed.observe(Process.unlink, f"{tree.path}/merged/file"),
        control,
    )
