# SPDX-License-Identifier: MIT
"""What no right is about: allowed in a domain that handles every right of its kernel.

Source: include/uapi/linux/landlock.h, "Filesystem flags", the warning on what can't be restricted.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, known
from suite.calls.files import O_PATH, Fd
from suite.expectation import since
from suite.outcome import Allowed
from suite.process import Process
from suite.records import Facts
from suite.rows import Judge, Row, table
from suite.ruleset import Ruleset
from suite.session import Out
from suite.tree import Tree

ALLOWED = since(FS.READ_FILE, Allowed())


def everything(facts: Facts) -> Ruleset:
    """Handles every right that the kernel knows, and allows none."""
    return Ruleset(fs=known(FS, max(facts.abi, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPath(Row):
    """A call on a path."""

    call: Callable[[Process, Tree], object]


def read_link(process: Process, tree: Tree) -> None:
    process.readlink(f"{tree.d1}/symlink")


def reach_through(process: Process, tree: Tree) -> None:
    process.stat(f"{tree.d2}/../d1/sub/../sub/file")


BY_PATH = {
    "stat": ByPath(call=lambda process, tree: process.stat(tree.file)),
    "access": ByPath(call=lambda process, tree: process.access(tree.file, os.R_OK | os.W_OK)),
    "readlink": ByPath(call=read_link),
    "path-walk": ByPath(call=reach_through),
    "open-o-path": ByPath(call=lambda process, tree: process.open(tree.file, O_PATH)),
    "open-o-path-folder": ByPath(call=lambda process, tree: process.open(tree.d1, O_PATH)),
    "chdir": ByPath(call=lambda process, tree: process.chdir(tree.d1)),
    "chmod": ByPath(call=lambda process, tree: process.chmod(tree.file, 0o600)),
    "chown": ByPath(call=lambda process, tree: process.chown(tree.file, -1, -1)),
    "utimes": ByPath(call=lambda process, tree: process.touch(tree.file)),
}


@table(BY_PATH)
def test_by_path(case: ByPath, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A call that neither opens, executes, makes, removes nor truncates is not restricted."""
    process.symlink("file", f"{tree.d1}/symlink")
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, tree))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Row):
    """A call on a file descriptor that was opened before."""

    path: str = "d1/file"
    flags: int = os.O_RDWR
    call: Callable[[Process, Fd], object]


OPENED = {
    "opened-before-read": Opened(call=lambda process, fd: process.read(fd, 8)),
    "opened-before-write": Opened(call=lambda process, fd: process.write(fd, b"x")),
    "opened-before-truncate": Opened(call=lambda process, fd: process.ftruncate(fd)),
    "opened-before-lock": Opened(
        call=lambda process, fd: process.syscall("flock", fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ),
    "opened-before-stat": Opened(call=lambda process, fd: process.syscall("fstat", fd, Out(256))),
    "opened-before-list": Opened(
        path="d1", flags=os.O_RDONLY, call=lambda process, fd: process.list_dir(fd)
    ),
    "opened-before-fchdir": Opened(
        path="d1", flags=os.O_RDONLY, call=lambda process, fd: process.syscall("fchdir", fd)
    ),
}


@table(OPENED)
def test_opened_before(
    case: Opened, facts: Facts, process: Process, tree: Tree, judge: Judge
) -> None:
    """A file descriptor keeps the rights with which it was opened."""
    fd = process.open(f"{tree.path}/{case.path}", case.flags)
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, fd))
