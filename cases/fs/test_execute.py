# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_EXECUTE.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_EXECUTE.
"""

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge, covers
from suite.ruleset import Ruleset
from suite.tree import Tree

EXECUTE = Ruleset(fs=FS.EXECUTE)


@covers(FS.EXECUTE)
def test_script_without_its_interpreter(process: Process, tree: Tree, judge: Judge) -> None:
    """A script that may be executed does not run when its interpreter may not."""
    interpreter = tree.program(f"{tree.d2}/interpreter")
    script = tree.script(f"{tree.d1}/script", interpreter)
    control = process.fork().observe(Process.exec, script)
    observed = process.under(EXECUTE.allow(tree.d1, FS.EXECUTE)).observe(Process.exec, script)
    judge(since(FS.EXECUTE, Denied("EACCES")), observed, control)


@covers(FS.EXECUTE)
def test_script_with_its_interpreter(process: Process, tree: Tree, judge: Judge) -> None:
    """A script runs when both it and its interpreter may be executed."""
    interpreter = tree.program(f"{tree.d2}/interpreter")
    script = tree.script(f"{tree.d1}/script", interpreter)
    both = EXECUTE.allow(tree.d1, FS.EXECUTE).allow(tree.d2, FS.EXECUTE)
    judge(since(FS.EXECUTE, Allowed()), process.under(both).observe(Process.exec, script))
