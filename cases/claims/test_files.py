# SPDX-License-Identifier: MIT
"""Every filesystem access right denies something: one check a bit, in a domain of it alone.

Source: include/uapi/linux/landlock.h, "Filesystem flags".
"""

import socket

from cases.accesses import ACCESSES, Access
from suite.case import (
    FS, Allowed, Denied, Judge, Process, Ruleset, Tree, answers, covers, since, table, unix,
)  # fmt: skip

DEVICES = FS.MAKE_CHAR | FS.MAKE_BLOCK


@answers("sys-rs-empty-ruleset")
@table(ACCESSES)
def test_denied(case: Access, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that handles an access right alone denies what needs it."""
    for folder in (tree.d1, tree.d2):
        tree.program(f"{folder}/program")
        process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{folder}/socket"))
    control = process.fork().observe(case.call, tree.d1)
    observed = process.under(Ruleset(fs=case.right)).observe(case.call, tree.d2)
    # Without CAP_MKNOD the control gets as far as EPERM: Landlock, with EACCES, is asked before.
    no_capability = case.right in DEVICES and control.outcome == Denied("EPERM")
    judge(case.expect, observed, Allowed() if no_capability else control)


@covers(FS.REFER)
def test_refer_with_rules(process: Process, tree: Tree, judge: Judge) -> None:
    """A file can be moved between folders that rules allow to refer, unlike without the right."""
    ruleset = Ruleset(fs=FS.REFER).allow(tree.path, FS.REFER)
    observed = process.under(ruleset).observe(Process.rename, tree.file, f"{tree.d2}/new")
    judge(since(FS.REFER, Allowed()), observed)
