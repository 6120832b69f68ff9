# SPDX-License-Identifier: MIT
"""Who may call landlock_restrict_self(2): with no_new_privs, or CAP_SYS_ADMIN in its namespace.

Source: Documentation/userspace-api/landlock.rst, "Enforcing a ruleset"; "landlock: Check
landlock_restrict_self(2)'s flags before privileges" (c2fe8b60b8e4).
"""

from collections.abc import Callable

from suite.case import (
    CAP_SYS_ADMIN, CLONE_NEWUSER, FS, RESTRICT, Allowed, ByBug, Case, Judge, Need, Process,
    Rejected, Ruleset, answers, by_abi, needs, own_memory, since, table,
)  # fmt: skip
from suite.landlock.bugs import FLAGS_BEFORE_PRIVILEGES
from suite.landlock.changes import FLAGS_FIRST

READ = Ruleset(fs=FS.READ_FILE)
EINVAL, EPERM = Rejected("restrict_self", "EINVAL"), Rejected("restrict_self", "EPERM")
REFUSED = by_abi(lambda _: EPERM)
ENFORCED = since(FS.READ_FILE, Allowed())
EPERM_FIRST = ByBug(FLAGS_BEFORE_PRIVILEGES, before=EINVAL, after=EPERM)
"""Where the kernel does not know a flag either."""
UNKNOWN_FLAG = 1 << 31
UNSET = (Need.NO_NEW_PRIVS_UNSET,)
NO_RULESET = -1
STDIN = 0
"""A file descriptor, not a ruleset's."""


def neither(process: Process) -> None:
    process.drop_capabilities()


def no_new_privs(process: Process) -> None:
    process.drop_capabilities()
    process.no_new_privs()


def capability(process: Process) -> None:
    process.drop_capabilities(kept=1 << CAP_SYS_ADMIN)


def capability_in_own_namespace(process: Process) -> None:
    process.drop_capabilities()
    process.unshare(CLONE_NEWUSER)


def no_new_privs_of_another_thread(process: Process) -> None:
    process.drop_capabilities()
    process.thread().no_new_privs()


class Caller(Case, frozen=True, kw_only=True):
    """What the caller has, and the flags that it gives."""

    prepare: Callable[[Process], None]
    flags: int = 0
    fd: int | None = None
    """Instead of a ruleset's."""


CASES = {
    "neither": Caller(
        prepare=neither,
        needs=UNSET,
        expect=REFUSED,
        answers=("sys-rs-eperm", "sys-rs-order-lt11", "sys-rs-order-ge11"),
    ),
    "no-new-privs": Caller(prepare=no_new_privs, expect=ENFORCED, answers="sys-rs-nnp-ok"),
    "cap-sys-admin": Caller(
        prepare=capability, needs=(Need.ADMIN,), expect=ENFORCED, answers="sys-rs-cap-ok"
    ),
    "cap-sys-admin-in-own-user-namespace": Caller(
        prepare=capability_in_own_namespace,
        needs=(Need.USER_NAMESPACES,),
        expect=ENFORCED,
        answers="sys-rs-userns-cap",
    ),
    "no-new-privs-of-another-thread": Caller(
        prepare=no_new_privs_of_another_thread,
        needs=UNSET,
        expect=REFUSED,
        answers="sys-rs-nnp-per-thread",
    ),
    "neither-comes-before-bad-fd": Caller(
        prepare=neither,
        needs=UNSET,
        fd=NO_RULESET,
        expect=REFUSED,
        answers=("sys-rs-order-lt11", "sys-rs-order-ge11"),
    ),
    "neither-comes-before-other-file": Caller(
        prepare=neither,
        needs=UNSET,
        fd=STDIN,
        expect=REFUSED,
        answers=("sys-rs-order-lt11", "sys-rs-order-ge11"),
    ),
    "neither-and-unknown-flag": Caller(
        prepare=neither,
        needs=UNSET,
        flags=UNKNOWN_FLAG,
        expect=since(FS.READ_FILE, EPERM_FIRST, (FLAGS_FIRST, EINVAL)),
        answers=("sys-rs-order-lt11", "sys-rs-order-ge11", "sys-rs-order-abi1", "llr-22", "llr-23"),
    ),
    "neither-and-unknown-flag-and-bad-fd": Caller(
        prepare=neither,
        needs=UNSET,
        flags=UNKNOWN_FLAG,
        fd=NO_RULESET,
        expect=since(FS.READ_FILE, EPERM_FIRST, (FLAGS_FIRST, EINVAL)),
        answers=("sys-rs-order-lt11", "sys-rs-order-ge11", "sys-rs-order-abi1", "llr-22", "llr-23"),
    ),
    "neither-to-log-no-subdomains": Caller(
        prepare=neither,
        needs=UNSET,
        flags=RESTRICT.LOG_SUBDOMAINS_OFF,
        fd=NO_RULESET,
        expect=since(FS.READ_FILE, EPERM_FIRST),
        answers="sys-rs-m1-sub-nopriv",
    ),
}


@table(CASES)
@own_memory
def test_caller(case: Caller, process: Process, judge: Judge) -> None:
    """landlock_restrict_self(2) wants no_new_privs or CAP_SYS_ADMIN, and asks before the fd."""
    built = process.build(READ)
    ruleset = built if case.fd is None else case.fd
    case.prepare(process)
    judge(case.expect, process.observe(Process.restrict_self, ruleset, case.flags))


@answers("sys-rs-cap-ok")
@needs(Need.ADMIN, *UNSET)
def test_capability_alone(process: Process, judge: Judge) -> None:
    """Who enforces a ruleset by capability does not get no_new_privs."""
    process.drop_capabilities(kept=1 << CAP_SYS_ADMIN)
    process.enforce(process.build(READ))
    judge(since(FS.READ_FILE, Allowed(0)), process.observe(Process.has_no_new_privs).with_value)


def test_building_a_ruleset(process: Process, judge: Judge) -> None:
    """landlock_create_ruleset(2) and landlock_add_rule(2) need no privilege."""
    process.drop_capabilities()
    judge(ENFORCED, process.observe(Process.build, READ.allow("/", FS.READ_FILE)))
