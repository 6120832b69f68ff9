# SPDX-License-Identifier: MIT
"""What comes first where more than Landlock objects: modes, programs, devices, mounts.

Source: do_open() in fs/namei.c (modes, then security_file_open(), then the driver);
do_open_execat() in fs/exec.c; path_mount() and can_umount() in fs/namespace.c.
"""

import os
import stat
from collections.abc import Callable

from cases.controls import refused
from cases.fs.everything import EVERYTHING
from cases.fs.order import LandlockFirst, check_landlock_first
from suite.case import (
    CLONE_NEWNS, FS, Denied, Judge, Need, Process, Row, Ruleset, Tree, answers, covers, needs,
    since, table,
)  # fmt: skip


class Mode(Row, frozen=True, kw_only=True):
    """A call beneath d1 that needs the mode of ``path``."""

    path: str
    call: Callable[[Process, Tree], object]


MODES = {
    "mode-of-the-file": Mode(
        path="d1/file",
        call=lambda process, tree: process.open(tree.file, os.O_RDONLY),
        answers="prec-dac-still-applies",
    ),
    "mode-of-the-folder-to-create": Mode(
        path="d1/sub",
        call=lambda process, tree: process.mkdir(f"{tree.sub}/new"),
        answers="prec-dac-still-applies",
    ),
    "mode-of-a-folder-on-the-way": Mode(
        path="d1",
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
        answers="prec-dac-search",
    ),
    "mode-of-a-folder-on-the-way-to-create": Mode(
        path="d1",
        call=lambda process, tree: process.open(f"{tree.sub}/new", os.O_WRONLY | os.O_CREAT),
        answers="prec-dac-search",
    ),
}


@covers(FS.READ_FILE, FS.MAKE_DIR, FS.MAKE_REG)
@table(MODES)
def test_mode(case: Mode, process: Process, tree: Tree, judge: Judge) -> None:
    """Rules that allow everything allow nothing that modes forbid."""
    process.drop_capabilities()
    sandboxed = process.under(Ruleset(fs=EVERYTHING).allow(tree.path, EVERYTHING))
    twin = tree.twin()
    process.chmod(f"{tree.path}/{case.path}", 0)
    control = sandboxed.observe(case.call, twin)
    judge(since(EVERYTHING, Denied("EACCES")), sandboxed.observe(case.call, tree), control)


PROGRAMS = {
    "execute-no-program": LandlockFirst(
        right=FS.EXECUTE,
        call=lambda process, tree: process.exec(tree.file),
        vfs="ENOEXEC",
    ),
    "execute-open-for-writing": LandlockFirst(
        right=FS.EXECUTE,
        call=lambda process, tree: process.exec(tree.sub_file),
        vfs="ETXTBSY",
    ),
}


@answers("prec-exec-etxtbsy-enoexec")
@table(PROGRAMS)
def test_program(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """execve(2) is denied before a file is found to be no program, or to be written to."""
    for path in (tree.file, tree.sub_file):
        process.chmod(path, 0o755)
    process.open(tree.sub_file, os.O_WRONLY)
    check_landlock_first(case, process, tree, judge)


@answers("prec-chr-enxio")
@needs(Need.ROOT)
@table(
    {
        "device-without-a-driver": LandlockFirst(
            right=FS.READ_FILE,
            call=lambda process, tree: process.open(f"{tree.d1}/whiteout", os.O_RDONLY),
            vfs="ENXIO",
        )
    }
)
def test_device(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A device is denied before its driver is looked for."""
    process.mknod(f"{tree.d1}/whiteout", stat.S_IFCHR, 0)
    check_landlock_first(case, process, tree, judge)


def mount_nothing(process: Process, tree: Tree) -> None:
    process.mount("none", tree.d2, "no-such-type")


@answers("prec-topology-eperm")
@covers(FS.EXECUTE)
@needs(Need.MOUNT)
def test_mount_of_an_unknown_type(process: Process, tree: Tree, judge: Judge) -> None:
    """mount(2) is denied before the type of the file system is looked up."""
    control = refused(process.observe(mount_nothing, tree), "ENODEV")
    sandboxed = process.under(Ruleset(fs=FS.EXECUTE))
    judge(since(FS.EXECUTE, Denied("EPERM")), sandboxed.observe(mount_nothing, tree), control)


@answers("prec-topology-eperm")
@covers(FS.EXECUTE)
@needs(Need.MOUNT)
def test_umount_of_a_folder(process: Process, tree: Tree, judge: Judge) -> None:
    """umount(2) of what is no mount point is refused (EINVAL) before it is denied (EPERM)."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mount("tmpfs", tree.d2, "tmpfs")
    sandboxed = child.under(Ruleset(fs=FS.EXECUTE))
    control = refused(sandboxed.observe(Process.umount, tree.d2), "EPERM")
    judge(since(FS.EXECUTE, Denied("EINVAL")), sandboxed.observe(Process.umount, tree.d1), control)
