# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION or _ERRATA: no ruleset at all.

Source: include/uapi/linux/landlock.h, LANDLOCK_CREATE_RULESET_VERSION and
LANDLOCK_CREATE_RULESET_ERRATA.
"""

import struct
from dataclasses import dataclass

from suite.case import (
    CREATE, FS, NEWEST, Allowed, Case, Judge, Outcome, Process, Rejected, Ruleset, Seen, answers,
    by_abi, covers, table,
)  # fmt: skip

ATTR = struct.pack("<Q", FS.READ_FILE)
INVALID = by_abi(lambda _: Rejected("create_ruleset", "EINVAL"))
ITS_VERSION = by_abi(Allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Case):
    """The arguments of a query."""

    attr: int | bytes = 0
    size: int = 0
    flags: int


def query(flags: int, *answers: str, attr: int | bytes = 0, size: int = 0) -> Query:
    return Query(
        attr=attr,
        size=size,
        flags=flags,
        covers=CREATE(flags & (CREATE.VERSION | CREATE.ERRATA)),
        expect=INVALID,
        answers=answers,
    )


CASES = {
    "version-with-attr": query(CREATE.VERSION, "sys-cr-version-attr", attr=ATTR),
    "version-with-size": query(CREATE.VERSION, "sys-cr-version-attr", size=8),
    "version-with-attr-and-size": query(CREATE.VERSION, "sys-cr-version-attr", attr=ATTR, size=8),
    "version-with-bad-pointer": query(CREATE.VERSION, "sys-cr-version-attr", attr=1),
    "errata-with-attr": query(CREATE.ERRATA, "sys-cr-errata-attr", "llr-26", attr=ATTR),
    "errata-with-size": query(CREATE.ERRATA, "sys-cr-errata-attr", "llr-26", size=8),
    "errata-with-attr-and-size": query(
        CREATE.ERRATA, "sys-cr-errata-attr", "llr-26", attr=ATTR, size=8
    ),
    "errata-with-bad-pointer": query(CREATE.ERRATA, "sys-cr-errata-attr", "llr-26", attr=1),
    "version-and-errata": query(CREATE.VERSION | CREATE.ERRATA, "sys-cr-flags-combo", "llr-26"),
    "version-and-unknown": query(CREATE.VERSION | 1 << 31, "sys-cr-flags-combo"),
}


@table(CASES)
def test_arguments(case: Query, process: Process, judge: Judge) -> None:
    """A query takes no attribute, no size and no other flag."""
    observed = process.observe(Process.create_ruleset, case.attr, case.size, case.flags)
    judge(case.expect, observed)


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
