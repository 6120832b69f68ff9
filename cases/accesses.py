# SPDX-License-Identifier: MIT
"""A call for each right on files: what acts on a folder and needs this right alone.

Source: include/uapi/linux/landlock.h, "Filesystem flags".
"""

import os
import socket
import stat
from collections.abc import Callable

from suite.case import FS, RNDGETENTCNT, Case, Denied, Out, Process, since, unix

Call = Callable[[Process, str], object]


def ask_device(process: Process, folder: str) -> None:
    process.ioctl(process.open("/dev/random", os.O_RDONLY), RNDGETENTCNT, Out(4))


def make_and_remove_dir(process: Process, folder: str) -> None:
    process.mkdir(f"{folder}/new")
    process.rmdir(f"{folder}/new")


def connect(process: Process, folder: str) -> None:
    process.connect(process.socket(socket.AF_UNIX, socket.SOCK_STREAM), unix(f"{folder}/socket"))


def mknod(kind: int) -> Call:
    return lambda p, folder: p.mknod(f"{folder}/new", kind, os.makedev(1, 3))


class Access(Case, frozen=True, kw_only=True):
    """A call that acts on a folder and needs one right."""

    right: FS
    call: Call


def access(right: FS, call: Call, denial: str = "EACCES") -> Access:
    return Access(right=right, covers=right, call=call, expect=since(right, Denied(denial)))


ACCESSES = {
    "fs-execute": access(FS.EXECUTE, lambda p, d: p.exec(f"{d}/program")),
    "fs-write-file": access(FS.WRITE_FILE, lambda p, d: p.open(f"{d}/file", os.O_WRONLY)),
    "fs-read-file": access(FS.READ_FILE, lambda p, d: p.open(f"{d}/file", os.O_RDONLY)),
    "fs-read-dir": access(FS.READ_DIR, lambda p, d: p.open(d, os.O_RDONLY | os.O_DIRECTORY)),
    "fs-remove-dir": access(FS.REMOVE_DIR, make_and_remove_dir),
    "fs-remove-file": access(FS.REMOVE_FILE, lambda p, d: p.unlink(f"{d}/file")),
    "fs-make-char": access(FS.MAKE_CHAR, mknod(stat.S_IFCHR)),
    "fs-make-dir": access(FS.MAKE_DIR, lambda p, d: p.mkdir(f"{d}/new")),
    "fs-make-reg": access(FS.MAKE_REG, mknod(stat.S_IFREG)),
    "fs-make-sock": access(FS.MAKE_SOCK, mknod(stat.S_IFSOCK)),
    "fs-make-fifo": access(FS.MAKE_FIFO, mknod(stat.S_IFIFO)),
    "fs-make-block": access(FS.MAKE_BLOCK, mknod(stat.S_IFBLK)),
    "fs-make-sym": access(FS.MAKE_SYM, lambda p, d: p.symlink("file", f"{d}/new")),
    "fs-refer": access(FS.REFER, lambda p, d: p.rename(f"{d}/file", f"{d}/../new"), "EXDEV"),
    "fs-truncate": access(FS.TRUNCATE, lambda p, d: p.truncate(f"{d}/file")),
    "fs-ioctl-dev": access(FS.IOCTL_DEV, ask_device),
    "fs-resolve-unix": access(FS.RESOLVE_UNIX, connect),
}
