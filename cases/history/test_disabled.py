# SPDX-License-Identifier: MIT
"""A kernel that has Landlock, but was booted without it (lsm=).

Source: "landlock: Warn once if a Landlock action is requested while disabled" (782191c74875):
is_initialized() in security/landlock/syscalls.c.
"""

from suite.case import (
    CREATE, LANDLOCK, Allowed, Clause, Expectation, Judge, Out, Process, Rejected, Seen, answers,
    vm_only,
)  # fmt: skip
from suite.landlock.bugs import DISABLED_SILENTLY

SYSLOG_ACTION_READ_ALL, SIZE = 3, 1 << 18
WARNING = b"Disabled but requested by user space."
EXPECT = Expectation(
    Clause(None, until=LANDLOCK, absent=True, bug=DISABLED_SILENTLY, before=Seen("0 warnings")),
    Clause(Seen("0 warnings"), since=LANDLOCK),
)


@vm_only
@answers("llr-27")
def test_warning(process: Process, judge: Judge) -> None:
    """The kernel says once in its log that Landlock was asked for and is disabled."""
    for _ in range(2):
        outcome = process.observe(Process.create_ruleset, 0, 0, CREATE.VERSION).outcome
    log = process.syscall("syslog", SYSLOG_ACTION_READ_ALL, Out(SIZE), SIZE).data
    warnings = log.count(WARNING)
    disabled = outcome == Rejected("create_ruleset", "EOPNOTSUPP")
    if outcome == Allowed() or (disabled and warnings != 1):
        outcome = Seen(f"{warnings} warnings")
    judge(EXPECT, outcome)
