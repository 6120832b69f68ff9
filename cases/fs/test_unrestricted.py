# SPDX-License-Identifier: MIT
"""What no right is about: allowed in a domain that handles every right of its kernel.

Source: include/uapi/linux/landlock.h, "Filesystem flags", the warning on what can't be restricted.
"""

import fcntl
import os
from collections.abc import Callable

from cases.fs.everything import everything
from suite.case import (
    AT_FDCWD, FS, O_PATH, Allowed, Denied, Facts, Fd, Judge, Need, Out, Process, Row, Tree, answers,
    since, table,
)  # fmt: skip

ALLOWED, DENIED = since(FS.READ_FILE, Allowed()), since(FS.READ_FILE, Denied("EACCES"))
AT_SYMLINK_NOFOLLOW, AT_EACCESS = 0x100, 0x200
STATX_BASIC_STATS, FILE_ATTR_SIZE = 0x7FF, 24
STAT, ENTER = ("free-stat", "gap-visibility"), ("free-chdir", "gap-visibility")
PATH, GETATTR = ("free-open-tree-opath", "gap-visibility"), ("free-file-getattr", "gap-metadata")
CHANGE, XATTR = ("free-chmod-chown", "gap-metadata"), ("free-xattr", "gap-metadata")
PREOPENED = ("fd-preopened-rw", "gap-opened-before")
FOLDER = ("fd-preopened-dir", "gap-opened-before")


class ByPath(Row, frozen=True, kw_only=True):
    """A call on a path."""

    call: Callable[[Process, Tree], object]


def read_link(process: Process, tree: Tree) -> None:
    process.readlink(f"{tree.d1}/symlink")


def reach_through(process: Process, tree: Tree) -> None:
    process.stat(f"{tree.d2}/../d1/sub/../sub/file")


def statx(process: Process, tree: Tree) -> None:
    process.syscall("statx", AT_FDCWD, tree.file, 0, STATX_BASIC_STATS, Out(256))


def access_as_effective_user(process: Process, tree: Tree) -> None:
    process.syscall("faccessat2", AT_FDCWD, tree.file, os.R_OK | os.W_OK, AT_EACCESS)


def fchdir(process: Process, tree: Tree) -> None:
    process.syscall("fchdir", process.open(tree.d1, O_PATH))


def getcwd(process: Process, tree: Tree) -> None:
    process.chdir(tree.d1)
    process.syscall("getcwd", Out(4096), 4096)


def chmod_by_o_path(process: Process, tree: Tree) -> None:
    process.dup_to(process.open(tree.file, O_PATH), 200)
    process.chmod("/proc/self/fd/200", 0o600)


def lchown(process: Process, tree: Tree) -> None:
    path = f"{tree.d1}/symlink"
    process.syscall("fchownat", AT_FDCWD, path, -1, -1, AT_SYMLINK_NOFOLLOW)


def xattrs(name: str) -> Callable[[Process, Tree], None]:
    """Set an extended attribute, find it in three ways, and remove it."""

    def call(process: Process, tree: Tree) -> None:
        process.set_xattr(tree.file, name, b"x")
        process.syscall("getxattr", tree.file, name, Out(8), 8)
        process.syscall("listxattr", tree.file, Out(256), 256)
        process.syscall("removexattr", tree.file, name)

    return call


def file_getattr(process: Process, tree: Tree) -> None:
    process.syscall("file_getattr", AT_FDCWD, tree.file, Out(FILE_ATTR_SIZE), FILE_ATTR_SIZE, 0)


def file_setattr(process: Process, tree: Tree) -> None:
    nothing = bytes(FILE_ATTR_SIZE)
    process.syscall("file_setattr", AT_FDCWD, tree.file, nothing, FILE_ATTR_SIZE, 0)


BY_PATH = {
    "stat": ByPath(call=lambda process, tree: process.stat(tree.file), answers=STAT),
    "lstat": ByPath(
        call=lambda process, tree: process.syscall(
            "newfstatat", AT_FDCWD, tree.file, Out(256), AT_SYMLINK_NOFOLLOW
        ),
        answers=STAT,
    ),
    "statx": ByPath(call=statx, answers=STAT),
    "statfs": ByPath(
        call=lambda process, tree: process.syscall("statfs", tree.file, Out(256)), answers=STAT
    ),
    "access": ByPath(
        call=lambda process, tree: process.access(tree.file, os.R_OK | os.W_OK),
        answers=("free-stat", "gap-visibility", "free-access-lies"),
    ),
    "access-as-effective-user": ByPath(call=access_as_effective_user, answers=STAT),
    "readlink": ByPath(call=read_link, answers=STAT),
    "path-walk": ByPath(call=reach_through, answers=("free-path-traversal", "gap-visibility")),
    "open-o-path": ByPath(call=lambda process, tree: process.open(tree.file, O_PATH), answers=PATH),
    "open-o-path-folder": ByPath(
        call=lambda process, tree: process.open(tree.d1, O_PATH), answers=PATH
    ),
    "open-tree": ByPath(call=lambda process, tree: process.open_tree(tree.d1, 0), answers=PATH),
    "chdir": ByPath(call=lambda process, tree: process.chdir(tree.d1), answers=ENTER),
    "fchdir": ByPath(call=fchdir, answers=ENTER),
    "getcwd": ByPath(call=getcwd, answers=ENTER),
    "chmod": ByPath(call=lambda process, tree: process.chmod(tree.file, 0o600), answers=CHANGE),
    "chmod-by-o-path": ByPath(call=chmod_by_o_path, answers=CHANGE),
    "chown": ByPath(call=lambda process, tree: process.chown(tree.file, -1, -1), answers=CHANGE),
    "lchown": ByPath(call=lchown, answers=CHANGE),
    "utimes": ByPath(
        call=lambda process, tree: process.touch(tree.file), answers=("free-utime", "gap-metadata")
    ),
    "xattrs-user": ByPath(needs=(Need.USER_XATTRS,), call=xattrs("user.landproof"), answers=XATTR),
    "xattrs-trusted": ByPath(
        needs=(Need.TRUSTED_XATTRS,), call=xattrs("trusted.landproof"), answers=XATTR
    ),
    "xattrs-security": ByPath(
        needs=(Need.TRUSTED_XATTRS,), call=xattrs("security.landproof"), answers=XATTR
    ),
    "name-to-handle": ByPath(
        needs=(Need.FILE_HANDLES,),
        call=lambda process, tree: process.file_handle(tree.file),
        answers=("free-name-to-handle", "gap-visibility"),
    ),
    "file-getattr": ByPath(needs=(Need.FILE_ATTRIBUTES,), call=file_getattr, answers=GETATTR),
    "file-setattr": ByPath(needs=(Need.FILE_ATTRIBUTES,), call=file_setattr, answers=GETATTR),
}


@table(BY_PATH)
def test_by_path(case: ByPath, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A call that neither opens, executes, makes, removes nor truncates is not restricted."""
    process.symlink("file", f"{tree.d1}/symlink")
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, tree))


def ask_and_open(process: Process, tree: Tree) -> None:
    process.access(tree.file, os.R_OK | os.W_OK)
    process.open(tree.file, os.O_RDWR)


@answers("free-access-lies")
def test_open_after_access(facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A file can't be opened for all that access(2) says."""
    control = process.observe(ask_and_open, tree)
    judge(DENIED, process.under(everything(facts)).observe(ask_and_open, tree), control)


class Walk(Row, frozen=True, kw_only=True):
    """A way to d1/sub/file."""

    path: str


WALKS = {
    "walk-up-and-down": Walk(path="d2/../d1/sub/../sub/file"),
    "walk-by-symlink-to-folder": Walk(path="d2/to-sub/file"),
    "walk-by-symlink-to-file": Walk(path="d2/to-file"),
}


@answers("free-path-traversal", "gap-visibility")
@table(WALKS)
def test_walk(case: Walk, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """It takes no right on the folders and symlinks on the way to a file."""
    process.symlink("../d1/sub", f"{tree.d2}/to-sub")
    process.symlink("../d1/sub/file", f"{tree.d2}/to-file")
    layer = everything(facts).allow(tree.sub_file, FS.READ_FILE)
    path = f"{tree.path}/{case.path}"
    judge(ALLOWED, process.under(layer).observe(Process.open, path, os.O_RDONLY))


class Opened(Row, frozen=True, kw_only=True):
    """A call on a file descriptor that was opened before."""

    path: str = "d1/file"
    flags: int = os.O_RDWR
    call: Callable[[Process, Fd], object]


OPENED = {
    "opened-before-read": Opened(call=lambda process, fd: process.read(fd, 8), answers=PREOPENED),
    "opened-before-write": Opened(
        call=lambda process, fd: process.write(fd, b"x"), answers=PREOPENED
    ),
    "opened-before-truncate": Opened(call=lambda process, fd: process.ftruncate(fd)),
    "opened-before-lock": Opened(
        needs=(Need.FILE_LOCKS,),
        call=lambda process, fd: process.syscall("flock", fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
        answers=("free-locks", "gap-visibility"),
    ),
    "opened-before-stat": Opened(
        call=lambda process, fd: process.syscall("fstat", fd, Out(256)),
        answers=("fd-preopened-rw", "gap-opened-before", "free-stat", "gap-visibility"),
    ),
    "opened-before-list": Opened(
        path="d1", flags=os.O_RDONLY, call=lambda process, fd: process.list_dir(fd), answers=FOLDER
    ),
    "opened-before-fchdir": Opened(
        path="d1",
        flags=os.O_RDONLY,
        call=lambda process, fd: process.syscall("fchdir", fd),
        answers=FOLDER,
    ),
}


@table(OPENED)
def test_opened_before(
    case: Opened, facts: Facts, process: Process, tree: Tree, judge: Judge
) -> None:
    """A file descriptor keeps the rights with which it was opened."""
    fd = process.open(f"{tree.path}/{case.path}", case.flags)
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, fd))
