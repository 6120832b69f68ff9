# SPDX-License-Identifier: MIT
"""Who may call landlock_restrict_self(2): with no_new_privs, or CAP_SYS_ADMIN in its namespace.

Source: Documentation/userspace-api/landlock.rst, "Enforcing a ruleset"; "landlock: Check
landlock_restrict_self(2)'s flags before privileges" (c2fe8b60b8e4).
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, RESTRICT
from suite.bugs import FLAGS_BEFORE_PRIVILEGES
from suite.calls.tasks import CAP_SYS_ADMIN
from suite.expectation import ByBug, by_abi, since
from suite.needs import Need
from suite.outcome import Allowed, Rejected
from suite.process import CLONE_NEWUSER, Process
from suite.rows import Case, Judge, table
from suite.ruleset import Ruleset

READ = Ruleset(fs=FS.READ_FILE)
REFUSED = by_abi(lambda _: Rejected("restrict_self", "EPERM"))
ENFORCED = since(FS.READ_FILE, Allowed())
FLAGS_FIRST_SINCE = RESTRICT.NO_NEW_PRIVS.since


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Case):
    """What the caller has, and the flags that it gives."""

    prepare: Callable[[Process], None]
    flags: int = 0
    fd: int | None = None
    """Instead of a ruleset's."""


CASES = {
    "neither": Caller(prepare=neither, expect=REFUSED),
    "no-new-privs": Caller(prepare=no_new_privs, expect=ENFORCED),
    "cap-sys-admin": Caller(prepare=capability, needs=(Need.ADMIN,), expect=ENFORCED),
    "cap-sys-admin-in-own-user-namespace": Caller(
        prepare=capability_in_own_namespace, needs=(Need.USER_NAMESPACES,), expect=ENFORCED
    ),
    "no-new-privs-of-another-thread": Caller(
        prepare=no_new_privs_of_another_thread, expect=REFUSED
    ),
    "neither-comes-before-bad-fd": Caller(prepare=neither, fd=-1, expect=REFUSED),
    "neither-and-unknown-flag": Caller(
        prepare=neither,
        flags=1 << 31,
        expect=since(
            FS.READ_FILE,
            ByBug(
                FLAGS_BEFORE_PRIVILEGES,
                before=Rejected("restrict_self", "EINVAL"),
                after=Rejected("restrict_self", "EPERM"),
            ),
            (FLAGS_FIRST_SINCE, Rejected("restrict_self", "EINVAL")),
        ),
    ),
}


@table(CASES)
def test_caller(case: Caller, process: Process, judge: Judge) -> None:
    """landlock_restrict_self(2) wants no_new_privs or CAP_SYS_ADMIN, and asks before the fd."""
    built = process.build(READ)
    ruleset = built if case.fd is None else case.fd
    case.prepare(process)
    judge(case.expect, process.observe(Process.restrict_self, ruleset, case.flags))


def test_building_a_ruleset(process: Process, judge: Judge) -> None:
    """landlock_create_ruleset(2) and landlock_add_rule(2) need no privilege."""
    process.drop_capabilities()
    judge(ENFORCED, process.observe(Process.build, READ.allow("/", FS.READ_FILE)))
