# SPDX-License-Identifier: MIT
"""What comes first where several would refuse: the VFS, the mode of a file, or Landlock.

Source: the places of the hooks: security_file_open() in fs/open.c, security_path_*() in fs/namei.c
and fs/open.c, security_sb_mount() and security_sb_umount() in fs/namespace.c.
"""

import os
from collections.abc import Callable

from cases.controls import refused
from cases.fs.order import VfsFirst, check_vfs_first
from suite.case import (
    CLONE_NEWNS, FS, MS_RDONLY, MS_REMOUNT, Denied, Judge, Need, Process, Row, Ruleset, Tree,
    answers, covers, needs, since, table,
)  # fmt: skip

MOVE = FS.MAKE_REG | FS.REMOVE_FILE


class InFolder(Row, frozen=True, kw_only=True):
    """A call that writes to a folder with a ``file`` and an ``empty`` folder, and its right."""

    call: Callable[[Process, str], object]
    right: FS


READ_ONLY = {
    "read-only-open": InFolder(
        right=FS.WRITE_FILE,
        call=lambda process, folder: process.open(f"{folder}/file", os.O_WRONLY),
    ),
    "read-only-open-truncate": InFolder(
        right=FS.TRUNCATE,
        call=lambda process, folder: process.open(f"{folder}/file", os.O_RDONLY | os.O_TRUNC),
    ),
    "read-only-creat": InFolder(
        right=FS.MAKE_REG,
        call=lambda process, folder: process.open(f"{folder}/new", os.O_WRONLY | os.O_CREAT),
    ),
    "read-only-truncate": InFolder(
        right=FS.TRUNCATE,
        call=lambda process, folder: process.truncate(f"{folder}/file"),
    ),
    "read-only-mkdir": InFolder(
        right=FS.MAKE_DIR,
        call=lambda process, folder: process.mkdir(f"{folder}/new"),
    ),
    "read-only-mknod": InFolder(
        right=FS.MAKE_FIFO,
        call=lambda process, folder: process.mkfifo(f"{folder}/new"),
    ),
    "read-only-symlink": InFolder(
        right=FS.MAKE_SYM,
        call=lambda process, folder: process.symlink("nowhere", f"{folder}/new"),
    ),
    "read-only-link": InFolder(
        right=FS.MAKE_REG,
        call=lambda process, folder: process.link(f"{folder}/file", f"{folder}/new"),
    ),
    "read-only-unlink": InFolder(
        right=FS.REMOVE_FILE,
        call=lambda process, folder: process.unlink(f"{folder}/file"),
    ),
    "read-only-rmdir": InFolder(
        right=FS.REMOVE_DIR,
        call=lambda process, folder: process.rmdir(f"{folder}/empty"),
    ),
    "read-only-rename": InFolder(
        right=MOVE,
        call=lambda process, folder: process.rename(f"{folder}/file", f"{folder}/new"),
    ),
}


@answers("prec-erofs")
@needs(Need.MOUNT)
@table(READ_ONLY)
def test_read_only(case: InFolder, process: Process, tree: Tree, judge: Judge) -> None:
    """A file system that can't be written to says so (EROFS) before Landlock is asked."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mount("tmpfs", tree.d2, "tmpfs")
    child.write_file(tree.other, b"")
    for folder in (tree.d1, tree.d2):
        child.mkdir(f"{folder}/empty")
    child.mount("tmpfs", tree.d2, None, MS_REMOUNT | MS_RDONLY)
    order = VfsFirst(
        right=case.right,
        call=lambda process, tree: case.call(process, tree.d2),
        otherwise=lambda process, tree: case.call(process, tree.d1),
        vfs="EROFS",
    )
    check_vfs_first(order, child, tree, judge)


def run(process: Process, tree: Tree) -> None:
    process.fork().exec(tree.program(f"{tree.d1}/program"))


BUSY = {
    "running-program-open": VfsFirst(
        right=FS.WRITE_FILE,
        call=lambda process, tree: process.open(f"{tree.d1}/program", os.O_WRONLY),
        otherwise=lambda process, tree: process.open(tree.file, os.O_WRONLY),
        vfs="ETXTBSY",
    ),
    "running-program-truncate": VfsFirst(
        right=FS.TRUNCATE,
        call=lambda process, tree: process.truncate(f"{tree.d1}/program"),
        otherwise=lambda process, tree: process.truncate(tree.file),
        vfs="ETXTBSY",
    ),
}


@answers("prec-etxtbsy")
@table(BUSY)
def test_running_program(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A program that runs can't be written to (ETXTBSY), whatever Landlock would say."""
    run(process, tree)
    check_vfs_first(case, process, tree, judge)


def create(path: str) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.open(f"{tree.path}/{path}", os.O_WRONLY | os.O_CREAT)


NAMES = {
    "open-missing": VfsFirst(
        right=FS.READ_FILE,
        call=lambda process, tree: process.open(f"{tree.d1}/missing", os.O_RDONLY),
        otherwise=lambda process, tree: process.open(tree.file, os.O_RDONLY),
        vfs="ENOENT",
        answers="prec-enoent",
    ),
    "execute-missing": VfsFirst(
        right=FS.EXECUTE,
        call=lambda process, tree: process.exec(f"{tree.d1}/missing"),
        otherwise=lambda process, tree: process.exec(tree.program(f"{tree.d1}/program")),
        vfs="ENOENT",
        answers="prec-enoent",
    ),
    "create-beneath-a-file": VfsFirst(
        right=FS.MAKE_REG,
        call=create("d1/file/new"),
        otherwise=create("d1/new"),
        vfs="ENOTDIR",
        answers="prec-enotdir-enametoolong",
    ),
    "open-beneath-a-file": VfsFirst(
        right=FS.READ_FILE,
        call=lambda process, tree: process.open(f"{tree.file}/x", os.O_RDONLY),
        otherwise=lambda process, tree: process.open(tree.file, os.O_RDONLY),
        vfs="ENOTDIR",
        answers="prec-enotdir-enametoolong",
    ),
    "create-with-a-long-name": VfsFirst(
        right=FS.MAKE_REG,
        call=create(f"d1/{256 * 'x'}"),
        otherwise=create(f"d1/{255 * 'x'}"),
        vfs="ENAMETOOLONG",
        answers="prec-enotdir-enametoolong",
    ),
}


@table(NAMES)
def test_name(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A name that can't be looked up is refused as without a domain: nothing hides what exists."""
    check_vfs_first(case, process, tree, judge)


@answers("prec-dead-dir")
@covers(FS.MAKE_REG)
def test_create_in_a_removed_folder(process: Process, tree: Tree, judge: Judge) -> None:
    """In a removed folder nothing can be made (ENOENT), whether or not it would be denied."""
    process.mkdir(f"{tree.d1}/removed")
    removed, standing = (process.open(f, os.O_PATH) for f in (f"{tree.d1}/removed", tree.d1))
    process.rmdir(f"{tree.d1}/removed")
    sandboxed = process.under(Ruleset(fs=FS.MAKE_REG))
    flags = os.O_WRONLY | os.O_CREAT
    control = refused(sandboxed.observe(Process.open, "new", flags, at=standing), "EACCES")
    observed = sandboxed.observe(Process.open, "new", flags, at=removed)
    judge(since(FS.MAKE_REG, Denied("ENOENT")), observed, control)


@answers("prec-cross-mount-exdev")
@needs(Need.MOUNT)
@table(
    {
        "rename-to-another-mount": VfsFirst(
            right=MOVE | FS.REFER,
            call=lambda process, tree: process.rename(tree.file, f"{tree.d2}/mount/new"),
            otherwise=lambda process, tree: process.rename(tree.file, f"{tree.d2}/new"),
            vfs="EXDEV",
        ),
        "link-to-another-mount": VfsFirst(
            right=MOVE | FS.REFER,
            call=lambda process, tree: process.link(tree.file, f"{tree.d2}/mount/new"),
            otherwise=lambda process, tree: process.link(tree.file, f"{tree.d2}/new"),
            vfs="EXDEV",
        ),
    }
)
def test_other_mount(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """From mount to mount nothing can be moved (EXDEV), whatever Landlock would say."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mkdir(f"{tree.d2}/mount")
    child.mount("tmpfs", f"{tree.d2}/mount", "tmpfs")
    check_vfs_first(case, child, tree, judge)
