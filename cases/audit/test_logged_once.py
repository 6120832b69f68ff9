# SPDX-License-Identifier: MIT
"""What the log says once, says no more, or never says the same way.

Source: security/landlock/audit.c, log_domain() and landlock_audit_free_domain(); id.c,
get_id_range().
"""

import os
from itertools import pairwise

from cases.audit.logs import NO_RECORD, logged
from cases.processes import end
from suite.case import (
    FS, LANDLOCK_ACCESS, AuditLog, Denied, Judge, Need, Process, Ruleset, Seen, Trace, Tree,
    answers, needs, vm_only,
)  # fmt: skip

READ, OTHER = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.MAKE_BLOCK)
SEVERAL = 12


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


@vm_only
@answers("aud-domain-nested-once")
@needs(Need.AUDIT)
def test_nested(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain in another one is described with its first denial only, too."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        nested = process.under(OTHER, OTHER, READ)
        denied = [nested.observe(read, tree) for _ in range(3)]
        records = log.take()
    outcome = denied[-1].outcome
    if outcome == Denied("EACCES"):
        made = [record for record in records if record.fields.get("status") == "allocated"]
        outcome = Seen(f"{len(made)} described" if made else NO_RECORD)
    judge(logged(READ.features, Seen("1 described")), outcome, control)


@vm_only
@answers("aud-disabled-end")
@needs(Need.AUDIT, Need.TRACEPOINTS)
def test_end_while_off(process: Process, tree: Tree, judge: Judge) -> None:
    """The end of a domain is not logged while auditing is off, though its beginning was."""
    control = process.observe(read, tree)
    with AuditLog(process) as log, Trace(process, "create_domain", "free_domain") as trace:
        sandboxed = process.under(READ)
        denied = sandboxed.observe(read, tree)
        began = log.take()
        with log.paused():
            end(process, sandboxed)
            trace.until_freed("D1")
        ended = log.take()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        domain = next((r.fields["domain"] for r in began if r.type == LANDLOCK_ACCESS), None)
        own = [r.fields for r in (*began, *ended) if r.fields.get("domain") == domain]
        states = [fields["status"] for fields in own if "status" in fields]
        outcome = Seen(" ".join(states) or NO_RECORD)
    judge(logged(READ.features, Seen("allocated")), outcome, control)


@vm_only
@answers("aud-id-blurred")
@needs(Need.AUDIT)
def test_numbers(process: Process, tree: Tree, judge: Judge) -> None:
    """From one domain's number nobody knows that of the next: the steps between them differ."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        denied = [process.under(READ).observe(read, tree) for _ in range(SEVERAL)]
        accesses = log.accesses()
    outcome = denied[-1].outcome
    if outcome == Denied("EACCES"):
        numbers = [int(record.fields["domain"], 16) for record in accesses]
        steps = {later - earlier for earlier, later in pairwise(numbers)}
        told = "steps differ" if len(steps) > 1 else f"each step is {steps}"
        outcome = Seen(told if numbers else NO_RECORD)
    judge(logged(READ.features, Seen("steps differ")), outcome, control)
