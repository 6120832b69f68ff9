# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_TRUNCATE.

Source: Documentation/userspace-api/landlock.rst, "Truncating files".
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import CONTENT, Tree

DENIED = since(FS.TRUNCATE, Denied("EACCES"))
ALLOWED = since(FS.TRUNCATE, Allowed())
WITHOUT_RULE = Ruleset(fs=FS.TRUNCATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate(Case):
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


def create_and_truncate(process: Process, path: str) -> None:
    process.ftruncate(process.open(path, os.O_WRONLY | os.O_CREAT))


WITHOUT = {
    "truncate": Truncate(call=truncate, expect=DENIED),
    "ftruncate": Truncate(call=ftruncate, expect=DENIED),
    "open-wronly-trunc": Truncate(call=open_for_writing, expect=DENIED),
    "open-rdonly-trunc": Truncate(call=open_for_reading, expect=DENIED),
    "creat": Truncate(call=creat, expect=DENIED),
}


@covers(FS.TRUNCATE)
@table(WITHOUT)
def test_without_a_rule(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A file can't be truncated without a rule that allows it."""
    control = process.observe(case.call, tree.file)
    observed = process.under(WITHOUT_RULE).observe(case.call, tree.file)
    judge(case.expect, observed, control)


WITH = {
    f"{name}-with-rule": Truncate(call=row.call, expect=ALLOWED) for name, row in WITHOUT.items()
}


@covers(FS.TRUNCATE)
@table(WITH)
def test_with_a_rule(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the directory allows to truncate the files beneath."""
    ruleset = WITHOUT_RULE.allow(tree.d1, FS.TRUNCATE)
    observed = process.under(ruleset).observe(case.call, tree.file)
    judge(case.expect, observed)


LEFT_ALONE = {
    f"{name}-leaves-content": Truncate(call=row.call, expect=DENIED)
    for name, row in WITHOUT.items()
}


@covers(FS.TRUNCATE)
@table(LEFT_ALONE)
def test_leaves_content(case: Truncate, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied truncation leaves the content as it was."""
    control = process.observe(case.call, tree.other)
    denied = process.under(WITHOUT_RULE).observe(case.call, tree.file).outcome
    intact = process.read_file(tree.file) == CONTENT
    judge(case.expect, denied if intact else Allowed("truncated"), control)


@covers(FS.TRUNCATE)
def test_creat_of_a_new_file(process: Process, tree: Tree, judge: Judge) -> None:
    """creat(2) truncates nothing where there is no file yet."""
    judge(ALLOWED, process.under(WITHOUT_RULE).observe(creat, f"{tree.d1}/new"))


@covers(FS.TRUNCATE)
def test_ftruncate_of_a_new_file(process: Process, tree: Tree, judge: Judge) -> None:
    """Who creates a file may not truncate it for that."""
    control = process.observe(create_and_truncate, f"{tree.d2}/new")
    observed = process.under(WITHOUT_RULE).observe(create_and_truncate, f"{tree.d1}/new")
    judge(DENIED, observed, control)


@covers(FS.TRUNCATE)
def test_ftruncate_passed_out(process: Process, tree: Tree, judge: Judge) -> None:
    """The refusal belongs to the open file: it holds in a process without a domain too."""
    control = process.observe(ftruncate, tree.file)
    sandboxed = process.under(WITHOUT_RULE)
    passed = sandboxed.give(sandboxed.open(tree.file, os.O_WRONLY), process)
    judge(DENIED, process.observe(Process.ftruncate, passed), control)
