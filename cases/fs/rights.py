# SPDX-License-Identifier: MIT
"""Every right on files and folders, asked for by one call beneath a folder.

Source: include/uapi/linux/landlock.h, "Filesystem flags".
"""

import os
import socket
import stat
from collections.abc import Callable

from suite.case import FS, RNDGETENTCNT, Need, Out, Process, Row, Tree, unix

NULL_DEVICE = os.makedev(1, 3)
LOOP_DEVICE = os.makedev(7, 0)


class Right(Row, frozen=True, kw_only=True):
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
