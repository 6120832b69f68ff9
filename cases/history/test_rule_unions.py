# SPDX-License-Identifier: MIT
"""Rules of one layer that allow a call only together.

Source: "landlock: Fix same-layer rule unions" (8ba0005ff418).
"""

import os

from suite.case import FS, Allowed, ByBug, Denied, Judge, Process, Tree, answers, covers, since
from suite.landlock.bugs import RULE_UNIONS

READ_WRITE = FS.READ_FILE | FS.WRITE_FILE
EXPECT = since(READ_WRITE, ByBug(RULE_UNIONS, before=Denied("EACCES"), after=Allowed()))


@covers(FS.READ_FILE, FS.WRITE_FILE)
@answers("layer-union-within-layer", "llr-07")
def test_folder_and_file(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a folder and one on a file in it add up."""
    layer = tree.layer(READ_WRITE, {"d1": FS.READ_FILE, "d1/file": FS.WRITE_FILE})
    judge(EXPECT, process.under(layer).observe(Process.open, tree.file, os.O_RDWR))
