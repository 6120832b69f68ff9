# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION or _ERRATA: no ruleset at all.

Source: include/uapi/linux/landlock.h, LANDLOCK_CREATE_RULESET_VERSION and
LANDLOCK_CREATE_RULESET_ERRATA.
"""

from cases.syscalls.queries import QUERIES, Query, check_query
from suite.case import (
    CREATE, FS, NEWEST, Allowed, Facts, Judge, Outcome, Process, Rejected, Ruleset, Seen, answers,
    by_abi, covers, table,
)  # fmt: skip
from suite.landlock.abi import ABIS

ITS_VERSION = by_abi(Allowed, *ABIS.values())


@table(QUERIES)
def test_arguments(case: Query, process: Process, judge: Judge) -> None:
    """A query takes no attribute, no size and no other flag."""
    check_query(case, process, judge)


def as_known(version: Outcome) -> Outcome:
    """An ABI version newer than we know counts as the newest."""
    match version:
        case Allowed(int() as number):
            return Allowed(min(number, NEWEST))
        case _:
            return version


@covers(CREATE.VERSION)
@answers("sys-cr-version")
def test_version_is_no_fd(process: Process, judge: Judge) -> None:
    """The ABI version is a number, and takes no file descriptor."""
    before = process.memfd_create()
    process.close(before)
    version = process.observe(Process.create_ruleset, 0, 0, CREATE.VERSION).with_value
    leaked = process.memfd_create().value != before.value
    judge(ITS_VERSION, Seen("took a file descriptor") if leaked else as_known(version))


@covers(CREATE.VERSION)
@answers("sys-cr-version")
def test_version_in_a_domain(process: Process, judge: Judge) -> None:
    """The ABI version is told to a process in a domain too, and is the same there."""
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
    version = sandboxed.observe(Process.create_ruleset, 0, 0, CREATE.VERSION).with_value
    judge(ITS_VERSION, as_known(version))


@covers(CREATE.ERRATA)
@answers("sys-cr-errata")
def test_errata_in_a_domain(process: Process, facts: Facts, judge: Judge) -> None:
    """The errata that are fixed are told to a process in a domain too, and are the same there."""
    refused = Rejected("create_ruleset", "EINVAL")
    claimed = refused if facts.errata is None else Allowed(facts.errata)
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
    mask = sandboxed.observe(Process.create_ruleset, 0, 0, CREATE.ERRATA).with_value
    judge(by_abi(lambda _: claimed), mask)
