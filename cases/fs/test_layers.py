# SPDX-License-Identifier: MIT
"""Domains of several layers, and whom they restrict.

Source: Documentation/userspace-api/landlock.rst, "Layers of file path access rights" and
"Inheritance"; is_access_to_paths_allowed() in security/landlock/fs.c.
"""

import os
from collections.abc import Mapping

from suite.case import (
    FS, MAX_LAYERS, Allowed, ByBug, Case, Denied, Judge, Process, Rejected, Ruleset, Tree, answers,
    covers, since, table,
)  # fmt: skip
from suite.landlock.bugs import MANY_LAYERS

READ, WRITE, READ_DIR = FS.READ_FILE, FS.WRITE_FILE, FS.READ_DIR
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))
NO_RULE = Ruleset(fs=READ)


class Layers(Case, frozen=True, kw_only=True):
    """What each layer handles and its rules, outermost first, and what is opened."""

    layers: tuple[tuple[FS, Mapping[str, FS]], ...]
    path: str
    flags: int = os.O_RDONLY


NARROWED = ((READ, {"d1": READ}), (READ, {"": READ}), (READ, {"d1/sub": READ}))
DISJOINT = ((READ, {"d1": READ}), (WRITE, {"d2": WRITE}))
UNION = ((READ | WRITE, {"d1": READ, "d1/file": WRITE}),)
BOTH = READ | READ_DIR
WIDENED = ((BOTH, {"d1/sub": BOTH}), (BOTH, {"d1": BOTH}))

CASES = {
    "narrowed-to-sub": Layers(
        layers=NARROWED, path="d1/sub/file", expect=ALLOWED, answers="layer-intersection"
    ),
    "narrowed-above-sub": Layers(
        layers=NARROWED, path="d1/file", expect=DENIED, answers="layer-intersection"
    ),
    "narrowed-beside": Layers(
        layers=NARROWED, path="d2/file", expect=DENIED, answers="layer-intersection"
    ),
    "disjoint-read-allowed": Layers(
        layers=DISJOINT, path="d1/file", expect=ALLOWED, answers="layer-disjoint-handled"
    ),
    "disjoint-write-not-allowed": Layers(
        layers=DISJOINT,
        path="d1/file",
        flags=os.O_WRONLY,
        expect=DENIED,
        answers="layer-disjoint-handled",
    ),
    "disjoint-write-not-allowed-with-read": Layers(
        layers=DISJOINT,
        path="d1/file",
        flags=os.O_RDWR,
        expect=DENIED,
        answers="layer-disjoint-handled",
    ),
    "disjoint-read-not-allowed": Layers(
        layers=DISJOINT, path="d2/file", expect=DENIED, answers="layer-disjoint-handled"
    ),
    "disjoint-write-allowed": Layers(
        layers=DISJOINT,
        path="d2/file",
        flags=os.O_WRONLY,
        expect=ALLOWED,
        answers="layer-disjoint-handled",
    ),
    "union-elsewhere": Layers(
        layers=UNION,
        path="d1/sub/file",
        flags=os.O_WRONLY,
        expect=DENIED,
        answers="layer-union-within-layer",
    ),
    "widened-file": Layers(
        layers=WIDENED, path="d1/file", expect=DENIED, answers="layer-superset-no-gain"
    ),
    "widened-folder": Layers(
        layers=WIDENED, path="d1", expect=DENIED, answers="layer-superset-no-gain"
    ),
}


@covers(READ, WRITE)
@table(CASES)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """A layer never gives back what another one denies, and judges only what it handles."""
    action = (Process.open, f"{tree.path}/{case.path}", case.flags)
    control = process.observe(*action)
    sandboxed = process.under(*(tree.layer(handled, rules) for handled, rules in case.layers))
    judge(case.expect, sandboxed.observe(*action), control)


@answers("layer-same-ruleset-twice")
def test_same_ruleset(process: Process, tree: Tree, judge: Judge) -> None:
    """A ruleset may be enforced again and again."""
    process.no_new_privs()
    ruleset = process.build(tree.layer(READ, {"d1": READ}))
    for _ in range(MAX_LAYERS):
        process.enforce(ruleset)
    judge(ALLOWED, process.observe(Process.open, tree.file, os.O_RDONLY))


@answers("layer-same-ruleset-twice")
def test_same_ruleset_too_often(process: Process, judge: Judge) -> None:
    """Each time that a ruleset is enforced is a layer of its own."""
    process.no_new_privs()
    ruleset = process.build(NO_RULE)
    for _ in range(MAX_LAYERS):
        process.enforce(ruleset)
    observed = process.observe(Process.restrict_self, ruleset)
    too_many = ByBug(MANY_LAYERS, before=Allowed(), after=Rejected("restrict_self", "E2BIG"))
    judge(since(READ, too_many), observed)


class Opened(Case, frozen=True, kw_only=True):
    """Whether a file is opened in both layers, or in the outer one alone."""

    in_both: bool


OPENED = {
    "opened-in-outer-layer": Opened(in_both=False, expect=since(FS.TRUNCATE, Allowed())),
    "opened-in-both-layers": Opened(in_both=True, expect=since(FS.TRUNCATE, Denied("EACCES"))),
}


@covers(FS.TRUNCATE)
@answers("layer-per-fd-combines")
@table(OPENED)
def test_opened(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """An open file keeps what the layers allowed in which it was opened."""
    sandboxed = process.under(tree.layer(FS.TRUNCATE, {"d1": FS.TRUNCATE}))
    outer = sandboxed.open(tree.file, os.O_WRONLY)
    control = sandboxed.observe(Process.ftruncate, outer)
    sandboxed.restrict(Ruleset(fs=FS.TRUNCATE))
    fd = sandboxed.open(tree.file, os.O_WRONLY) if case.in_both else outer
    judge(case.expect, sandboxed.observe(Process.ftruncate, fd), control)


@answers("layer-thread-only")
def test_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that restricts itself is restricted."""
    thread = process.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    thread.restrict(NO_RULE)
    judge(DENIED, thread.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("layer-thread-only")
def test_other_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that restricts itself restricts no other one."""
    process.thread().restrict(NO_RULE)
    judge(ALLOWED, process.observe(Process.open, tree.file, os.O_RDONLY))


@answers("layer-no-access-right-leak")
def test_other_processes(process: Process, tree: Tree, judge: Judge) -> None:
    """The domains of a parent's children are none of its own business."""
    for handled in (READ, WRITE):
        process.under(Ruleset(fs=handled))
    judge(ALLOWED, process.observe(Process.open, tree.file, os.O_RDWR))
