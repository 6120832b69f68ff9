# SPDX-License-Identifier: MIT
"""landlock_restrict_self(2) with -1 in the place of a ruleset.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF; "landlock: Allow
TSYNC with LOG_SUBDOMAINS_OFF and fd=-1" (e75e38055b9d).
"""

import os
from dataclasses import dataclass

from suite.abi import FS, RESTRICT
from suite.bugs import TSYNC_WITHOUT_RULESET
from suite.expectation import ByBug, Then, since
from suite.outcome import Allowed, Rejected
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import Tree

NO_RULESET = -1
OTHER_NEGATIVE = -2
BAD_FD = Rejected("restrict_self", "EBADF")
SUBDOMAINS_OFF = RESTRICT.LOG_SUBDOMAINS_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags(Case):
    """The flags, and the number in the place of a file descriptor."""

    flags: RESTRICT
    fd: int = NO_RULESET


def flags(given: RESTRICT, then: Then, fd: int = NO_RULESET) -> Flags:
    return Flags(flags=given, covers=given, fd=fd, expect=since(given, then))


CASES = {
    "log-subdomains-off": flags(SUBDOMAINS_OFF, Allowed()),
    "log-subdomains-off-and-tsync": flags(
        SUBDOMAINS_OFF | RESTRICT.TSYNC,
        ByBug(TSYNC_WITHOUT_RULESET, before=BAD_FD, after=Allowed()),
    ),
    "log-subdomains-off-with-minus-two": flags(SUBDOMAINS_OFF, BAD_FD, fd=OTHER_NEGATIVE),
    "log-subdomains-off-and-no-new-privs": flags(SUBDOMAINS_OFF | RESTRICT.NO_NEW_PRIVS, BAD_FD),
    "log-subdomains-off-and-log-new-exec-on": flags(
        SUBDOMAINS_OFF | RESTRICT.LOG_NEW_EXEC_ON, BAD_FD
    ),
    "log-same-exec-off": flags(RESTRICT.LOG_SAME_EXEC_OFF, BAD_FD),
    "log-new-exec-on": flags(RESTRICT.LOG_NEW_EXEC_ON, BAD_FD),
    "tsync": flags(RESTRICT.TSYNC, BAD_FD),
    "no-new-privs": flags(RESTRICT.NO_NEW_PRIVS, BAD_FD),
}


@table(CASES)
def test_flags(case: Flags, process: Process, judge: Judge) -> None:
    """Logging of subdomains alone can be turned off without a ruleset."""
    process.build(Ruleset(fs=FS.READ_FILE))
    process.no_new_privs()
    judge(case.expect, process.observe(Process.restrict_self, case.fd, case.flags))


@covers(SUBDOMAINS_OFF)
def test_makes_no_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """Without a ruleset nothing is restricted."""
    process.build(Ruleset(fs=FS.READ_FILE))
    process.no_new_privs()
    process.enforce(NO_RULESET, SUBDOMAINS_OFF)
    judge(since(SUBDOMAINS_OFF, Allowed()), process.observe(Process.open, tree.file, os.O_RDONLY))
