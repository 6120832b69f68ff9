# SPDX-License-Identifier: MIT
"""Every right on files and folders, asked for by one call beneath a folder.

Source: include/uapi/linux/landlock.h, "Filesystem flags".
"""

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass

from suite.case import (
    FS, RNDGETENTCNT, Allowed, Denied, Judge, Need, Out, Process, Row, Ruleset, Tree, since, table,
    unix,
)  # fmt: skip

NULL_DEVICE = os.makedev(1, 3)
LOOP_DEVICE = os.makedev(7, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right(Row):
    """A call that asks for one right, with or without a rule on ``folder``."""

    covers: FS
    call: Callable[[Process, Tree], object]
    folder: Callable[[Tree], str] = lambda tree: tree.d1
    prepare: Callable[[Process, Tree], object] = lambda process, tree: None
    errno: str = "EACCES"
    """Without the rule."""


def ask_device(process: Process, _: Tree) -> None:
    process.ioctl(process.open("/dev/random", os.O_RDONLY), RNDGETENTCNT, Out(4))


def bind(process: Process, tree: Tree) -> None:
    fd = process.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    process.bind(fd, unix(f"{tree.d1}/socket"))


def connect(process: Process, tree: Tree) -> None:
    fd = process.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    process.connect(fd, unix(f"{tree.d1}/socket"))


def serve(process: Process, tree: Tree) -> None:
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{tree.d1}/socket"))


RIGHTS = {
    "execute": Right(
        covers=FS.EXECUTE,
        prepare=lambda process, tree: tree.program(f"{tree.d1}/program"),
        call=lambda process, tree: process.exec(f"{tree.d1}/program"),
    ),
    "write-file": Right(
        covers=FS.WRITE_FILE,
        call=lambda process, tree: process.open(tree.file, os.O_WRONLY),
    ),
    "read-file": Right(
        covers=FS.READ_FILE,
        call=lambda process, tree: process.open(tree.file, os.O_RDONLY),
    ),
    "read-dir": Right(
        covers=FS.READ_DIR,
        call=lambda process, tree: process.open(tree.d1, os.O_RDONLY | os.O_DIRECTORY),
    ),
    "remove-dir": Right(
        covers=FS.REMOVE_DIR,
        prepare=lambda process, tree: process.mkdir(f"{tree.d1}/empty"),
        call=lambda process, tree: process.rmdir(f"{tree.d1}/empty"),
    ),
    "remove-file": Right(
        covers=FS.REMOVE_FILE,
        call=lambda process, tree: process.unlink(tree.file),
    ),
    "make-char": Right(
        covers=FS.MAKE_CHAR,
        needs=(Need.ROOT,),
        call=lambda process, tree: process.mknod(f"{tree.d1}/new", stat.S_IFCHR, NULL_DEVICE),
    ),
    "make-dir": Right(
        covers=FS.MAKE_DIR,
        call=lambda process, tree: process.mkdir(f"{tree.d1}/new"),
    ),
    "make-reg": Right(
        covers=FS.MAKE_REG,
        call=lambda process, tree: process.open(f"{tree.d1}/new", os.O_WRONLY | os.O_CREAT),
    ),
    "make-reg-by-mknod": Right(
        covers=FS.MAKE_REG,
        call=lambda process, tree: process.mknod(f"{tree.d1}/new", stat.S_IFREG),
    ),
    "make-sock": Right(
        covers=FS.MAKE_SOCK,
        call=bind,
    ),
    "make-sock-by-mknod": Right(
        covers=FS.MAKE_SOCK,
        call=lambda process, tree: process.mknod(f"{tree.d1}/new", stat.S_IFSOCK),
    ),
    "make-fifo": Right(
        covers=FS.MAKE_FIFO,
        call=lambda process, tree: process.mkfifo(f"{tree.d1}/new"),
    ),
    "make-block": Right(
        covers=FS.MAKE_BLOCK,
        needs=(Need.ROOT,),
        call=lambda process, tree: process.mknod(f"{tree.d1}/new", stat.S_IFBLK, LOOP_DEVICE),
    ),
    "make-sym": Right(
        covers=FS.MAKE_SYM,
        call=lambda process, tree: process.symlink("nowhere", f"{tree.d1}/new"),
    ),
    "refer": Right(
        covers=FS.REFER,
        call=lambda process, tree: process.link(tree.file, f"{tree.sub}/new"),
        errno="EXDEV",
    ),
    "truncate": Right(
        covers=FS.TRUNCATE,
        call=lambda process, tree: process.truncate(tree.file),
    ),
    "ioctl-dev": Right(
        covers=FS.IOCTL_DEV,
        folder=lambda tree: "/dev",
        call=ask_device,
    ),
    "resolve-unix": Right(
        covers=FS.RESOLVE_UNIX,
        prepare=serve,
        call=connect,
    ),
}


@table(RIGHTS)
def test_without_a_rule(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """A right that a ruleset handles is denied where no rule allows it."""
    twin = tree.twin()
    case.prepare(process, tree)
    case.prepare(process, twin)
    control = process.fork().observe(case.call, twin)
    observed = process.under(Ruleset(fs=case.covers)).observe(case.call, tree)
    judge(since(case.covers, Denied(case.errno)), observed, control)


@table({f"{name}-with-rule": row for name, row in RIGHTS.items()})
def test_with_a_rule(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a folder allows its rights to the folder and all that is beneath."""
    case.prepare(process, tree)
    ruleset = Ruleset(fs=case.covers).allow(case.folder(tree), case.covers)
    judge(since(case.covers, Allowed()), process.under(ruleset).observe(case.call, tree))
