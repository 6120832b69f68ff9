# SPDX-License-Identifier: MIT
"""Open files and folders in a domain that would not let them be opened.

Source: Documentation/userspace-api/landlock.rst, "Rights associated with file descriptors";
hook_file_open() in security/landlock/fs.c.
"""

import fcntl
import mmap
import os
from collections.abc import Callable

from suite.packed import packed
from cases.fs.everything import everything
from suite.case import (
    CLONE_NEWNS, FS, Allowed, Case, Denied, Facts, Fd, Int, Judge, Need, Process, Row, Tree,
    answers, covers, needs, own_memory, since, table,
)  # fmt: skip
from suite.values import InOut

ALLOWED, DENIED = since(FS.READ_FILE, Allowed()), since(FS.READ_FILE, Denied("EACCES"))
BOTH = mmap.PROT_READ | mmap.PROT_WRITE
WRITE_LOCK = packed("hhxxxxqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def write_mapping(process: Process, fd: Fd) -> None:
    process.poke(process.map_shared(fd, BOTH), b"x")


def sendfile(process: Process, fd: Fd) -> None:
    process.syscall("sendfile", Int(process.pipe(), 4), fd, 0, 4)


def splice(process: Process, fd: Fd) -> None:
    process.syscall("splice", fd, 0, Int(process.pipe(), 4), 0, 4, 0)


def copy_file_range(process: Process, fd: Fd) -> None:
    process.syscall("copy_file_range", fd, 0, fd, InOut(packed("q", 4096)), 4, 0)


class Use(Row, frozen=True, kw_only=True):
    """A call on a file that was opened for reading and writing."""

    call: Callable[[Process, Fd], object]


USES = {
    "seek": Use(call=lambda process, fd: process.lseek(fd, 0), answers="fd-preopened-rw"),
    "duplicate": Use(call=Process.dup, answers="fd-preopened-rw"),
    "synchronize": Use(
        call=lambda process, fd: process.syscall("fsync", fd),
        answers=("fd-preopened-rw", "free-locks"),
    ),
    "lock-record": Use(
        needs=(Need.FILE_LOCKS,),
        call=lambda process, fd: process.fcntl(fd, fcntl.F_SETLK, WRITE_LOCK),
        answers="free-locks",
    ),
    "map-shared": Use(call=write_mapping, answers=("fd-preopened-rw", "free-mmap-on-fd")),
    "map-executable": Use(
        needs=(Need.MOUNT,),  # for a file system that is not mounted noexec
        call=lambda process, fd: process.map_shared(fd, mmap.PROT_READ | mmap.PROT_EXEC),
        answers="free-mmap-on-fd",
    ),
    "sendfile": Use(call=sendfile, answers="free-mmap-on-fd"),
    "splice": Use(call=splice, answers="free-mmap-on-fd"),
    "copy-file-range": Use(call=copy_file_range, answers="free-mmap-on-fd"),
}


@table(USES)
@own_memory
def test_use(case: Use, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """Whatever an open file can be used for, it can be used for in a domain."""
    fd = process.open(tree.file, os.O_RDWR)
    judge(ALLOWED, process.under(everything(facts)).observe(case.call, fd))


def read(process: Process, tree: Tree, folder: Fd) -> None:
    process.read(process.open("file", os.O_RDONLY, at=folder), 1)


class Folder(Case, frozen=True, kw_only=True):
    """What is done with d1, that is open, in a domain."""

    call: Callable[[Process, Tree, Fd], object]


FOLDER = {
    "list": Folder(call=lambda process, tree, folder: process.list_dir(folder), expect=ALLOWED),
    "fchdir": Folder(
        call=lambda process, tree, folder: process.syscall("fchdir", folder), expect=ALLOWED
    ),
    "open-beneath": Folder(call=read, expect=DENIED),
}


@answers("fd-preopened-dir")
@table({f"folder-opened-before-{name}": row for name, row in FOLDER.items()})
def test_folder(case: Folder, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """An open folder can be listed and entered, but is no way to what is in it."""
    folder = process.open(tree.d1, os.O_RDONLY)
    control = process.fork().observe(case.call, tree, folder)
    judge(case.expect, process.under(everything(facts)).observe(case.call, tree, folder), control)


@answers("fd-passed-in")
@table({f"folder-passed-in-{name}": row for name, row in FOLDER.items()})
def test_folder_passed_in(
    case: Folder, facts: Facts, process: Process, tree: Tree, judge: Judge
) -> None:
    """The same goes for a folder that comes from a process without a domain."""
    sandboxed = process.under(everything(facts))
    folder = process.open(tree.d1, os.O_RDONLY)
    control = process.fork().observe(case.call, tree, folder)
    passed = process.give(folder, sandboxed)
    judge(case.expect, sandboxed.observe(case.call, tree, passed), control)


@answers("fd-passed-in")
def test_file_passed_in(facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """A file can be read that comes from a process without a domain."""
    sandboxed = process.under(everything(facts))
    passed = process.give(process.open(tree.file, os.O_RDONLY), sandboxed)
    judge(ALLOWED, sandboxed.observe(Process.read, passed, 1))


def open_and_truncate(process: Process, folder: Fd) -> None:
    process.ftruncate(process.open("file", os.O_RDWR, at=folder))


@covers(FS.TRUNCATE)
@answers("fd-passed-out-dir")
def test_folder_passed_out(process: Process, tree: Tree, judge: Judge) -> None:
    """A folder that was opened in a domain takes nothing along to a process without."""
    sandboxed = process.under(tree.layer(FS.TRUNCATE, {}))
    passed = sandboxed.give(sandboxed.open(tree.d1, os.O_RDONLY), process)
    judge(since(FS.TRUNCATE, Allowed()), process.observe(open_and_truncate, passed))


def start_in_folder(process: Process, tree: Tree) -> str:
    process.chdir(tree.d1)
    return "file"


def start_in_root(process: Process, tree: Tree) -> str:
    process.chroot(tree.d1)
    return "/file"


class Start(Case, frozen=True, kw_only=True):
    """Where a process is when it enters its domain, and what it does with a file there."""

    prepare: Callable[[Process, Tree], str]
    call: Callable[[Process, str], object]


def open_file(process: Process, path: str) -> None:
    process.open(path, os.O_RDONLY)


STARTS = {
    "working-directory-open": Start(prepare=start_in_folder, call=open_file, expect=DENIED),
    "working-directory-stat": Start(prepare=start_in_folder, call=Process.stat, expect=ALLOWED),
    "root-directory-open": Start(
        needs=(Need.ADMIN,), prepare=start_in_root, call=open_file, expect=DENIED
    ),
    "root-directory-stat": Start(
        needs=(Need.ADMIN,), prepare=start_in_root, call=Process.stat, expect=ALLOWED
    ),
}


@answers("fd-inherited-cwd-root")
@table(STARTS)
def test_start(case: Start, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """The working directory and the root directory of a process give it no right on them."""
    path = case.prepare(process, tree)
    control = process.observe(case.call, path)
    judge(case.expect, process.under(everything(facts)).observe(case.call, path), control)


class Overlay(Case, frozen=True, kw_only=True):
    """Where a rule is, of an overlay and its lower layers."""

    path: str


OVERLAYS = {
    "overlay-rule-on-merged": Overlay(path="d1/sub", expect=ALLOWED),
    "overlay-rule-on-lower": Overlay(path="d2", expect=DENIED),
}


@needs(Need.OVERLAY)
@answers("fd-cred-is-opener")
@table(OVERLAYS)
def test_overlay(case: Overlay, process: Process, tree: Tree, judge: Judge) -> None:
    """Of a file of an overlay, who mounted it opens the lower one: no rule is asked for there.

    Source: "landlock: Use f_cred in security_file_open() hook".
    """
    process.unshare(CLONE_NEWNS)
    process.syscall("mount", "", tree.sub, "overlay", 0, f"lowerdir={tree.d2}:{tree.d1}")
    control = process.observe(open_file, tree.sub_file)
    sandboxed = process.under(tree.layer(FS.READ_FILE, {case.path: FS.READ_FILE}))
    judge(case.expect, sandboxed.observe(open_file, tree.sub_file), control)


class Fallocate(Row, frozen=True, kw_only=True):
    """A mode of fallocate(2), that the file system may not know."""

    mode: int


FALLOCATE = {
    "fallocate": Fallocate(mode=0),
    "fallocate-keep-size": Fallocate(mode=0x01),
    "fallocate-punch-hole": Fallocate(mode=0x03),
    "fallocate-collapse-range": Fallocate(mode=0x08),
    "fallocate-zero-range": Fallocate(mode=0x10),
    "fallocate-insert-range": Fallocate(mode=0x20),
    "fallocate-unshare-range": Fallocate(mode=0x40),
    "fallocate-write-zeroes": Fallocate(mode=0x80),
}


def open_and_allocate(process: Process, path: str, mode: int) -> None:
    process.fallocate(process.open(path, os.O_WRONLY), mode, 0, 4096)


@covers(FS.TRUNCATE)
@answers("free-fallocate")
@table(FALLOCATE)
def test_fallocate(case: Fallocate, process: Process, tree: Tree, judge: Judge) -> None:
    """fallocate(2) takes no right on a file that may be written, whatever it does to its size."""
    outside = process.observe(open_and_allocate, tree.other, case.mode)
    sandboxed = process.under(tree.layer(FS.TRUNCATE, {}))
    observed = sandboxed.observe(open_and_allocate, tree.file, case.mode)
    judge(since(FS.TRUNCATE, Allowed()), observed.against(outside))
