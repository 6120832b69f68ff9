# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS; "landlock: Add
LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS" (6887c03bf260).
"""

from collections.abc import Callable

from suite.case import (
    CAP_SYS_ADMIN, FS, LANDLOCK, MAX_LAYERS, RESTRICT, Allowed, Case, Clause, Expectation, Judge,
    Need, Outcome, Process, Rejected, Ruleset, answers, covers, needs, own_memory, since, table,
)  # fmt: skip
from suite.landlock.bugs import FLAGS_BEFORE_PRIVILEGES

pytestmark = own_memory

READ = Ruleset(fs=FS.READ_FILE)
NO_NEW_PRIVS, TSYNC = RESTRICT.NO_NEW_PRIVS, RESTRICT.TSYNC
NO_FD, UNKNOWN_FLAG = -1, 1 << 31
SET, UNSET = Allowed(1), Allowed(0)
EINVAL, EPERM = Rejected("restrict_self", "EINVAL"), Rejected("restrict_self", "EPERM")


def unprivileged(outcome: Outcome) -> Expectation:
    """What is owed to who has no privilege: before the flag was known, EPERM came first."""
    refused = Clause(
        EPERM, LANDLOCK, NO_NEW_PRIVS, absent=True, bug=FLAGS_BEFORE_PRIVILEGES, before=EINVAL
    )
    return Expectation(
        Clause(None, until=LANDLOCK, absent=True),
        refused,
        Clause(outcome, since=NO_NEW_PRIVS),
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


def bad_fd(process: Process) -> None:
    process.restrict_self(NO_FD, NO_NEW_PRIVS)


def without_ruleset(process: Process) -> None:
    process.restrict_self(NO_FD, NO_NEW_PRIVS | RESTRICT.LOG_SUBDOMAINS_OFF)


def unknown_flag(process: Process) -> None:
    process.restrict_self(process.build(READ), NO_NEW_PRIVS | UNKNOWN_FLAG)


def too_many_layers(process: Process) -> None:
    ruleset = process.build(READ)
    for _ in range(MAX_LAYERS):
        process.restrict_self(ruleset)
    process.restrict_self(ruleset, NO_NEW_PRIVS)


class Flag(Case, frozen=True, kw_only=True):
    """Who is asked for no_new_privs after a call with the flag."""

    asked: Callable[[Process], Process]


CASES = {
    "success": Flag(asked=success, expect=unprivileged(SET), answers=("sys-rs-nnpflag", "llr-24")),
    "success-with-capability": Flag(
        asked=success_with_capability,
        needs=(Need.ADMIN,),
        expect=since(NO_NEW_PRIVS, SET),
        answers="sys-rs-nnpflag-cap",
    ),
    "success-of-another-thread": Flag(
        asked=success_of_another_thread,
        expect=unprivileged(UNSET),
        answers="sys-rs-nnpflag-thread",
    ),
    "success-of-another-thread-with-tsync": Flag(
        asked=success_of_another_thread_with_tsync,
        expect=unprivileged(SET),
        answers=("sys-rs-nnpflag-tsync", "llr-24"),
    ),
}


@needs(Need.NO_NEW_PRIVS_UNSET)
@covers(NO_NEW_PRIVS)
@table(CASES)
def test_flag(case: Flag, process: Process, judge: Judge) -> None:
    """The flag sets no_new_privs of whom the ruleset gets enforced on, and of nobody else."""
    asked = case.asked(process)
    judge(case.expect, asked.observe(Process.has_no_new_privs).with_value)


class Refused(Case, frozen=True, kw_only=True):
    """A call with the flag that is refused."""

    call: Callable[[Process], None]
    kept: int = 0
    """The capabilities of the caller."""


def unprivileged_error(errno: str) -> Expectation:
    return unprivileged(Rejected("restrict_self", errno))


REFUSED = {
    "bad-fd": Refused(call=bad_fd, expect=unprivileged_error("EBADF")),
    "log-subdomains-off-without-ruleset": Refused(
        call=without_ruleset, expect=unprivileged_error("EBADF")
    ),
    "unknown-flag": Refused(call=unknown_flag, expect=unprivileged_error("EINVAL")),
    "too-many-layers": Refused(
        call=too_many_layers,
        kept=1 << CAP_SYS_ADMIN,
        needs=(Need.ADMIN,),
        expect=since(NO_NEW_PRIVS, Rejected("restrict_self", "E2BIG")),
    ),
}


@answers("sys-rs-nnpflag-atomic", "llr-24")
@needs(Need.NO_NEW_PRIVS_UNSET)
@covers(NO_NEW_PRIVS)
@table(REFUSED)
def test_refused(case: Refused, process: Process, judge: Judge) -> None:
    """A call that is refused sets nothing, whatever it is refused for."""
    process.build(READ)
    process.drop_capabilities(case.kept)
    refusal = process.observe(case.call).outcome
    after = process.observe(Process.has_no_new_privs).with_value
    judge(case.expect, after if after == SET else refusal)
