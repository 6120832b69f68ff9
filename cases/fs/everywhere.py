# SPDX-License-Identifier: MIT
"""Actions that any file system may know, and how they are checked there."""

import os
import stat
from collections.abc import Callable

from cases.fs.rights import RIGHTS, Right
from suite.case import (
    FS, RNDGETENTCNT, Allowed, Denied, Judge, Need, Out, Process, Ruleset, Tree, since,
)  # fmt: skip

RANDOM_DEVICE = os.makedev(1, 8)


def ask_device(process: Process, tree: Tree) -> None:
    process.ioctl(process.open(f"{tree.d1}/random", os.O_RDONLY), RNDGETENTCNT, Out(4))


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
    if without.outcome != denied or ruled.outcome == Allowed():
        judge(since(covers, denied), without)
        return
    # The rule did not help: is it Landlock that denies?
    control = process.fork().observe(call)
    judge(since(covers, Allowed()), ruled, control)


def check(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    case.prepare(process, tree)
    folder = case.folder(tree)
    check_rule(process, judge, case.covers, folder, lambda p: case.call(p, tree), errno=case.errno)


def forget(process: Process) -> None:
    """Have the kernel forget all that is not in use; what was used lately, it keeps once."""
    process.syscall("sync")
    for _ in range(2):
        process.write_file("/proc/sys/vm/drop_caches", b"3")
