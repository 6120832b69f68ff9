# SPDX-License-Identifier: MIT
"""Which error openat(2) gives for what fails without a domain too.

Source: the order of checks in do_open() (fs/namei.c) and do_dentry_open() (fs/open.c): what is
wrong with the path and the flags, then the file_open hook, then the driver's own open().
"""

import os
import socket

from cases.controls import refused
from cases.fs.everything import EVERYTHING
from suite.case import FS, Denied, Judge, Process, Row, Ruleset, Tree, covers, since, table, unix

ACCESS_MODE_3 = os.O_WRONLY | os.O_RDWR
NONBLOCK = os.O_NONBLOCK


class Failing(Row, frozen=True, kw_only=True):
    """What is handled, without a rule; what is opened; and the error of it without a domain."""

    handled: FS = EVERYTHING
    path: str
    flags: int
    errno: str


FIRST = {
    "missing": Failing(
        path="d1/missing",
        flags=os.O_WRONLY,
        errno="ENOENT",
        answers="open-creat-new-needs-make-reg",
    ),
    "folder-to-write": Failing(
        path="d1",
        flags=os.O_WRONLY,
        errno="EISDIR",
        answers=("open-dir-for-write", "prec-eisdir-open"),
    ),
    "folder-to-read-and-write": Failing(
        path="d1", flags=os.O_RDWR, errno="EISDIR", answers="open-dir-for-write"
    ),
    "folder-to-create": Failing(
        path="d1",
        flags=os.O_CREAT,
        errno="EISDIR",
        answers=("open-dir-for-write", "prec-eisdir-open"),
    ),
    "folder-access-mode-3": Failing(
        path="d1", flags=ACCESS_MODE_3, errno="EISDIR", answers="open-accmode3"
    ),
    "file-as-folder": Failing(
        path="d1/file",
        flags=os.O_DIRECTORY,
        errno="ENOTDIR",
        answers="open-o-directory-on-file",
    ),
    "file-to-create-anew": Failing(
        path="d1/file",
        flags=os.O_CREAT | os.O_EXCL,
        errno="EEXIST",
        answers=("open-creat-existing-no-make-reg", "prec-eexist-create"),
    ),
    "symlink": Failing(
        path="d1/symlink",
        flags=os.O_NOFOLLOW,
        errno="ELOOP",
        answers="open-nofollow-symlink",
    ),
    "symlink-dangling-to-create-anew": Failing(
        path="d1/dangling",
        flags=os.O_CREAT | os.O_EXCL,
        errno="EEXIST",
        answers="open-creat-dangling-symlink",
    ),
    "socket-to-write-read-handled": Failing(
        handled=FS.READ_FILE,
        path="d1/socket",
        flags=os.O_WRONLY,
        errno="ENXIO",
        answers="open-socket-inode",
    ),
    "fifo-to-write-read-handled": Failing(
        handled=FS.READ_FILE,
        path="d1/fifo",
        flags=os.O_WRONLY | NONBLOCK,
        errno="ENXIO",
        answers="open-fifo-rights",
    ),
}

LAST = {
    "socket-to-read": Failing(
        path="d1/socket", flags=os.O_RDONLY, errno="ENXIO", answers="open-socket-inode"
    ),
    "fifo-to-write": Failing(
        path="d1/fifo", flags=os.O_WRONLY | NONBLOCK, errno="ENXIO", answers="open-fifo-rights"
    ),
}


def check(case: Failing, errno: str, process: Process, tree: Tree, judge: Judge) -> None:
    process.symlink("file", f"{tree.d1}/symlink")
    process.symlink("../d2/new", f"{tree.d1}/dangling")
    process.mkfifo(f"{tree.d1}/fifo")
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{tree.d1}/socket"))
    action = (Process.open, f"{tree.path}/{case.path}", case.flags)
    control = refused(process.observe(*action), case.errno)
    observed = process.under(Ruleset(fs=case.handled)).observe(*action)
    judge(since(case.handled, Denied(errno)), observed, control)


@covers(FS.READ_FILE, FS.WRITE_FILE, FS.READ_DIR)
@table(FIRST)
def test_first(case: Failing, process: Process, tree: Tree, judge: Judge) -> None:
    """What is wrong with a path or with flags is told in a domain that denies it too."""
    check(case, case.errno, process, tree, judge)


@covers(FS.READ_FILE, FS.WRITE_FILE)
@table(LAST)
def test_last(case: Failing, process: Process, tree: Tree, judge: Judge) -> None:
    """What a driver would refuse is denied before the driver is asked."""
    check(case, "EACCES", process, tree, judge)
