# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS; "landlock: Add
LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS" (6887c03bf260).
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, MAX_LAYERS, RESTRICT
from suite.expectation import Clause, Expectation, since
from suite.needs import Need
from suite.outcome import Allowed, Outcome, Rejected
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset

READ = Ruleset(fs=FS.READ_FILE)
NO_NEW_PRIVS, TSYNC = RESTRICT.NO_NEW_PRIVS, RESTRICT.TSYNC
NO_FD, UNKNOWN_FLAG = -1, 1 << 31
SET, UNSET = Allowed(1), Allowed(0)


def unprivileged(outcome: Outcome) -> Expectation:
    """What is owed to who has no privilege: before the flag was known, EPERM came first."""
    known_from = NO_NEW_PRIVS.since
    return Expectation(
        Clause(None, until=1, absent=True),
        Clause(Rejected("restrict_self", "EPERM"), since=1, until=known_from, absent=True),
        Clause(outcome, since=known_from),
    )


def success(process: Process) -> Process:
    process.drop_capabilities()
    process.enforce(process.build(READ), NO_NEW_PRIVS)
    return process


def success_with_capability(process: Process) -> Process:
    process.enforce(process.build(READ), NO_NEW_PRIVS)
    return process


def success_of_another_thread(process: Process) -> Process:
    process.drop_capabilities()
    success(process.thread())
    return process


def success_of_another_thread_with_tsync(process: Process) -> Process:
    process.drop_capabilities()
    thread = process.thread()
    thread.enforce(thread.build(READ), NO_NEW_PRIVS | TSYNC)
    return process


def bad_fd(process: Process) -> Process:
    process.build(READ)
    process.observe(Process.restrict_self, NO_FD, NO_NEW_PRIVS)
    return process


def unknown_flag(process: Process) -> Process:
    process.observe(Process.restrict_self, process.build(READ), NO_NEW_PRIVS | UNKNOWN_FLAG)
    return process


def too_many_layers(process: Process) -> Process:
    ruleset = process.build(READ)
    for _ in range(MAX_LAYERS):
        process.enforce(ruleset)
    process.observe(Process.restrict_self, ruleset, NO_NEW_PRIVS)
    return process


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Case):
    """Who is asked for no_new_privs after a call with the flag."""

    asked: Callable[[Process], Process]


CASES = {
    "success": Flag(asked=success, expect=unprivileged(SET)),
    "success-with-capability": Flag(
        asked=success_with_capability, needs=(Need.ADMIN,), expect=since(NO_NEW_PRIVS, SET)
    ),
    "success-of-another-thread": Flag(asked=success_of_another_thread, expect=unprivileged(UNSET)),
    "success-of-another-thread-with-tsync": Flag(
        asked=success_of_another_thread_with_tsync, expect=unprivileged(SET)
    ),
    "bad-fd": Flag(asked=bad_fd, expect=since(READ.fs, UNSET)),
    "unknown-flag": Flag(asked=unknown_flag, expect=since(READ.fs, UNSET)),
    "too-many-layers": Flag(
        asked=too_many_layers, needs=(Need.ADMIN,), expect=since(READ.fs, UNSET)
    ),
}


@covers(NO_NEW_PRIVS)
@table(CASES)
def test_flag(case: Flag, process: Process, judge: Judge) -> None:
    """The flag sets no_new_privs if, and only if, the ruleset gets enforced."""
    asked = case.asked(process)
    judge(case.expect, asked.observe(Process.has_no_new_privs).with_value)
