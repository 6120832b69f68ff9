# SPDX-License-Identifier: MIT
"""Several rules on one folder, of which some are quiet: whether the log stays silent.

Source: include/uapi/linux/landlock.h, LANDLOCK_ADD_RULE_QUIET; landlock_insert_rule() in security/
landlock/ruleset.c.
"""

import os
from collections.abc import Sequence

from suite.case import (
    ADD_RULE, FS, O_PATH, RULE_PATH_BENEATH, AuditLog, Case, Denied, Judge, Need, Outcome, Process,
    Ruleset, Seen, Tree, answers, covers, needs, path_beneath, since, table, vm_only,
)  # fmt: skip

READ, WRITE, NOTHING = FS.READ_FILE, FS.WRITE_FILE, FS(0)
QUIET = ADD_RULE.QUIET
SILENT, LOGGED = Seen("denied, no record"), Seen("denied and logged")


class Rules(Case, frozen=True, kw_only=True):
    """What rules on a folder allow, and their flags, in the order in which they are added."""

    rules: Sequence[tuple[FS, int]]


def rules(outcome: Outcome, *added: tuple[FS, int]) -> Rules:
    return Rules(rules=added, expect=since(QUIET, outcome))


CASES = {
    "not-quiet": rules(LOGGED, (WRITE, 0)),
    "quiet": rules(SILENT, (NOTHING, QUIET)),
    "quiet-then-not": rules(SILENT, (NOTHING, QUIET), (WRITE, 0)),
    "not-then-quiet": rules(SILENT, (WRITE, 0), (NOTHING, QUIET)),
    "quiet-and-allowing-then-not": rules(SILENT, (WRITE, QUIET), (WRITE, 0)),
}


@vm_only
@needs(Need.AUDIT)
@covers(QUIET)
@answers("sys-ar-quiet-sticky")
@table(CASES)
def test_read(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """One quiet rule is enough; a later rule on the same folder does not make it loud again."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with AuditLog(process) as log:
        sandboxed = process.fork()
        ruleset = sandboxed.build(Ruleset(fs=READ | WRITE, quiet_fs=READ))
        folder = sandboxed.open(tree.d1, O_PATH)
        with sandboxed.session.gate():
            for rights, flags in case.rules:
                attr = path_beneath(rights, folder)
                sandboxed.add_rule(ruleset, RULE_PATH_BENEATH, attr, flags)
        sandboxed.no_new_privs()
        sandboxed.enforce(ruleset)
        outcome = sandboxed.observe(Process.open, tree.file, os.O_RDONLY).outcome
        if outcome == Denied("EACCES"):
            outcome = LOGGED if log.accesses() else SILENT
    judge(case.expect, outcome, control)
