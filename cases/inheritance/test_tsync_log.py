# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC and what siblings log.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_TSYNC ("including the Landlock domain
and logging configuration"); security/landlock/cred.h, landlock_cred_copy().
"""

import os

from suite.case import (
    FS, LANDLOCK_ACCESS, RESTRICT, AuditLog, ByBug, Case, Denied, Judge, Need, Process, Rejected,
    Ruleset, Seen, Tree, answers, covers, denial, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import TSYNC_WITHOUT_RULESET

pytestmark = own_memory

TSYNC, OFF = RESTRICT.TSYNC, RESTRICT.LOG_SUBDOMAINS_OFF
NO_RULESET = -1
SILENT, LOGGED = Seen("no record"), Seen("record")
REFUSED = Rejected("restrict_self", "EBADF")


def layer(flags: RESTRICT) -> Ruleset:
    return Ruleset(fs=FS.MAKE_BLOCK, flags=flags)


PLAIN, SYNCED = layer(RESTRICT(0)), layer(TSYNC)


class Log(Case, frozen=True, kw_only=True):
    """The layers of the sibling, then those of the caller, before one for all threads."""

    sibling: tuple[Ruleset, ...] = ()
    caller: tuple[Ruleset, ...] = ()
    enforced: Ruleset | None = SYNCED
    """None: flags without a ruleset."""


CASES = {
    "log": Log(expect=since(TSYNC, LOGGED)),
    "log-off-in-sibling": Log(sibling=(layer(OFF),), expect=since(TSYNC, LOGGED)),
    "log-off-in-caller": Log(caller=(layer(OFF),), expect=since(TSYNC, SILENT)),
    "log-off-in-both": Log(
        sibling=(layer(OFF),), caller=(layer(OFF),), expect=since(TSYNC, SILENT)
    ),
    "log-off-by-the-call": Log(
        enforced=layer(OFF | TSYNC),
        expect=since(OFF | TSYNC, SILENT),
        covers=(OFF, TSYNC),
    ),
    "log-off-without-ruleset": Log(
        enforced=None,
        expect=since(OFF | TSYNC, ByBug(TSYNC_WITHOUT_RULESET, before=REFUSED, after=SILENT)),
        covers=(OFF, TSYNC),
    ),
}


@vm_only
@answers("ts-log-config")
@needs(Need.AUDIT)
@covers(TSYNC)
@table(CASES)
def test_log(case: Log, process: Process, tree: Tree, judge: Judge) -> None:
    """Whether the subdomains of a sibling log is replaced by what holds for the caller."""
    with AuditLog(process) as log:
        caller = process.fork()
        sibling = caller.thread()
        sibling.restrict(*case.sibling)
        caller.restrict(*case.caller)
        if case.enforced:
            caller.restrict(case.enforced)
        else:
            caller.build(PLAIN)
            caller.enforce(NO_RULESET, OFF | TSYNC)
        sibling.restrict(Ruleset(fs=FS.READ_FILE))
        denied = sibling.observe(Process.open, tree.file, os.O_RDONLY)
        records = log.take()
    if denied.outcome == Denied("EACCES"):
        judge(case.expect, LOGGED if LANDLOCK_ACCESS in denial(records) else SILENT)
    else:
        judge(case.expect, denied)
