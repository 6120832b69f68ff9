# SPDX-License-Identifier: MIT
"""overlayfs: what is seen through it has inodes of its own, which rules on its layers don't know.

Source: Documentation/userspace-api/landlock.rst, "Bind mounts and OverlayFS".
"""

import os
from pathlib import PurePath

import pytest

from suite.case import (
    FS, Allowed, Case, Denied, FileSystem, Judge, Process, Ruleset, Tree, answers, filesystems,
    since, table,
)  # fmt: skip
from suite.targets.filesystems import Overlay

READ, WRITE = FS.READ_FILE, FS.WRITE_FILE
CHANGE = READ | WRITE | FS.MAKE_REG | FS.REMOVE_FILE
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))


class Opened(Case, frozen=True, kw_only=True):
    """A file of the overlay or of a layer; ``d1/file`` is in the lower one, ``d1/new`` above."""

    layer: str
    path: str
    flags: int = os.O_RDONLY


ON_LAYERS = {
    "lower-file-rules-on-layers": Opened(layer="merged", path="d1/file", expect=DENIED),
    "upper-file-rules-on-layers": Opened(layer="merged", path="d1/new", expect=DENIED),
    "file-of-the-lower-layer-rules-on-layers": Opened(
        layer="lower", path="d1/file", expect=ALLOWED
    ),
    "file-of-the-upper-layer-rules-on-layers": Opened(layer="upper", path="d1/new", expect=ALLOWED),
}
ON_MERGED = {
    "lower-file-rule-on-merged": Opened(
        layer="merged", path="d1/file", flags=os.O_RDWR, expect=ALLOWED
    ),
    "upper-file-rule-on-merged": Opened(
        layer="merged", path="d1/new", flags=os.O_RDWR, expect=ALLOWED
    ),
    "file-of-the-lower-layer-rule-on-merged": Opened(layer="lower", path="d1/file", expect=DENIED),
    "file-of-the-upper-layer-rule-on-merged": Opened(layer="upper", path="d1/new", expect=DENIED),
}


def layers(process: Process, tree: Tree) -> Overlay:
    """The overlay that a tree is on, with one more file."""
    process.write_file(f"{tree.d1}/new", b"")
    return Overlay(str(PurePath(tree.path).parents[1]))


def seen(overlay: Overlay, case: Opened, tree: Tree) -> str:
    return f"{overlay.path}/{case.layer}/{PurePath(tree.path).name}/{case.path}"


@answers("inode-overlay-layers-independent", "gap-overlay-layers")
@filesystems(FileSystem.OVERLAY_LOWER)
@table(ON_LAYERS)
def test_rules_on_layers(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """Rules on the layers hold in the layers, and not for what is merged of them."""
    overlay = layers(process, tree)
    ruleset = Ruleset(fs=READ).allow(overlay.lower, READ).allow(overlay.upper, READ)
    action = (Process.open, seen(overlay, case, tree), case.flags)
    control = process.observe(*action)
    judge(case.expect, process.under(ruleset).observe(*action), control)


@answers("inode-overlay-merge-only", "async-overlay-inner-opens")
@filesystems(FileSystem.OVERLAY_LOWER)
@table(ON_MERGED)
def test_rule_on_merged(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on what is merged holds there, also to copy a file up, and not in the layers."""
    overlay = layers(process, tree)
    ruleset = Ruleset(fs=READ | WRITE).allow(overlay.merged, READ | WRITE)
    action = (Process.open, seen(overlay, case, tree), case.flags)
    observed = process.under(ruleset).observe(*action)
    judge(case.expect, observed, process.observe(*action))


def change(process: Process, tree: Tree) -> None:
    """Copy up, create and remove."""
    process.write(process.open(tree.file, os.O_RDWR), b"x")
    process.open(f"{tree.d2}/created", os.O_WRONLY | os.O_CREAT)
    process.unlink(tree.other)
    process.unlink(tree.file)


@answers("inode-overlay-merge-only")
@filesystems(FileSystem.OVERLAY_LOWER)
def test_changes(process: Process, tree: Tree, judge: Judge) -> None:
    """What overlayfs does to its layers for it needs no rule on them."""
    overlay = layers(process, tree)
    ruleset = Ruleset(fs=CHANGE).allow(overlay.merged, CHANGE)
    judge(ALLOWED, process.under(ruleset).observe(change, tree))


@answers("inode-overlay-rule-survives-copy-up")
@filesystems(FileSystem.OVERLAY_LOWER)
def test_copied_up(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a file of the overlay holds on once others have it copied up."""
    sandboxed = process.under(tree.layer(READ, {"d1/file": READ}))
    process.write(process.open(tree.file, os.O_RDWR), b"x")
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(ALLOWED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("inode-overlay-tmpfile")
@filesystems(FileSystem.OVERLAY_LOWER)
def test_tmpfile(process: Process, tree: Tree, judge: Judge) -> None:
    """To make a file without a name needs no rule on the upper layer."""
    action = (Process.open, tree.d1, os.O_TMPFILE | os.O_RDWR)
    control = process.observe(*action)
    if control.outcome == Denied("EOPNOTSUPP"):
        pytest.skip("needs O_TMPFILE on overlayfs (Linux 6.3)")
    sandboxed = process.under(tree.layer(CHANGE, {"d1": CHANGE}))
    judge(ALLOWED, sandboxed.observe(*action), control)
