# SPDX-License-Identifier: MIT
"""What is said of Landlock's denials in the log: it depends on more than the kernel.

Source: Documentation/admin-guide/LSM/landlock.rst, "Audit".
"""

import os
from contextlib import nullcontext

from suite.case import (
    FS, AuditLog, Case, Denied, Judge, Need, Process, Ruleset, Seen, Tree, answers, needs, since,
    table, vm_only,
)  # fmt: skip
from suite.landlock.changes import LOGGING

WRITE = Ruleset(fs=FS.WRITE_FILE)
UNLOGGED, LOGGED = Seen("false: no record"), Seen("true: a record")
NEVER = since(FS.WRITE_FILE, UNLOGGED)


class Logged(Case, frozen=True, kw_only=True):
    """Whether audit is enabled, and whether the process in the domain executed a program."""

    enabled: bool
    executed: bool


LOGS = {
    # As distributions have it unless the audit daemon runs.
    "log-disabled": Logged(enabled=False, executed=False, expect=NEVER),
    # As a sandboxer does it.
    "log-enabled-program": Logged(enabled=True, executed=True, expect=NEVER),
    "log-enabled": Logged(
        enabled=True,
        executed=False,
        expect=since(FS.WRITE_FILE, UNLOGGED, (LOGGING, LOGGED)),
    ),
}


@vm_only
@needs(Need.AUDIT)
@answers("claim-denials-in-log")
@table(LOGS)
def test_denials_are_logged(case: Logged, process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: a denial shows in the log of audit."""
    program = tree.program(f"{tree.d1}/program")
    control = process.observe(Process.open, tree.file, os.O_WRONLY)
    with AuditLog(process) as log:
        with nullcontext() if case.enabled else log.paused():
            sandboxed = process.under(WRITE)
            if case.executed:
                sandboxed.exec(program)
            denied = sandboxed.observe(Process.open, tree.file, os.O_WRONLY)
        accesses = log.accesses()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        outcome = LOGGED if accesses else UNLOGGED
    judge(case.expect, outcome, control)
