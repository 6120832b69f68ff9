# SPDX-License-Identifier: MIT
"""What is changed through an overlay, and what overlayfs does in its layers for it.

Source: Documentation/userspace-api/landlock.rst, "Bind mounts and OverlayFS";
Documentation/filesystems/overlayfs.rst, "Permission model".
"""

import os
from collections.abc import Callable
from pathlib import PurePath

from suite.case import (
    FS, Allowed, Case, Denied, FileSystem, Judge, Process, Row, Ruleset, Tree, filesystems, since,
    table,
)  # fmt: skip
from suite.targets.filesystems import Overlay

READ = FS.READ_FILE
# Copies and whiteouts are made, files are opened, work is done in a folder of its own.
WITHIN = (
    READ | FS.WRITE_FILE | FS.READ_DIR | FS.MAKE_REG | FS.MAKE_CHAR | FS.MAKE_DIR
    | FS.REMOVE_FILE | FS.REMOVE_DIR
)  # fmt: skip


def layers(tree: Tree) -> Overlay:
    return Overlay(str(PurePath(tree.path).parents[1]))


class Change(Row, frozen=True, kw_only=True):
    """A change to a file of the lower layer, and the rights that it needs."""

    covers: FS
    call: Callable[[Process, Tree], object]


CHANGES = {
    "write": Change(
        covers=FS.WRITE_FILE,
        call=lambda process, tree: process.open(tree.file, os.O_WRONLY),
    ),
    "create": Change(
        covers=FS.MAKE_REG | FS.WRITE_FILE,
        call=lambda process, tree: process.open(f"{tree.d1}/new", os.O_WRONLY | os.O_CREAT),
    ),
    "truncate": Change(
        covers=FS.TRUNCATE,
        call=lambda process, tree: process.truncate(tree.file),
    ),
    "unlink": Change(
        covers=FS.REMOVE_FILE,
        call=lambda process, tree: process.unlink(tree.file),
    ),
    "rename": Change(
        covers=FS.REMOVE_FILE | FS.MAKE_REG,
        call=lambda process, tree: process.rename(tree.file, f"{tree.d1}/new"),
    ),
    "link": Change(
        covers=FS.MAKE_REG,
        call=lambda process, tree: process.link(tree.file, f"{tree.d1}/new"),
    ),
    "reparent": Change(
        covers=FS.REFER | FS.REMOVE_FILE | FS.MAKE_REG,
        call=lambda process, tree: process.rename(tree.file, f"{tree.sub}/new"),
    ),
}


@filesystems(FileSystem.OVERLAY_LOWER, FileSystem.OVERLAY_MERGED)
@table({f"{name}-nothing-in-the-layers": row for name, row in CHANGES.items()})
def test_layers_denied(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """What overlayfs does in its layers needs no right of them: whoever mounted it does it."""
    handled = WITHIN | case.covers
    sandboxed = process.under(Ruleset(fs=handled).allow(layers(tree).merged, case.covers))
    judge(since(handled, Allowed()), sandboxed.observe(case.call, tree))


@filesystems(FileSystem.OVERLAY_LOWER, FileSystem.OVERLAY_MERGED)
@table({f"{name}-all-in-the-layers": row for name, row in CHANGES.items()})
def test_layers_allowed(case: Change, process: Process, tree: Tree, judge: Judge) -> None:
    """What the rules on the layers allow is denied in what is merged of them."""
    overlay = layers(tree)
    control = process.observe(case.call, tree.twin())
    rules = Ruleset(fs=case.covers)
    for layer in (overlay.lower, overlay.upper):
        rules = rules.allow(layer, case.covers)
    observed = process.under(rules).observe(case.call, tree)
    judge(since(case.covers, Denied("EACCES")), observed, control)


class Copied(Case, frozen=True, kw_only=True):
    """The layer where the file has a rule, and the one where it is opened after the copy."""

    rule: str
    opened: str


COPIED = {
    "copied-rule-on-the-original": Copied(
        rule="lower",
        opened="merged",
        expect=since(READ, Denied("EACCES")),
    ),
    "copied-rule-on-merged-opened-copy": Copied(
        rule="merged",
        opened="upper",
        expect=since(READ, Denied("EACCES")),
    ),
    "copied-rule-on-merged-opened-original": Copied(
        rule="merged",
        opened="lower",
        expect=since(READ, Denied("EACCES")),
    ),
}


@filesystems(FileSystem.OVERLAY_LOWER)
@table(COPIED)
def test_copied_up(case: Copied, process: Process, tree: Tree, judge: Judge) -> None:
    """Neither the original nor the copy is the merged file."""
    overlay = layers(tree)
    file = tree.file.removeprefix(overlay.merged)
    sandboxed = process.under(Ruleset(fs=READ).allow(f"{overlay.path}/{case.rule}{file}", READ))
    process.close(process.open(tree.file, os.O_RDWR))
    action = (Process.open, f"{overlay.path}/{case.opened}{file}", os.O_RDONLY)
    judge(case.expect, sandboxed.observe(*action), process.observe(*action))
