# SPDX-License-Identifier: MIT
"""renameat2(2) with RENAME_EXCHANGE across directories, under layers that object differently.

Source: Documentation/userspace-api/landlock.rst, LANDLOCK_ACCESS_FS_REFER.
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.calls.files import RENAME_EXCHANGE
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import Tree

MOVE = FS.MAKE_REG | FS.REMOVE_FILE
HANDLED = MOVE | FS.REFER


def no_refer(tree: Tree) -> Ruleset:
    """Objects with EXDEV: all but REFER is allowed in both directories."""
    return tree.layer(HANDLED, {"d1": MOVE, "d2": MOVE})


def no_make_reg(tree: Tree) -> Ruleset:
    """Objects with EACCES: the second directory lacks MAKE_REG."""
    return tree.layer(HANDLED, {"d1": HANDLED, "d2": FS.REMOVE_FILE | FS.REFER})


def all_allowed(tree: Tree) -> Ruleset:
    """Objects to nothing."""
    return tree.layer(HANDLED, {"d1": HANDLED, "d2": HANDLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Case):
    """Layers, outermost first."""

    layers: tuple[Callable[[Tree], Ruleset], ...]


CASES = {
    "all-allowed": Exchange(
        layers=(all_allowed,),
        expect=since(FS.REFER, Allowed()),
    ),
    "no-refer": Exchange(
        layers=(no_refer,),
        expect=since(FS.REFER, Denied("EXDEV")),
    ),
    "no-make-reg": Exchange(
        layers=(no_make_reg,),
        expect=since(FS.REFER, Denied("EACCES")),
    ),
    "no-refer-then-no-make-reg": Exchange(
        layers=(no_refer, no_make_reg),
        expect=since(FS.REFER, Denied("EACCES")),
    ),
    "no-make-reg-then-no-refer": Exchange(
        layers=(no_make_reg, no_refer),
        expect=since(FS.REFER, Denied("EACCES")),
    ),
}


@covers(FS.REFER)
@table(CASES)
def test_exchange(case: Exchange, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied access (EACCES) comes before a forbidden reparenting (EXDEV), in any layer."""
    files = tree.file, tree.other, RENAME_EXCHANGE
    control = process.observe(Process.rename, *files)
    layers = [layer(tree) for layer in case.layers]
    observed = process.under(*layers).observe(Process.rename, *files)
    judge(case.expect, observed, control)
