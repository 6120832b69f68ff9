# SPDX-License-Identifier: MIT
"""landlock_restrict_self(2) with a ruleset, and flags.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_*; the system call's description in
security/landlock/syscalls.c.
"""

from suite.case import (
    FS, RESTRICT, Allowed, Case, Judge, Need, Process, Rejected, Ruleset, by_abi, since, table,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
ALL = RESTRICT(sum(RESTRICT))
LOG_FLAGS = RESTRICT.LOG_SAME_EXEC_OFF | RESTRICT.LOG_NEW_EXEC_ON | RESTRICT.LOG_SUBDOMAINS_OFF
UNKNOWN = 1 << 31


class Flags(Case, frozen=True, kw_only=True):
    """Flags that are given with a ruleset."""

    flags: int


def flags(given: RESTRICT, *answers: str, needs: tuple[Need, ...] = ()) -> Flags:
    expect = since(given, Allowed())
    return Flags(flags=given, covers=given, needs=needs, expect=expect, answers=answers)


CASES = {
    "no-flag": Flags(flags=0, expect=since(FS.READ_FILE, Allowed())),
    "log-same-exec-off": flags(RESTRICT.LOG_SAME_EXEC_OFF, "sys-rs-flags-abi"),
    "log-new-exec-on": flags(RESTRICT.LOG_NEW_EXEC_ON, "sys-rs-flags-abi"),
    "log-subdomains-off": flags(RESTRICT.LOG_SUBDOMAINS_OFF, "sys-rs-flags-abi"),
    "tsync": flags(RESTRICT.TSYNC, "sys-rs-flags-abi"),
    "no-new-privs": flags(RESTRICT.NO_NEW_PRIVS, "sys-rs-flags-abi"),
    "all-flags": flags(ALL, "sys-rs-all-flags"),
    "unknown-flag": Flags(
        flags=UNKNOWN,
        expect=by_abi(lambda _: Rejected("restrict_self", "EINVAL")),
        answers="sys-rs-flags-abi",
    ),
    "log-flags-without-audit": flags(LOG_FLAGS, "sys-rs-log-flags-noaudit", needs=(Need.NO_AUDIT,)),
}


@table(CASES)
def test_flags(case: Flags, process: Process, judge: Judge) -> None:
    """Each flag, and all of them, can be given with a ruleset from its ABI version on."""
    ruleset = process.build(READ)
    process.no_new_privs()
    judge(case.expect, process.observe(Process.restrict_self, ruleset, case.flags))
