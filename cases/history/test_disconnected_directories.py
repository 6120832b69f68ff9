# SPDX-License-Identifier: MIT
"""Erratum 3: a directory that was moved out of its bind mount.

Source: security/landlock/errata/abi-1.h, erratum 3; "landlock: Fix handling of disconnected
directories" (49c9e09d9610).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.case import (
    CLONE_NEWNS, FS, O_PATH, Allowed, ByErratum, Case, Denied, Erratum, Fd, Judge, Need, Out,
    Outcome, Process, Row, Seen, Tree, answers, covers, needs, since, table, vm_only,
)  # fmt: skip

READ, REFER = FS.READ_FILE, FS.REFER
MOVE = REFER | FS.MAKE_REG | FS.REMOVE_FILE
WARNING = b"collect_domain_accesses"
SYSLOG_ACTION_READ_ALL, LAST = 3, 1 << 14


def fixed(before: Outcome, after: Outcome) -> ByErratum:
    return ByErratum(Erratum.DISCONNECTED_DIRECTORIES, before=before, after=after)


@dataclass(slots=True)
class Disconnected:
    """d1/sub is mounted on ``mount``; ``fd`` was opened there and then moved to d2/moved.

    ::

        d1/sub/file   d2/moved/file   mount/file
    """

    mount: str
    fd: Fd


def disconnect(process: Process, tree: Tree) -> Disconnected:
    mount = f"{tree.path}/mount"
    process.unshare(CLONE_NEWNS)
    process.mkdir(mount)
    process.mkdir(f"{tree.sub}/moved")
    process.write_file(f"{tree.sub}/moved/file", b"")
    process.bind_mount(tree.sub, mount)
    fd = process.open(f"{mount}/moved", O_PATH)
    process.rename(f"{tree.sub}/moved", f"{tree.d2}/moved")
    return Disconnected(mount, fd)


class Rule(Case, frozen=True, kw_only=True):
    """The folder with the rule."""

    path: str


RULES = {
    "rule-on-the-mount": Rule(
        path="mount",
        expect=since(READ, fixed(Denied("EACCES"), Allowed())),
        answers=("mnt-disconnected-bind-root-rule", "llr-02"),
    ),
    "rule-on-the-new-parent": Rule(
        path="d2",
        expect=since(READ, Allowed()),
        answers="mnt-disconnected-new-parent-rule",
    ),
    "rule-above-the-old-parent": Rule(
        path="d1",
        expect=since(READ, Denied("EACCES")),
        answers="mnt-disconnected-old-parent-rule",
    ),
    "rule-above-all": Rule(
        path="", expect=since(READ, Allowed()), answers="mnt-disconnected-common-base"
    ),
}


@covers(READ)
@needs(Need.MOUNT)
@table(RULES)
def test_rule(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """A directory that left its mount is beneath where it is now, and the mount."""
    moved = disconnect(process, tree)
    action = (Process.open, "file", os.O_RDONLY)
    control = process.observe(*action, at=moved.fd)
    sandboxed = process.under(tree.layer(READ, {case.path: READ}))
    judge(case.expect, sandboxed.observe(*action, at=moved.fd), control)


@needs(Need.MOUNT)
@answers("mnt-disconnected-dotdot")
def test_parent(process: Process, tree: Tree, judge: Judge) -> None:
    """There is no way up from it, with a rule for everything or without a domain (ENOENT)."""
    moved = disconnect(process, tree)
    action = (Process.open, "..", os.O_RDONLY | os.O_DIRECTORY)
    outside = process.observe(*action, at=moved.fd)
    sandboxed = process.under(tree.layer(FS.READ_DIR, {}))
    observed = sandboxed.observe(*action, at=moved.fd)
    unreachable = Allowed() if outside.outcome == Denied("ENOENT") else outside
    judge(since(FS.READ_DIR, Denied("ENOENT")), observed, unreachable)


def rename(process: Process, old_at: Fd, old: str, new_at: Fd, new: str) -> None:
    process.syscall("renameat2", old_at, old, new_at, new, 0)


def link(process: Process, old_at: Fd, old: str, new_at: Fd, new: str) -> None:
    process.syscall("linkat", old_at, old, new_at, new, 0)


# A kernel without the fix writes a warning when it compares two directories of which one is
# disconnected, and one with panic_on_warn is lost.


@vm_only
@covers(REFER)
@needs(Need.MOUNT)
@answers("mnt-disconnected-rename-widening", "llr-02")
def test_rename_back(process: Process, tree: Tree, judge: Judge) -> None:
    """A file may not gain a right by being moved back into the mount."""
    moved = disconnect(process, tree)
    mount = process.open(moved.mount, O_PATH)
    layer = tree.layer(READ | MOVE, {"mount": READ | MOVE, "d2": MOVE})
    sandboxed = process.under(layer)
    there = sandboxed.observe(Process.open, "file", os.O_RDONLY, at=moved.fd)
    back = sandboxed.observe(rename, moved.fd, "file", mount, "new")
    here = sandboxed.observe(Process.open, f"{moved.mount}/new", os.O_RDONLY)
    outcome = back.outcome if back.outcome != Allowed() else here.outcome
    if outcome == Allowed():
        outcome = Seen("kept a right" if there.outcome == Allowed() else "gained a right")
    expect = since(REFER, fixed(Seen("gained a right"), Seen("kept a right")))
    judge(expect, outcome)


class Link(Row, frozen=True, kw_only=True):
    """Where a file is linked from and to: the mount, or the directory that left it."""

    old: Callable[[Disconnected, Fd], Fd]
    new: Callable[[Disconnected, Fd], Fd]


def disconnected(moved: Disconnected, _: Fd) -> Fd:
    return moved.fd


def connected(_: Disconnected, mount: Fd) -> Fd:
    return mount


LINKS = {
    "link-into-the-mount": Link(old=disconnected, new=connected),
    "link-out-of-the-mount": Link(old=connected, new=disconnected),
    "link-beside": Link(old=disconnected, new=disconnected),
}


@vm_only
@covers(REFER)
@needs(Need.MOUNT)
@answers("mnt-disconnected-link", "llr-02")
@table(LINKS)
def test_link(case: Link, process: Process, tree: Tree, judge: Judge) -> None:
    """Files can be linked between a mount and a directory that left it, with REFER on both."""
    moved = disconnect(process, tree)
    mount = process.open(moved.mount, O_PATH)
    old, new = case.old(moved, mount), case.new(moved, mount)
    control = process.observe(link, old, "file", new, "control")
    layer = tree.layer(REFER | FS.MAKE_REG, {"": REFER | FS.MAKE_REG})
    observed = process.under(layer).observe(link, old, "file", new, "new")
    judge(since(REFER, Allowed()), observed, control)


@vm_only
@covers(REFER)
@needs(Need.MOUNT, Need.WARN_AGAIN)
@answers("mnt-disconnected-warn", "llr-02")
def test_warning(process: Process, tree: Tree, judge: Judge) -> None:
    """To compare a disconnected directory with its mount is nothing to warn of."""
    moved = disconnect(process, tree)
    mount = process.open(moved.mount, O_PATH)
    process.mkdir(f"{tree.path}/debug")
    process.mount("debugfs", f"{tree.path}/debug", "debugfs")
    process.write_file(f"{tree.path}/debug/clear_warn_once", b"1")
    renamed = process.under(tree.layer(MOVE, {"": MOVE})).observe(
        rename, moved.fd, "file", mount, "new"
    )
    log = process.syscall("syslog", SYSLOG_ACTION_READ_ALL, Out(LAST), LAST)
    outcome = renamed.outcome
    if outcome == Allowed():
        outcome = Seen("warned" if WARNING in log.data else "silent")
    judge(since(REFER, fixed(Seen("warned"), Seen("silent"))), outcome)
