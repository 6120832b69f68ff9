# SPDX-License-Identifier: MIT
"""landlock_restrict_self(2) with -1 in the place of a ruleset.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF; "landlock: Allow
TSYNC with LOG_SUBDOMAINS_OFF and fd=-1" (e75e38055b9d).
"""

import os

from suite.case import (
    FS, RESTRICT, Allowed, ByBug, Case, Judge, Outcome, Process, Rejected, Ruleset, Seen, Tree,
    answers, by_abi, covers, since, table,
)  # fmt: skip
from suite.judge.expectation import Then
from suite.landlock.bugs import TSYNC_WITHOUT_RULESET

NO_RULESET = -1
OTHER_NEGATIVE = -2
BAD_FD = Rejected("restrict_self", "EBADF")
BAD_FLAG = Rejected("restrict_self", "EINVAL")
SUBDOMAINS_OFF = RESTRICT.LOG_SUBDOMAINS_OFF
ALL = RESTRICT(sum(RESTRICT))


class Flags(Case, frozen=True, kw_only=True):
    """The flags, and the number in the place of a file descriptor."""

    flags: RESTRICT
    fd: int = NO_RULESET


def flags(given: RESTRICT, then: Then, *shows: str, fd: int = NO_RULESET) -> Flags:
    expect = since(given, then)
    return Flags(flags=given, covers=given, fd=fd, expect=expect, answers=shows)


CASES = {
    "log-subdomains-off": flags(SUBDOMAINS_OFF, Allowed(), "sys-rs-m1-sub"),
    "log-subdomains-off-and-tsync": flags(
        SUBDOMAINS_OFF | RESTRICT.TSYNC,
        ByBug(TSYNC_WITHOUT_RULESET, before=BAD_FD, after=Allowed()),
        "sys-rs-m1-tsync",
        "llr-28",
    ),
    "log-subdomains-off-with-minus-two": flags(
        SUBDOMAINS_OFF, BAD_FD, "sys-rs-m2-sub", fd=OTHER_NEGATIVE
    ),
    "log-subdomains-off-and-no-new-privs": flags(
        SUBDOMAINS_OFF | RESTRICT.NO_NEW_PRIVS, BAD_FD, "sys-rs-m1-others"
    ),
    "log-subdomains-off-and-log-new-exec-on": flags(
        SUBDOMAINS_OFF | RESTRICT.LOG_NEW_EXEC_ON, BAD_FD, "sys-rs-m1-others"
    ),
    "log-same-exec-off": flags(RESTRICT.LOG_SAME_EXEC_OFF, BAD_FD, "sys-rs-m1-others"),
    "log-new-exec-on": flags(RESTRICT.LOG_NEW_EXEC_ON, BAD_FD, "sys-rs-m1-others"),
    "tsync": flags(RESTRICT.TSYNC, BAD_FD, "sys-rs-m1-others"),
    "no-new-privs": flags(RESTRICT.NO_NEW_PRIVS, BAD_FD, "sys-rs-m1-others"),
}


@table(CASES)
def test_flags(case: Flags, process: Process, judge: Judge) -> None:
    """Logging of subdomains alone can be turned off without a ruleset."""
    process.build(Ruleset(fs=FS.READ_FILE))
    process.no_new_privs()
    judge(case.expect, process.observe(Process.restrict_self, case.fd, case.flags))


OTHERS = [
    flags
    for flags in map(RESTRICT, range(int(ALL) + 1))
    if flags not in (SUBDOMAINS_OFF, SUBDOMAINS_OFF | RESTRICT.TSYNC)
]


def unknown(abi: int) -> Outcome:
    return Seen(" ".join(f"{flags:#x}" for flags in OTHERS if flags.since > abi) or "none")


@answers("sys-rs-m1-others", "llr-28")
@covers(ALL)
def test_other_flags(process: Process, judge: Judge) -> None:
    """Every other flags want a ruleset, once they are known."""
    process.build(Ruleset(fs=FS.READ_FILE))
    process.no_new_privs()
    seen = [process.observe(Process.restrict_self, NO_RULESET, flags) for flags in OTHERS]
    outcomes = dict(zip(OTHERS, (observation.outcome for observation in seen), strict=True))
    odd = [outcome for outcome in outcomes.values() if outcome not in (BAD_FD, BAD_FLAG)]
    invalid = [f"{flags:#x}" for flags, outcome in outcomes.items() if outcome == BAD_FLAG]
    judge(by_abi(unknown, *RESTRICT), odd[0] if odd else Seen(" ".join(invalid) or "none"))


@answers("sys-rs-m1-sub")
@covers(SUBDOMAINS_OFF)
def test_makes_no_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """Without a ruleset nothing is restricted."""
    process.build(Ruleset(fs=FS.READ_FILE))
    process.no_new_privs()
    process.enforce(NO_RULESET, SUBDOMAINS_OFF)
    judge(since(SUBDOMAINS_OFF, Allowed()), process.observe(Process.open, tree.file, os.O_RDONLY))
