# SPDX-License-Identifier: MIT
"""Erratum 4: whiteouts, which are character devices 0:0 but no devices.

Source: security/landlock/errata/abi-1.h, erratum 4 (672fa082d48b);
https://github.com/landlock-lsm/linux/issues/63.
"""

import stat
from collections.abc import Callable

from suite.case import (
    FS, RENAME_EXCHANGE, Allowed, ByErratum, Case, Denied, Erratum, Expectation, Judge, Need,
    Process, Ruleset, Tree, covers, needs, since, table,
)  # fmt: skip
from suite.process.uapi import RENAME_WHITEOUT

REFER = FS.REFER
REG, CHAR = FS.MAKE_REG, FS.MAKE_CHAR


def denied_since(handled: FS) -> Expectation:
    """What the erratum made Landlock ask for."""
    return since(
        handled, ByErratum(Erratum.WHITEOUT_OBJECTS, before=Allowed(), after=Denied("EACCES"))
    )


def allowed_since(handled: FS) -> Expectation:
    """What the erratum made Landlock ask for no longer."""
    return since(
        handled, ByErratum(Erratum.WHITEOUT_OBJECTS, before=Denied("EACCES"), after=Allowed())
    )


def make(process: Process, tree: Tree) -> None:
    process.mknod(f"{tree.d1}/new", stat.S_IFCHR, 0)


def link(process: Process, tree: Tree) -> None:
    process.link(f"{tree.d1}/whiteout", f"{tree.d1}/new")


def rename(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/whiteout", f"{tree.d1}/new")


def leave_behind(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/fifo", f"{tree.d1}/new", RENAME_WHITEOUT)


def leave_behind_elsewhere(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/fifo", f"{tree.d2}/new", RENAME_WHITEOUT)


def exchange(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/fifo", f"{tree.d2}/whiteout", RENAME_EXCHANGE)


class Whiteout(Case, frozen=True, kw_only=True):
    """A call that makes a whiteout, in a layer that denies this right."""

    call: Callable[[Process, Tree], object]
    denied: FS


WITHIN = {
    "mknod-no-make-reg": Whiteout(
        call=make, denied=REG, expect=denied_since(REG), answers=("make-whiteout-mknod", "llr-05")
    ),
    "mknod-no-make-char": Whiteout(
        call=make,
        denied=CHAR,
        expect=allowed_since(CHAR),
        answers=("make-whiteout-mknod", "llr-05"),
    ),
    "link-no-make-reg": Whiteout(
        call=link, denied=REG, expect=denied_since(REG), answers=("make-whiteout-link", "llr-05")
    ),
    "link-no-make-char": Whiteout(
        call=link, denied=CHAR, expect=allowed_since(CHAR), answers=("make-whiteout-link", "llr-05")
    ),
    "rename-it-no-make-reg": Whiteout(
        call=rename,
        denied=REG,
        expect=denied_since(REG),
        answers=("make-whiteout-rename", "llr-05"),
    ),
    "rename-it-no-make-char": Whiteout(
        call=rename,
        denied=CHAR,
        expect=allowed_since(CHAR),
        answers=("make-whiteout-rename", "llr-05"),
    ),
    "rename-it-no-remove-file": Whiteout(
        call=rename,
        denied=FS.REMOVE_FILE,
        expect=since(FS.REMOVE_FILE, Denied("EACCES")),
        answers=("make-whiteout-rename", "llr-05"),
    ),
    "rename-no-make-reg": Whiteout(
        call=leave_behind,
        denied=REG,
        expect=denied_since(REG),
        answers=("rename-whiteout-same-dir", "llr-05"),
    ),
    "rename-no-remove-file": Whiteout(
        call=leave_behind,
        denied=FS.REMOVE_FILE,
        expect=since(FS.REMOVE_FILE, Denied("EACCES")),
        answers=("rename-whiteout-same-dir", "llr-05"),
    ),
    "rename-no-make-char": Whiteout(
        call=leave_behind,
        denied=CHAR,
        expect=since(CHAR, Allowed()),
        answers=("rename-whiteout-same-dir", "llr-05"),
    ),
}


def prepare(process: Process, tree: Tree) -> None:
    process.mkfifo(f"{tree.d1}/fifo")
    for folder in (tree.d1, tree.d2):
        process.mknod(f"{folder}/whiteout", stat.S_IFCHR, 0)


@covers(FS.MAKE_REG, FS.MAKE_CHAR)
@needs(Need.MOUNT)  # a file system that has whiteouts: our own tmpfs
@table(WITHIN)
def test_whiteout(case: Whiteout, process: Process, tree: Tree, judge: Judge) -> None:
    """To make a whiteout needs MAKE_REG, and not MAKE_CHAR."""
    twin = tree.twin()
    prepare(process, tree)
    prepare(process, twin)
    control = process.observe(case.call, twin)
    observed = process.under(Ruleset(fs=case.denied)).observe(case.call, tree)
    judge(case.expect, observed, control)


class Elsewhere(Case, frozen=True, kw_only=True):
    """A call from d1 to d2, in a layer that allows the right in one of them."""

    call: Callable[[Process, Tree], object]
    right: FS
    folder: str


ELSEWHERE = {
    "rename-elsewhere-make-reg-in-source": Elsewhere(
        call=leave_behind_elsewhere,
        right=REG,
        folder="d1",
        expect=since(REFER, Allowed()),
        answers=("rename-whiteout-reparent", "llr-05"),
    ),
    "rename-elsewhere-make-reg-in-destination": Elsewhere(
        call=leave_behind_elsewhere,
        right=REG,
        folder="d2",
        expect=denied_since(REFER),
        answers=("rename-whiteout-reparent", "llr-05"),
    ),
    "exchange-make-reg-where-it-goes": Elsewhere(
        call=exchange,
        right=REG,
        folder="d1",
        expect=since(REFER, Allowed()),
        answers=("exchange-whiteout", "llr-05"),
    ),
    "exchange-make-reg-where-it-was": Elsewhere(
        call=exchange,
        right=REG,
        folder="d2",
        expect=denied_since(REFER),
        answers=("exchange-whiteout", "llr-05"),
    ),
    "exchange-make-char-where-it-was": Elsewhere(
        call=exchange,
        right=CHAR,
        folder="d2",
        expect=allowed_since(REFER),
        answers=("exchange-whiteout", "llr-05"),
    ),
}


@covers(FS.MAKE_REG, FS.MAKE_CHAR, FS.REFER)
@needs(Need.MOUNT)
@table(ELSEWHERE)
def test_elsewhere(case: Elsewhere, process: Process, tree: Tree, judge: Judge) -> None:
    """A whiteout that is left behind, or moved, needs MAKE_REG in the folder where it ends up."""
    twin = tree.twin()
    prepare(process, tree)
    prepare(process, twin)
    control = process.observe(case.call, twin)
    rules = {"d1": REFER, "d2": REFER}
    rules[case.folder] |= case.right
    layer = tree.layer(REFER | case.right, rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)
