# SPDX-License-Identifier: MIT
"""Erratum 3: a directory that was moved out of its bind mount.

Source: security/landlock/errata/abi-1.h, erratum 3; "landlock: Fix handling of disconnected
directories" (49c9e09d9610).
"""

import os

from suite.abi import FS, Erratum
from suite.expectation import ByErratum, since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import CLONE_NEWNS, Process
from suite.rows import Judge, covers, needs
from suite.ruleset import Ruleset
from suite.tree import Tree

EXPECT = since(
    FS.READ_FILE,
    ByErratum(Erratum.DISCONNECTED_DIRECTORIES, before=Denied("EACCES"), after=Allowed()),
)


@covers(FS.READ_FILE)
@needs(Need.MOUNT)
def test_rule_on_the_mount(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a mount point holds for a directory that left it by rename(2)."""
    mount = f"{tree.path}/mount"
    process.unshare(CLONE_NEWNS)
    process.mkdir(mount)
    process.bind_mount(tree.d1, mount)
    moved = process.open(f"{mount}/sub", os.O_PATH)
    process.rename(tree.sub, f"{tree.d2}/sub")

    control = process.observe(Process.open, "file", os.O_RDONLY, at=moved)
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE).allow(mount, FS.READ_FILE))
    observed = sandboxed.observe(Process.open, "file", os.O_RDONLY, at=moved)
    judge(EXPECT, observed, control)
