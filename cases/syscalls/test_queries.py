# SPDX-License-Identifier: MIT
"""landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION or _ERRATA: no ruleset at all.

Source: include/uapi/linux/landlock.h, LANDLOCK_CREATE_RULESET_VERSION and
LANDLOCK_CREATE_RULESET_ERRATA.
"""

import struct
from dataclasses import dataclass

from suite.abi import CREATE, FS, NEWEST
from suite.expectation import by_abi
from suite.outcome import Allowed, Outcome, Rejected
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset

ATTR = struct.pack("<Q", FS.READ_FILE)
INVALID = by_abi(lambda _: Rejected("create_ruleset", "EINVAL"))
ITS_VERSION = by_abi(Allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Case):
    """The arguments of a query."""

    attr: int | bytes = 0
    size: int = 0
    flags: int


CASES = {
    "version-with-attr": Query(attr=ATTR, flags=CREATE.VERSION, expect=INVALID),
    "version-with-size": Query(size=8, flags=CREATE.VERSION, expect=INVALID),
    "version-with-attr-and-size": Query(attr=ATTR, size=8, flags=CREATE.VERSION, expect=INVALID),
    "version-with-bad-pointer": Query(attr=1, flags=CREATE.VERSION, expect=INVALID),
    "errata-with-attr": Query(attr=ATTR, flags=CREATE.ERRATA, expect=INVALID),
    "errata-with-size": Query(size=8, flags=CREATE.ERRATA, expect=INVALID),
    "version-and-errata": Query(flags=CREATE.VERSION | CREATE.ERRATA, expect=INVALID),
    "version-and-unknown": Query(flags=CREATE.VERSION | 1 << 31, expect=INVALID),
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
def test_version_in_a_domain(process: Process, judge: Judge) -> None:
    """The ABI version is told to a process in a domain too, and is the same there."""
    sandboxed = process.under(Ruleset(fs=FS.READ_FILE))
    version = sandboxed.observe(Process.create_ruleset, 0, 0, CREATE.VERSION).with_value
    judge(ITS_VERSION, as_known(version))
