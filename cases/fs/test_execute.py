# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_EXECUTE.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_EXECUTE.
"""

import os

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


@covers(FS.EXECUTE)
def test_program_without_read_file(process: Process, tree: Tree, judge: Judge) -> None:
    """To execute a program is to read it: READ_FILE is needed as well."""
    program = tree.program(f"{tree.d1}/program")
    control = process.fork().observe(Process.exec, program)
    sandboxed = process.under(tree.layer(FS.EXECUTE | FS.READ_FILE, {"d1": FS.EXECUTE}))
    judge(since(FS.EXECUTE, Denied("EACCES")), sandboxed.observe(Process.exec, program), control)


@covers(FS.EXECUTE)
def test_program_with_read_file(process: Process, tree: Tree, judge: Judge) -> None:
    """EXECUTE and READ_FILE together are enough."""
    program = tree.program(f"{tree.d1}/program")
    both = FS.EXECUTE | FS.READ_FILE
    sandboxed = process.under(tree.layer(both, {"d1": both}))
    judge(since(FS.EXECUTE, Allowed()), sandboxed.observe(Process.exec, program))


@covers(FS.EXECUTE)
def test_opened_before(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that was opened before is checked again when it is executed."""
    fd = process.open(tree.program(f"{tree.d1}/program"), os.O_RDONLY)
    control = process.fork().observe(Process.fexec, fd)
    observed = process.under(EXECUTE).observe(Process.fexec, fd)
    judge(since(FS.EXECUTE, Denied("EACCES")), observed, control)
