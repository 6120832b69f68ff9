# SPDX-License-Identifier: MIT
"""openat(2) that asks to neither read nor write: O_PATH, and the access mode 3.

Source: open(2), "O_PATH" and the note on access mode 3; do_dentry_open() in fs/open.c, which
asks no security module about O_PATH; get_required_file_open_access() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable
from pathlib import PurePosixPath

from cases.controls import refused
from cases.fs.everything import EVERYTHING
from suite.case import (
    CONTENT, FS, O_PATH, RNDGETENTCNT, Allowed, Case, Denied, Judge, Need, Out, Process, Row,
    Ruleset, Tree, answers, covers, known_bits, needs, since, table,
)  # fmt: skip
from suite.process.uapi import O_EMPTYPATH

DENY_ALL = Ruleset(fs=EVERYTHING)
ALLOWED = since(DENY_ALL.features, Allowed())
DENIED = since(DENY_ALL.features, Denied("EACCES"))
ACCESS_MODE_3 = os.O_WRONLY | os.O_RDWR
SLOT = 100
"""A number for a file descriptor, to name it in a path."""


class Reference(Case, frozen=True, kw_only=True):
    """What is done with an O_PATH descriptor of a file or of a folder."""

    path: str = "d1/file"
    use: Callable[[Process, int], object]


def stat(process: Process, fd: int) -> None:
    process.syscall("fstat", fd, Out(256))


def chdir(process: Process, fd: int) -> None:
    process.syscall("fchdir", fd)


def open_beneath(process: Process, fd: int) -> None:
    process.open("file", os.O_RDONLY, at=fd)


def reopen(process: Process, fd: int) -> None:
    process.open(f"/proc/self/fd/{fd}", os.O_RDONLY)


REFERENCES = {
    "stat": Reference(
        use=stat,
        answers="open-opath-file",
        expect=ALLOWED,
    ),
    "chdir": Reference(
        path="d1",
        use=chdir,
        answers="open-opath-file",
        expect=ALLOWED,
    ),
    "open-beneath": Reference(
        path="d1",
        use=open_beneath,
        answers="open-opath-then-openat",
        expect=DENIED,
    ),
    "reopen": Reference(
        use=reopen,
        answers="open-opath-then-openat",
        expect=DENIED,
    ),
}


def refer(process: Process, path: str, use: Callable[[Process, int], object]) -> None:
    process.syscall("dup3", process.open(path, O_PATH), SLOT, os.O_CLOEXEC)
    use(process, SLOT)


@covers(FS.READ_FILE)
@table(REFERENCES)
def test_reference(case: Reference, process: Process, tree: Tree, judge: Judge) -> None:
    """O_PATH is never denied, and opens no way to what is."""
    path = f"{tree.path}/{case.path}"
    control = process.observe(refer, path, case.use)
    judge(case.expect, process.under(DENY_ALL).observe(refer, path, case.use), control)


class Unusable(Row, frozen=True, kw_only=True):
    """A call that an O_PATH descriptor is no good for."""

    use: Callable[[Process, int], object]


UNUSABLE = {
    "o-path-read": Unusable(use=lambda process, fd: process.read(fd, 1)),
    "o-path-truncate": Unusable(
        use=lambda process, fd: process.ftruncate(fd), answers="trunc-opath"
    ),
    "o-path-ioctl": Unusable(use=lambda process, fd: process.ioctl(fd, RNDGETENTCNT, Out(4))),
}


@answers("open-opath-read")
@table(UNUSABLE)
def test_unusable(case: Unusable, process: Process, tree: Tree, judge: Judge) -> None:
    """What O_PATH gives can't be read, truncated or asked, and says EBADF in a domain too."""
    control = refused(process.observe(refer, tree.file, case.use), "EBADF")
    observed = process.under(DENY_ALL).observe(refer, tree.file, case.use)
    judge(since(DENY_ALL.features, Denied("EBADF")), observed, control)


@answers("open-opath-creat-trunc")
@covers(FS.MAKE_REG)
def test_o_path_creates_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """O_CREAT means nothing to O_PATH."""
    action = (Process.open, f"{tree.d1}/new", O_PATH | os.O_CREAT)
    control = refused(process.observe(*action), "ENOENT")
    observed = process.under(DENY_ALL).observe(*action)
    judge(since(DENY_ALL.features, Denied("ENOENT")), observed, control)


@answers("open-opath-creat-trunc")
@covers(FS.TRUNCATE)
def test_o_path_truncates_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """O_TRUNC means nothing to O_PATH: it is allowed, and the content stays."""
    sandboxed = process.under(Ruleset(fs=FS.TRUNCATE))
    observed = sandboxed.observe(Process.open, tree.file, O_PATH | os.O_TRUNC).outcome
    if process.read_file(tree.file) != CONTENT:
        observed = Denied("truncated")
    judge(since(FS.TRUNCATE, Allowed()), observed)


def reopen_empty_path(process: Process, fd: int) -> None:
    process.open("", os.O_RDONLY | O_EMPTYPATH, at=fd)


@answers("open-emptypath-reopen")
@needs(Need.EMPTY_PATH)
@covers(FS.READ_FILE)
def test_reopened_by_empty_path(process: Process, tree: Tree, judge: Judge) -> None:
    """To open an O_PATH descriptor for reading by O_EMPTYPATH needs READ_FILE."""
    control = process.observe(refer, tree.file, reopen_empty_path)
    observed = process.under(DENY_ALL).observe(refer, tree.file, reopen_empty_path)
    judge(DENIED, observed, control)


@answers("open-emptypath-reopen")
@needs(Need.EMPTY_PATH)
@covers(FS.READ_FILE)
def test_reopened_by_empty_path_with_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the file allows it."""
    sandboxed = process.under(DENY_ALL.allow(tree.file, FS.READ_FILE))
    judge(ALLOWED, sandboxed.observe(refer, tree.file, reopen_empty_path))


def open_only(process: Process, path: str) -> None:
    process.open(path, ACCESS_MODE_3)


def open_and_ask(process: Process, path: str) -> None:
    process.ioctl(process.open(path, ACCESS_MODE_3), RNDGETENTCNT, Out(4))


def open_truncating(process: Process, path: str) -> None:
    process.open(path, ACCESS_MODE_3 | os.O_TRUNC)


def open_and_truncate(process: Process, path: str) -> None:
    process.ftruncate(process.open(path, ACCESS_MODE_3))


class Mode3(Case, frozen=True, kw_only=True):
    """What is handled, without a rule, and what is done by way of the access mode 3."""

    handled: FS
    path: str = "d1/file"
    use: Callable[[Process, str], object]


MODE_3 = {
    "access-mode-3": Mode3(
        handled=EVERYTHING,
        use=open_only,
        answers="open-accmode3",
        expect=ALLOWED,
    ),
    "access-mode-3-optional-rights-handled": Mode3(
        handled=known_bits(FS, 5),
        use=open_only,
        answers="open-accmode3",
        expect=since(known_bits(FS, 5), Allowed()),
    ),
    "access-mode-3-ioctl": Mode3(
        handled=FS.IOCTL_DEV,
        path="/dev/random",
        use=open_and_ask,
        answers="open-accmode3-ioctl",
        expect=since(FS.IOCTL_DEV, Denied("EACCES")),
    ),
    "access-mode-3-ioctl-not-handled": Mode3(
        handled=EVERYTHING,
        path="/dev/random",
        use=open_and_ask,
        answers="open-accmode3-ioctl",
        expect=ALLOWED,
    ),
    "access-mode-3-truncate": Mode3(
        handled=FS.TRUNCATE,
        use=open_truncating,
        answers="open-accmode3-trunc",
        expect=since(FS.TRUNCATE, Denied("EACCES")),
    ),
    "access-mode-3-truncate-not-handled": Mode3(
        handled=EVERYTHING,
        use=open_truncating,
        answers="open-accmode3-trunc",
        expect=ALLOWED,
    ),
}


@covers(FS.READ_FILE, FS.WRITE_FILE, FS.TRUNCATE, FS.IOCTL_DEV)
@table(MODE_3)
def test_access_mode_3(case: Mode3, process: Process, tree: Tree, judge: Judge) -> None:
    """The access mode 3 needs neither READ_FILE nor WRITE_FILE; other rights are kept or lost."""
    path = str(PurePosixPath(tree.path, case.path))
    control = process.observe(case.use, str(PurePosixPath(tree.twin().path, case.path)))
    judge(case.expect, process.under(Ruleset(fs=case.handled)).observe(case.use, path), control)


@answers("open-accmode3-trunc")
@covers(FS.TRUNCATE)
def test_access_mode_3_is_no_writing(process: Process, tree: Tree, judge: Judge) -> None:
    """ftruncate(2) needs a file opened for writing, and says so before Landlock is asked."""
    control = refused(process.observe(open_and_truncate, tree.file), "EINVAL")
    observed = process.under(Ruleset(fs=FS.TRUNCATE)).observe(open_and_truncate, tree.file)
    judge(since(FS.TRUNCATE, Denied("EINVAL")), observed, control)
