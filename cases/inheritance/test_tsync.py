# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_TSYNC.
"""

import os

from suite.abi import FS, RESTRICT
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge, covers
from suite.ruleset import Ruleset
from suite.tree import Tree

READ = Ruleset(fs=FS.READ_FILE)
READ_TSYNC = Ruleset(fs=FS.READ_FILE, flags=RESTRICT.TSYNC)


@covers(RESTRICT.TSYNC)
def test_thread_restricts_its_leader(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that is not the leader enforces a ruleset on the leader too."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.thread().restrict(READ_TSYNC)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(RESTRICT.TSYNC, Denied("EACCES")), observed, control)


@covers(RESTRICT.TSYNC)
def test_leader_restricts_its_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """The leader enforces a ruleset on threads that exist already."""
    thread = process.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    process.restrict(READ_TSYNC)
    observed = thread.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(RESTRICT.TSYNC, Denied("EACCES")), observed, control)


def test_without_tsync(process: Process, tree: Tree, judge: Judge) -> None:
    """Without the flag, a thread restricts itself alone."""
    process.thread().restrict(READ)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Allowed()), observed)


@covers(RESTRICT.TSYNC)
def test_other_processes(process: Process, tree: Tree, judge: Judge) -> None:
    """Processes that the caller forked before are no threads of it: they stay as they are."""
    child = process.fork()
    process.restrict(READ_TSYNC)
    judge(since(RESTRICT.TSYNC, Allowed()), child.observe(Process.open, tree.file, os.O_RDONLY))
