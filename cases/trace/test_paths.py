# SPDX-License-Identifier: MIT
"""The paths in events: from the root of the system, and escaped.

Source: include/trace/events/landlock.h, __trace_print_untrusted_str(); security/landlock/fs.h,
resolve_path_for_trace(); Documentation/trace/events-landlock.rst, "Paths"; "landlock: Bound
escaped trace path output" (3125751cd1de).
"""

import os
import re
from collections.abc import Callable, Iterable

from cases.trace.traces import NOTHING
from suite.case import (
    CLONE_NEWNS, FS, MNT_DETACH, OPEN_TREE_CLONE, O_PATH, Case, Denied, Event, Fd, Judge, Need,
    Observation, Outcome, Process, Ruleset, Seen, Trace, Tree, answers, needs, since, table,
    vm_only,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
KINDS = "add_rule_path_beneath", "deny_access_fs"
TRUNCATED = "\N{HORIZONTAL ELLIPSIS}"


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


class Escaped(Case, frozen=True, kw_only=True):
    """A name that is written otherwise."""

    name: str


ESCAPED = {
    name: Escaped(name=text, expect=since(READ.fs, Seen(f"{shown}, then {shown}")))
    for name, text, shown in (
        ("plain", "plain-name_1.txt", "plain-name_1.txt"),
        ("space", "a b", r"a\040b"),
        ("field", "x logged=0", r"x\040logged\0750"),
        ("quotes", "'\"", r"\047\""),
        ("backslash", r"\040", r"\\040"),
        ("line", "a\nb\tc\rd", r"a\nb\tc\rd"),
        ("control", "\x01\x7f", r"\001\177"),
        ("not-ascii", "é", r"\303\251"),
        ("ellipsis", TRUNCATED, r"\342\200\246"),
    )
}


def last_names(events: Iterable[Event], tried: Observation) -> Outcome:
    """The last name of the path of a rule, then of a denial."""
    outcome = tried.outcome
    paths = [event.fields["path"] for event in events]
    names = ", then ".join(path.rsplit("/", 1)[-1] for path in paths) or NOTHING
    return Seen(names) if outcome == Denied("EACCES") else outcome


@vm_only
@answers("trc-path-escape")
@needs(Need.TRACEPOINTS)
@table({f"escaped-{name}": row for name, row in ESCAPED.items()})
def test_escaped(case: Escaped, process: Process, tree: Tree, judge: Judge) -> None:
    """In a path, what could end a field or start one is escaped, as is all that is not ASCII."""
    path = f"{tree.d1}/{case.name}"
    process.write_file(path, b"")
    control = process.observe(Process.open, path, os.O_WRONLY)
    ruleset = Ruleset(fs=FS.READ_FILE | FS.WRITE_FILE).allow(path, FS.READ_FILE)
    with Trace(process, *KINDS) as trace:
        tried = process.under(ruleset).observe(Process.open, path, os.O_WRONLY)
        events = trace.take()
    judge(case.expect, last_names(events, tried), control)


DEEP_NAME = "é" * 127
"""254 bytes, and 1016 characters where they are escaped."""
_WHOLE = re.compile(r"(?:\\[0-7]{3}|[^\\ ])*")


def deep(process: Process, tree: Tree, levels: int) -> Fd:
    """A folder this deep in others, with a file in it."""
    folder = process.open(tree.d1, O_PATH)
    for _ in range(levels):
        process.mkdir(DEEP_NAME, at=folder)
        folder = process.open(DEEP_NAME, O_PATH, at=folder)
    process.close(process.open("file", os.O_WRONLY | os.O_CREAT, at=folder))
    return folder


def cut(path: str, tree: Tree) -> str:
    """Whether a path that is too long when escaped ends early, behind a whole character."""
    name = "".join(rf"\{byte:03o}" for byte in DEEP_NAME.encode())
    whole = "/".join([tree.d1, *[name] * 12, "file"])
    shown, marker = path[:-1], path[-1:]
    if marker != TRUNCATED or not whole.startswith(shown) or not _WHOLE.fullmatch(shown):
        return f"not cut: {path[:80]}"
    return "cut"


@vm_only
@answers("llr-45", "trc-path-escape")
@needs(Need.TRACEPOINTS, Need.PAGES_OF_4K)
def test_cut(process: Process, tree: Tree, judge: Judge) -> None:
    """A path that gets too long by being escaped ends behind a whole character, with a mark."""
    folder = deep(process, tree, 12)
    ruleset = Ruleset(fs=FS.READ_FILE | FS.WRITE_FILE).allow(folder, FS.WRITE_FILE)
    control = process.observe(Process.open, "file", os.O_RDONLY, at=folder)
    with Trace(process, *KINDS) as trace:
        tried = process.under(ruleset).observe(Process.open, "file", os.O_RDONLY, at=folder)
        events = trace.take()
    outcome = tried.outcome
    if outcome == Denied("EACCES"):
        outcome = Seen(", ".join(cut(event.fields["path"], tree) for event in events))
    judge(since(READ.fs, Seen("cut, cut")), outcome, control)


class Place(Case, frozen=True, kw_only=True):
    """Where a file is opened from, by a process that has a descriptor of its folder."""

    folder: Callable[[Process, Tree], Fd]


def in_chroot(process: Process, tree: Tree) -> Fd:
    process.chroot(tree.path)
    return process.open("/d1", O_PATH)


def detached(process: Process, tree: Tree) -> Fd:
    return process.open_tree(tree.d1, OPEN_TREE_CLONE)


def unmounted(process: Process, tree: Tree) -> Fd:
    process.unshare(CLONE_NEWNS)
    process.bind_mount(tree.d1, tree.d2)
    folder = process.open(tree.d2, O_PATH)
    process.umount(tree.d2, MNT_DETACH)
    return folder


def too_deep(process: Process, tree: Tree) -> Fd:
    return deep(process, tree, 17)


def placed(folder: Callable[[Process, Tree], Fd], path: str) -> Place:
    return Place(folder=folder, expect=since(READ.fs, Seen(path)))


PLACES = {
    "path-in-chroot": placed(in_chroot, "TREE/d1/file"),
    "path-of-detached-mount": placed(detached, "<unreachable>"),
    "path-of-unmounted": placed(unmounted, "<unreachable>"),
    "path-too-long": placed(too_deep, "<too_long>"),
}


@vm_only
@answers("trc-path-escape")
@needs(Need.TRACEPOINTS, Need.MOUNT)
@table(PLACES)
def test_place(case: Place, process: Process, tree: Tree, judge: Judge) -> None:
    """A path begins at the root of the system, whoever asks; where it can not, it says so."""
    opener = process.fork()
    folder = case.folder(opener, tree)
    control = opener.observe(Process.open, "file", os.O_RDONLY, at=folder)
    with Trace(process, "deny_access_fs") as trace:
        tried = opener.under(READ).observe(Process.open, "file", os.O_RDONLY, at=folder)
        events = trace.take()
    outcome = tried.outcome
    if outcome == Denied("EACCES"):
        paths = " ".join(event.fields["path"] for event in events)
        outcome = Seen(paths.replace(tree.path, "TREE"))
    judge(case.expect, outcome, control)
