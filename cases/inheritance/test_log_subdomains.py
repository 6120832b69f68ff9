# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF without a ruleset: it is inherited as a domain is.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF; "landlock: Fix
LOG_SUBDOMAINS_OFF inheritance across fork()" (874c8f83826c).
"""

import os
from collections.abc import Callable, Sequence

from cases.audit.logs import NO_RECORD, UNLOGGED, logs
from suite.case import (
    FS, RESTRICT, AuditLog, AuditRecord, ByBug, Case, Denied, Judge, Need, Observation, Outcome,
    Process, Ruleset, Seen, Tree, answers, covers, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import LOG_SUBDOMAINS_ON

pytestmark = own_memory

QUIETLY = RESTRICT.LOG_SUBDOMAINS_OFF
READ = Ruleset(fs=FS.READ_FILE)
LOGGED = Seen("a record")


def itself(process: Process, program: str) -> Process:
    return process


def child(process: Process, program: str) -> Process:
    return process.fork()


def program_of_it(process: Process, program: str) -> Process:
    process.exec(program)
    return process


def child_in_domain(process: Process, program: str) -> Process:
    process.restrict(Ruleset(fs=FS.MAKE_DIR))
    return process.fork()


class Heir(Case, frozen=True, kw_only=True):
    """Who enforces a ruleset, and is denied, after a process asked for no such logs."""

    heir: Callable[[Process, str], Process]


FIXED = since(QUIETLY, ByBug(LOG_SUBDOMAINS_ON, before=LOGGED, after=UNLOGGED))
CASES = {
    "itself": Heir(heir=itself, expect=FIXED),
    "child": Heir(heir=child, expect=FIXED),
    "program": Heir(heir=program_of_it, expect=FIXED),
    "child-in-domain": Heir(heir=child_in_domain, expect=FIXED),
}


def deny(log: AuditLog, reader: Process, path: str) -> tuple[Observation, Sequence[AuditRecord]]:
    reader.restrict(READ)
    return reader.observe(Process.open, path, os.O_RDONLY), log.accesses()


def log_of(denied: Observation, accesses: Sequence[AuditRecord]) -> Outcome:
    outcome = logs(accesses, denied)
    return LOGGED if isinstance(outcome, Seen) and outcome != UNLOGGED else outcome


@vm_only
@needs(Need.AUDIT)
@covers(QUIETLY)
@answers("inh-keyctl-nodomain")
@table(CASES)
def test_heir(case: Heir, process: Process, tree: Tree, judge: Judge) -> None:
    """What an heir is denied in a domain of its own is not logged."""
    program = tree.program(f"{tree.d1}/program")
    with AuditLog(process) as log:
        loud = deny(log, process.fork(), tree.file)
        quiet = process.fork()
        quiet.no_new_privs()
        quiet.enforce(-1, QUIETLY)
        silent = deny(log, case.heir(quiet, program), tree.file)
    control, observed = log_of(*loud), log_of(*silent)
    nothing_is = control == observed == UNLOGGED
    judge(case.expect, observed, Denied(NO_RECORD) if nothing_is else None)
