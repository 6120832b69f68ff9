# SPDX-License-Identifier: MIT
"""Truncation of what is no plain file, fails anyhow, or is not called so.

Source: Documentation/userspace-api/landlock.rst, "Truncating files"; the order of checks in
vfs_truncate() and do_sys_ftruncate() (fs/open.c) and in do_open() (fs/namei.c).
"""

import os
from collections.abc import Callable

from cases.controls import refused
from suite.case import (
    CLONE_NEWNS, FS, LANDLOCK_ACCESS, Allowed, AuditLog, Case, Denied, FileSystem, Judge, Need,
    Process, Row, Ruleset, Seen, Tree, answers, covers, denial, filesystems, known_bits, needs,
    since, table, vm_only,
)  # fmt: skip
from suite.landlock.changes import LOGGING
from suite.process.uapi import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
)

TRUNCATE, WRITE = FS.TRUNCATE, FS.WRITE_FILE
ALLOWED = since(TRUNCATE, Allowed())
DENIED = since(TRUNCATE, Denied("EACCES"))
NO_RULE = Ruleset(fs=TRUNCATE)


class Failing(Row, frozen=True, kw_only=True):
    """A call that fails without a domain too, and its error."""

    call: Callable[[Process, Tree], object]
    errno: str


def truncate_fifo(process: Process, tree: Tree) -> None:
    process.truncate(f"{tree.d1}/fifo")


def ftruncate_read_only(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_RDONLY))


FIRST = {
    "folder": Failing(
        call=lambda process, tree: process.truncate(tree.d1),
        errno="EISDIR",
        answers="trunc-special-precedence",
    ),
    "fifo": Failing(
        call=truncate_fifo,
        errno="EINVAL",
        answers="trunc-special-precedence",
    ),
    "device": Failing(
        call=lambda process, tree: process.truncate("/dev/null"),
        errno="EINVAL",
        answers="trunc-special-precedence",
    ),
    "missing": Failing(
        call=lambda process, tree: process.truncate(f"{tree.d1}/missing"),
        errno="ENOENT",
        answers="trunc-special-precedence",
    ),
    "negative-size": Failing(
        call=lambda process, tree: process.truncate(tree.file, -1),
        errno="EINVAL",
        answers="trunc-special-precedence",
    ),
    "opened-read-only": Failing(
        call=ftruncate_read_only,
        errno="EINVAL",
        answers="trunc-rdonly-fd-einval",
    ),
}


@covers(TRUNCATE)
@table(FIRST)
def test_first(case: Failing, process: Process, tree: Tree, judge: Judge) -> None:
    """What can't be truncated says why before Landlock is asked."""
    process.mkfifo(f"{tree.d1}/fifo")
    control = refused(process.observe(case.call, tree), case.errno)
    observed = process.under(NO_RULE).observe(case.call, tree)
    judge(since(TRUNCATE, Denied(case.errno)), observed, control)


class Opening(Case, frozen=True, kw_only=True):
    """A path that is opened in a layer that allows to write everywhere."""

    path: str
    flags: int


OPENING = {
    "fifo-o-trunc": Opening(
        path="fifo",
        flags=os.O_RDWR | os.O_TRUNC,
        answers="trunc-otrunc-nonregular",
        expect=ALLOWED,
    ),
    "device-o-trunc": Opening(
        path="/dev/null",
        flags=os.O_WRONLY | os.O_TRUNC,
        answers="trunc-otrunc-nonregular",
        expect=ALLOWED,
    ),
    "proc": Opening(
        path="/proc/self/comm",
        flags=os.O_WRONLY,
        answers="trunc-otrunc-procfs",
        expect=ALLOWED,
    ),
    "proc-o-trunc": Opening(
        path="/proc/self/comm",
        flags=os.O_WRONLY | os.O_TRUNC,
        answers="trunc-otrunc-procfs",
        expect=DENIED,
    ),
    "cgroup": Opening(
        path="cgroup/cgroup.procs",
        flags=os.O_WRONLY,
        needs=(Need.CGROUP2,),
        answers="trunc-otrunc-cgroupfs",
        expect=ALLOWED,
    ),
    "cgroup-o-trunc": Opening(
        path="cgroup/cgroup.procs",
        flags=os.O_WRONLY | os.O_TRUNC,
        needs=(Need.CGROUP2,),
        answers="trunc-otrunc-cgroupfs",
        expect=DENIED,
    ),
}


@covers(TRUNCATE)
@table(OPENING)
def test_opening(case: Opening, process: Process, tree: Tree, judge: Judge) -> None:
    """O_TRUNC needs the right for every regular file, of procfs and cgroupfs too, and no other."""
    child = process.fork()
    child.chdir(tree.d1)
    child.mkfifo("fifo")
    if Need.CGROUP2 in case.needs:
        child.unshare(CLONE_NEWNS)
        child.mkdir("cgroup")
        child.mount("cgroup2", "cgroup", "cgroup2")
    control = child.observe(Process.open, case.path, case.flags)
    sandboxed = child.under(Ruleset(fs=TRUNCATE | WRITE).allow("/", WRITE))
    judge(case.expect, sandboxed.observe(Process.open, case.path, case.flags), control)


class Fallocate(Row, frozen=True, kw_only=True):
    """A mode of fallocate(2), and the part of the file that it is about."""

    mode: int
    offset: int = 0
    size: int = 4096


FALLOCATE = {
    "fallocate-punch-hole": Fallocate(mode=FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
    "fallocate-zero-range": Fallocate(mode=FALLOC_FL_ZERO_RANGE),
    "fallocate-collapse-range": Fallocate(mode=FALLOC_FL_COLLAPSE_RANGE),
    "fallocate-extend": Fallocate(mode=0, offset=8192),
}


@answers("trunc-fallocate-bypass", "gap-fallocate")
@covers(TRUNCATE)
@table(FALLOCATE)
def test_fallocate(case: Fallocate, process: Process, tree: Tree, judge: Judge) -> None:
    """fallocate(2) is not restricted; what a file system can't do, it says in a domain too."""
    request = (case.mode, case.offset, case.size)
    fd = process.open(tree.other, os.O_WRONLY)
    outside = process.observe(Process.fallocate, fd, *request)
    sandboxed = process.under(NO_RULE)
    fd = sandboxed.open(tree.file, os.O_WRONLY)
    denied = sandboxed.observe(Process.ftruncate, fd)
    observed = sandboxed.observe(Process.fallocate, fd, *request)
    assert denied.outcome != Allowed()
    judge(ALLOWED, observed.against(outside), refused(denied, "EACCES"))


@answers("trunc-uid-dac-first")
@covers(TRUNCATE)
def test_file_mode(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule does not allow what the mode of the file forbids."""
    process.chmod(tree.file, 0o400)
    sandboxed = process.under(NO_RULE.allow(tree.d1, TRUNCATE))
    sandboxed.drop_capabilities()
    control = sandboxed.observe(Process.truncate, tree.sub_file)
    judge(DENIED, sandboxed.observe(Process.truncate, tree.file), control)


@vm_only
@answers("trunc-uid-dac-first")
@needs(Need.AUDIT)
@covers(TRUNCATE)
def test_file_mode_first(process: Process, tree: Tree, judge: Judge) -> None:
    """The mode of the file is looked at first: Landlock logs no denial of what it forbids."""
    process.chmod(tree.file, 0o400)
    with AuditLog(process) as log:
        sandboxed = process.under(NO_RULE)
        sandboxed.drop_capabilities()
        observed = sandboxed.observe(Process.truncate, tree.file).outcome
        _ = sandboxed.observe(Process.truncate, tree.other).outcome
        logged = denial(log.take()).get(LANDLOCK_ACCESS)
    if observed == Denied("EACCES") and logged is not None:
        other = logged.fields["path"] == tree.other
        observed = Seen("of the other file" if other else "of both")
    expect = since(TRUNCATE, Denied("EACCES"), (LOGGING, Seen("of the other file")))
    judge(expect, observed)


@answers("trunc-overlay-merge")
@covers(TRUNCATE)
@filesystems(FileSystem.OVERLAY_LOWER)
def test_copied_up(process: Process, tree: Tree, judge: Judge) -> None:
    """A file of a lower layer is copied up to be truncated, with no right but TRUNCATE."""
    everything = known_bits(FS, TRUNCATE.since)
    sandboxed = process.under(tree.layer(everything, {"d1": TRUNCATE}))
    denied = sandboxed.observe(Process.truncate, tree.other)
    observed = sandboxed.observe(Process.truncate, tree.file).outcome
    assert denied.outcome != Allowed()
    if observed == Allowed() and process.read_file(tree.file):
        observed = Seen("left as it was")
    judge(ALLOWED, observed, refused(denied, "EACCES"))
