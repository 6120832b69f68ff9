# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_TRUNCATE.

Source: Documentation/userspace-api/landlock.rst, "Truncating files".
"""

import os
from collections.abc import Callable

from suite.case import (
    CONTENT, FS, Allowed, Case, Denied, Judge, Process, Rejected, Ruleset, Seen, Tree, answers,
    covers, since, table,
)  # fmt: skip

TRUNCATE, READ, WRITE = FS.TRUNCATE, FS.READ_FILE, FS.WRITE_FILE
DENIED = since(TRUNCATE, Denied("EACCES"))
ALLOWED = since(TRUNCATE, Allowed())
WITHOUT_RULE = Ruleset(fs=TRUNCATE)


class Truncate(Case, frozen=True, kw_only=True):
    """A call that truncates the file at a path."""

    call: Callable[[Process, str], object]


def truncate(process: Process, path: str) -> None:
    process.truncate(path)


def ftruncate(process: Process, path: str) -> None:
    process.ftruncate(process.open(path, os.O_WRONLY))


def open_for_writing(process: Process, path: str) -> None:
    process.open(path, os.O_WRONLY | os.O_TRUNC)


def creat(process: Process, path: str) -> None:
    process.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def open_for_reading(process: Process, path: str) -> None:
    process.open(path, os.O_RDONLY | os.O_TRUNC)


WITHOUT = {
    "truncate": Truncate(call=truncate, expect=DENIED, answers="trunc-syscall"),
    "ftruncate": Truncate(call=ftruncate, expect=DENIED),
    "open-wronly-trunc": Truncate(call=open_for_writing, expect=DENIED),
    "open-rdonly-trunc": Truncate(call=open_for_reading, expect=DENIED),
    "creat": Truncate(call=creat, expect=DENIED),
}


@covers(TRUNCATE)
@table(WITHOUT)
def test_without_a_rule(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A file can't be truncated without a rule that allows it."""
    control = process.observe(case.call, tree.other)
    observed = process.under(WITHOUT_RULE).observe(case.call, tree.file)
    judge(case.expect, observed, control)


WITH = {
    f"{name}-with-rule": Truncate(call=row.call, expect=ALLOWED) for name, row in WITHOUT.items()
}


@answers("trunc-dir-rule-applies-below")
@covers(TRUNCATE)
@table(WITH)
def test_with_a_rule(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a folder allows to truncate the files beneath."""
    sandboxed = process.under(WITHOUT_RULE.allow(tree.d1, TRUNCATE))
    judge(case.expect, sandboxed.observe(case.call, tree.sub_file))


LEFT_ALONE = {
    f"{name}-leaves-content": Truncate(call=row.call, expect=DENIED)
    for name, row in WITHOUT.items()
}


@covers(TRUNCATE)
@table(LEFT_ALONE)
def test_leaves_content(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied truncation leaves the content as it was."""
    control = process.observe(case.call, tree.other)
    denied = process.under(WITHOUT_RULE).observe(case.call, tree.file).outcome
    intact = process.read_file(tree.file) == CONTENT
    judge(case.expect, denied if intact else Seen("truncated"), control)


class Besides(Truncate, frozen=True, kw_only=True):
    """TRUNCATE besides the rights that it goes with: what is handled, and allowed on d1."""

    handled: FS
    allowed: FS
    path: str = "d1/file"
    left: bytes = CONTENT
    """What the file then holds."""


def open_to_write(process: Process, path: str) -> None:
    process.open(path, os.O_WRONLY)


def open_to_append(process: Process, path: str) -> None:
    process.open(path, os.O_WRONLY | os.O_APPEND)


BESIDES = {
    "not-handled-truncate": Besides(
        handled=READ | WRITE,
        allowed=FS(0),
        call=truncate,
        left=b"",
        answers="trunc-unhandled",
        expect=since(READ, Allowed()),
    ),
    "not-handled-open-rdonly-trunc": Besides(
        handled=READ | WRITE,
        allowed=READ,
        call=open_for_reading,
        left=b"",
        answers="trunc-unhandled",
        expect=since(READ, Allowed()),
    ),
    "truncate-without-write-file": Besides(
        handled=TRUNCATE | WRITE,
        allowed=TRUNCATE,
        call=truncate,
        left=b"",
        answers="trunc-syscall",
        expect=ALLOWED,
    ),
    "write-file-alone-open": Besides(
        handled=TRUNCATE | WRITE,
        allowed=WRITE,
        call=open_to_write,
        answers="trunc-open-otrunc-write",
        expect=ALLOWED,
    ),
    "write-file-alone-append": Besides(
        handled=TRUNCATE | WRITE,
        allowed=WRITE,
        call=open_to_append,
        answers="trunc-open-otrunc-write",
        expect=ALLOWED,
    ),
    "write-file-alone-open-trunc": Besides(
        handled=TRUNCATE | WRITE,
        allowed=WRITE,
        call=open_for_writing,
        answers="trunc-open-otrunc-write",
        expect=DENIED,
    ),
    "without-write-file-open-rdonly-trunc": Besides(
        handled=TRUNCATE | READ | WRITE,
        allowed=TRUNCATE | READ,
        call=open_for_reading,
        left=b"",
        answers="trunc-open-otrunc-rdonly",
        expect=ALLOWED,
    ),
    "without-write-file-open-wronly-trunc": Besides(
        handled=TRUNCATE | READ | WRITE,
        allowed=TRUNCATE | READ,
        call=open_for_writing,
        answers="trunc-open-otrunc-rdonly",
        expect=DENIED,
    ),
    "without-write-file-truncate": Besides(
        handled=TRUNCATE | READ | WRITE,
        allowed=TRUNCATE | READ,
        call=truncate,
        left=b"",
        answers="trunc-open-otrunc-rdonly",
        expect=ALLOWED,
    ),
    "make-reg-and-write-file-creat-new": Besides(
        handled=TRUNCATE | WRITE | FS.MAKE_REG,
        allowed=WRITE | FS.MAKE_REG,
        call=creat,
        path="d1/new",
        left=b"",
        answers="trunc-creat-new",
        expect=ALLOWED,
    ),
    "make-reg-and-write-file-creat-existing": Besides(
        handled=TRUNCATE | WRITE | FS.MAKE_REG,
        allowed=WRITE | FS.MAKE_REG,
        call=creat,
        answers="trunc-creat-existing",
        expect=DENIED,
    ),
}


@covers(TRUNCATE)
@table(BESIDES)
def test_besides(case: Besides, process: Process, tree: Tree, judge: Judge) -> None:
    """To truncate needs TRUNCATE alone, to open what WRITE_FILE and READ_FILE say."""
    path = f"{tree.path}/{case.path}"
    control = process.observe(case.call, f"{tree.twin().path}/{case.path}")
    rules = {"d1": case.allowed} if case.allowed else {}
    sandboxed = process.under(tree.layer(case.handled, rules))
    observed = sandboxed.observe(case.call, path).outcome
    if not isinstance(observed, Rejected) and (left := process.read_file(path)) != case.left:
        observed = Seen(f"left {left!r}")
    judge(case.expect, observed, control)


@covers(TRUNCATE)
def test_creat_of_a_new_file(process: Process, tree: Tree, judge: Judge) -> None:
    """creat(2) truncates nothing where there is no file yet."""
    judge(ALLOWED, process.under(WITHOUT_RULE).observe(creat, f"{tree.d1}/new"))


def create_and_truncate(process: Process, path: str) -> None:
    process.ftruncate(process.open(path, os.O_RDWR | os.O_CREAT))


@answers("trunc-ftruncate-new-file-fd")
@covers(TRUNCATE)
def test_ftruncate_of_a_new_file(process: Process, tree: Tree, judge: Judge) -> None:
    """Who may create a file and write to it may not truncate it for that."""
    make = WRITE | FS.MAKE_REG
    control = process.observe(create_and_truncate, f"{tree.d2}/new")
    sandboxed = process.under(tree.layer(TRUNCATE | make, {"d1": make}))
    judge(DENIED, sandboxed.observe(create_and_truncate, f"{tree.d1}/new"), control)


@answers("trunc-fd-passed-to-unsandboxed")
@covers(TRUNCATE)
def test_ftruncate_passed_out(process: Process, tree: Tree, judge: Judge) -> None:
    """The refusal belongs to the open file: it holds in a process without a domain too."""
    control = process.observe(ftruncate, tree.other)
    sandboxed = process.under(WITHOUT_RULE)
    passed = sandboxed.give(sandboxed.open(tree.file, os.O_WRONLY), process)
    judge(DENIED, process.observe(Process.ftruncate, passed), control)
