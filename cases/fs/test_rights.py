# SPDX-License-Identifier: MIT
"""Every right on files and folders, with a rule and without.

Source: include/uapi/linux/landlock.h, "Filesystem flags".
"""

from cases.fs.rights import RIGHTS, Right
from suite.case import Allowed, Denied, Judge, Process, Ruleset, Tree, since, table


@table(RIGHTS)
def test_without_a_rule(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """A right that a ruleset handles is denied where no rule allows it."""
    twin = tree.twin()
    case.prepare(process, tree)
    case.prepare(process, twin)
    control = process.fork().observe(case.call, twin)
    observed = process.under(Ruleset(fs=case.covers)).observe(case.call, tree)
    judge(since(case.covers, Denied(case.errno)), observed, control)


@table({f"{name}-with-rule": row for name, row in RIGHTS.items()})
def test_with_a_rule(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a folder allows its rights to the folder and all that is beneath."""
    case.prepare(process, tree)
    ruleset = Ruleset(fs=case.covers).allow(case.folder(tree), case.covers)
    judge(since(case.covers, Allowed()), process.under(ruleset).observe(case.call, tree))
