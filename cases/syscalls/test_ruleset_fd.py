# SPDX-License-Identifier: MIT
"""The file descriptor of a ruleset.

Source: Documentation/userspace-api/landlock.rst, "Creating a new ruleset".
"""

import os

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge
from suite.ruleset import Ruleset
from suite.tree import Tree

READ = Ruleset(fs=FS.READ_FILE)


def test_enforced_by_its_receiver(process: Process, tree: Tree, judge: Judge) -> None:
    """A ruleset can be passed over SCM_RIGHTS; who receives it may enforce it."""
    receiver = process.fork()
    control = receiver.observe(Process.open, tree.file, os.O_RDONLY)
    passed = process.give(process.build(READ), receiver)
    receiver.no_new_privs()
    receiver.enforce(passed)
    observed = receiver.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Denied("EACCES")), observed, control)


def test_builder_stays_free(process: Process, tree: Tree, judge: Judge) -> None:
    """Building a ruleset restricts nobody, nor does its enforcement by another process."""
    receiver = process.fork()
    passed = process.give(process.build(READ), receiver)
    receiver.no_new_privs()
    receiver.enforce(passed)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Allowed()), observed)
