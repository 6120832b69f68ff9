# SPDX-License-Identifier: MIT
"""openat(2) of what is there: READ_FILE, WRITE_FILE and READ_DIR.

Source: include/uapi/linux/landlock.h, "Filesystem flags"; get_required_file_open_access() in
security/landlock/fs.c.
"""

import os
from collections.abc import Mapping
from pathlib import PurePosixPath

from suite.case import (
    FS, Allowed, Case, Denied, Judge, Process, Ruleset, Tree, answers, covers, since, table,
)  # fmt: skip

READ, WRITE, LIST = FS.READ_FILE, FS.WRITE_FILE, FS.READ_DIR
ALL = READ | WRITE | LIST
ALLOWED = since(ALL, Allowed())
DENIED = since(ALL, Denied("EACCES"))


class Open(Case, frozen=True, kw_only=True):
    """What the one layer handles, its rules, and what is opened."""

    handled: FS = ALL
    rules: Mapping[str, FS]
    path: str = "d1/file"
    flags: int = os.O_RDONLY


FILES = {
    "read": Open(
        rules={"d1": READ},
        answers="open-read-file",
        expect=ALLOWED,
    ),
    "read-elsewhere": Open(
        rules={"d1": READ},
        path="d2/file",
        answers="open-read-file",
        expect=DENIED,
    ),
    "write": Open(
        rules={"d1": WRITE},
        flags=os.O_WRONLY,
        answers="open-write-file",
        expect=ALLOWED,
    ),
    "append": Open(
        rules={"d1": WRITE},
        flags=os.O_WRONLY | os.O_APPEND,
        answers="open-write-file",
        expect=ALLOWED,
    ),
    "read-write-with-write-file": Open(
        rules={"d1": WRITE},
        flags=os.O_RDWR,
        answers="open-write-file",
        expect=DENIED,
    ),
    "read-with-write-file": Open(
        rules={"d1": WRITE},
        answers="open-write-file",
        expect=DENIED,
    ),
    "write-not-handled": Open(
        handled=READ,
        rules={},
        flags=os.O_WRONLY,
        answers="open-unhandled-right",
        expect=ALLOWED,
    ),
    "read-write-write-not-handled": Open(
        handled=READ,
        rules={},
        flags=os.O_RDWR,
        answers="open-unhandled-right",
        expect=DENIED,
    ),
    "file-with-read-file": Open(
        rules={"d1": READ},
        answers="open-read-dir",
        expect=ALLOWED,
    ),
    "file-with-read-dir": Open(
        rules={"d1": LIST},
        answers="open-read-dir-covers-self-and-below",
        expect=DENIED,
    ),
    "device": Open(
        rules={},
        path="/dev/null",
        flags=os.O_RDWR,
        answers="open-device-node",
        expect=DENIED,
    ),
    "symlink-target-allowed": Open(
        rules={"d2": READ},
        path="d1/symlink",
        answers="open-symlink-follows-target",
        expect=ALLOWED,
    ),
    "symlink-itself-allowed": Open(
        rules={"d1": READ},
        path="d1/symlink",
        answers="open-symlink-follows-target",
        expect=DENIED,
    ),
}

FOLDERS = {
    "folder-with-read-file": Open(
        rules={"d1": READ},
        path="d1",
        answers="open-read-dir",
        expect=DENIED,
    ),
    "folder-with-read-dir": Open(
        rules={"d1": LIST},
        path="d1",
        answers="open-read-dir-covers-self-and-below",
        expect=ALLOWED,
    ),
    "folder-beneath": Open(
        rules={"d1": LIST},
        path="d1/sub",
        answers="open-read-dir-covers-self-and-below",
        expect=ALLOWED,
    ),
    "folder-above": Open(
        rules={"d1": LIST},
        path="",
        answers="open-read-dir-covers-self-and-below",
        expect=DENIED,
    ),
    "folder-without-rule": Open(
        handled=WRITE | LIST,
        rules={},
        path="d1",
        answers="open-dir-for-write",
        expect=DENIED,
    ),
}


def check(case: Open, process: Process, tree: Tree, judge: Judge) -> None:
    process.symlink("../d2/file", f"{tree.d1}/symlink")
    action = (Process.open, str(PurePosixPath(tree.path, case.path)), case.flags)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(*action), control)


@covers(READ, WRITE)
@table(FILES)
def test_file(case: Open, process: Process, tree: Tree, judge: Judge) -> None:
    """To open a file needs READ_FILE to read it and WRITE_FILE to write to it, where it lies."""
    check(case, process, tree, judge)


@covers(LIST)
@table(FOLDERS)
def test_folder(case: Open, process: Process, tree: Tree, judge: Judge) -> None:
    """To open a folder needs READ_DIR on it or on a folder above it, and no other right."""
    check(case, process, tree, judge)


class Pipe(Case, frozen=True, kw_only=True):
    """What is handled, without a rule, and how a named pipe is opened."""

    handled: FS
    flags: int


FIFOS = {
    "fifo-without-read-file-read": Pipe(
        handled=READ, flags=os.O_RDONLY | os.O_NONBLOCK, expect=DENIED
    ),
    "fifo-without-read-file-write": Pipe(
        handled=READ, flags=os.O_WRONLY | os.O_NONBLOCK, expect=ALLOWED
    ),
    "fifo-without-read-file-both": Pipe(handled=READ, flags=os.O_RDWR, expect=DENIED),
    "fifo-without-write-file-read": Pipe(
        handled=WRITE, flags=os.O_RDONLY | os.O_NONBLOCK, expect=ALLOWED
    ),
    "fifo-without-write-file-write": Pipe(
        handled=WRITE, flags=os.O_WRONLY | os.O_NONBLOCK, expect=DENIED
    ),
    "fifo-without-write-file-both": Pipe(handled=WRITE, flags=os.O_RDWR, expect=DENIED),
}


@answers("open-fifo-rights")
@covers(READ, WRITE)
@table(FIFOS)
def test_fifo(case: Pipe, process: Process, tree: Tree, judge: Judge) -> None:
    """A named pipe is opened with the rights of a regular file."""
    path = f"{tree.d1}/fifo"
    process.mkfifo(path)
    process.open(path, os.O_RDWR)  # or nobody could write: there would be no reader
    control = process.observe(Process.open, path, case.flags)
    sandboxed = process.under(Ruleset(fs=case.handled))
    judge(case.expect, sandboxed.observe(Process.open, path, case.flags), control)


class Relative(Case, frozen=True, kw_only=True):
    """A path that is relative to d1."""

    path: str


RELATIVES = {
    "relative-to-denied-folder": Relative(path="file", expect=DENIED),
    "relative-out-of-denied-folder": Relative(path="../d2/file", expect=ALLOWED),
    "relative-denied-folder-itself": Relative(path=".", expect=DENIED),
}


@answers("open-relative-denied-cwd")
@covers(READ, LIST)
@table(RELATIVES)
def test_relative(case: Relative, process: Process, tree: Tree, judge: Judge) -> None:
    """The working directory of a process adds nothing to what it may open, and takes nothing."""
    process.chdir(tree.d1)
    control = process.observe(Process.open, case.path, os.O_RDONLY)
    sandboxed = process.under(tree.layer(ALL, {"d2": ALL}))
    judge(case.expect, sandboxed.observe(Process.open, case.path, os.O_RDONLY), control)
