# SPDX-License-Identifier: MIT
"""rename(2) and link(2) within a folder: nothing is reparented, so REFER is not asked for.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_MAKE_* and LANDLOCK_ACCESS_FS_REMOVE_*.
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, table
from suite.tree import Tree

MOVE_FILE = FS.MAKE_REG | FS.REMOVE_FILE
MOVE_DIR = FS.MAKE_DIR | FS.REMOVE_DIR
HANDLED = MOVE_FILE | MOVE_DIR
ALLOWED = since(HANDLED, Allowed())
DENIED = since(HANDLED, Denied("EACCES"))


def rename(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d1}/new")


def rename_folder(process: Process, tree: Tree) -> None:
    process.rename(tree.sub, f"{tree.d1}/new")


def rename_onto_itself(process: Process, tree: Tree) -> None:
    process.rename(tree.file, tree.file)


def link(process: Process, tree: Tree) -> None:
    process.link(tree.file, f"{tree.d1}/new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(Case):
    """A call beneath d1, and what a rule on d1 allows."""

    call: Callable[[Process, Tree], object]
    d1: FS


CASES = {
    "rename": Rename(call=rename, d1=MOVE_FILE, expect=ALLOWED),
    "rename-no-make-reg": Rename(call=rename, d1=FS.REMOVE_FILE, expect=DENIED),
    "rename-no-remove-file": Rename(call=rename, d1=FS.MAKE_REG, expect=DENIED),
    "rename-onto-itself": Rename(call=rename_onto_itself, d1=MOVE_DIR, expect=DENIED),
    "rename-folder": Rename(call=rename_folder, d1=MOVE_DIR, expect=ALLOWED),
    "rename-folder-no-make-dir": Rename(
        call=rename_folder, d1=MOVE_FILE | FS.REMOVE_DIR, expect=DENIED
    ),
    "rename-folder-no-remove-dir": Rename(
        call=rename_folder, d1=MOVE_FILE | FS.MAKE_DIR, expect=DENIED
    ),
    "link": Rename(call=link, d1=FS.MAKE_REG, expect=ALLOWED),
    "link-no-make-reg": Rename(call=link, d1=FS.REMOVE_FILE, expect=DENIED),
}


@table(CASES)
def test_rename(case: Rename, process: Process, tree: Tree, judge: Judge) -> None:
    """A name that is made needs MAKE of its type, one that is taken away REMOVE of its kind."""
    control = process.observe(case.call, tree.twin())
    layer = tree.layer(HANDLED, {"d1": case.d1})
    judge(case.expect, process.under(layer).observe(case.call, tree), control)
