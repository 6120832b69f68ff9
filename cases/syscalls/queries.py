# SPDX-License-Identifier: MIT
"""Queries of landlock_create_ruleset(2) that are malformed."""

from suite.packed import packed
from suite.case import CREATE, FS, Case, Judge, Process, Rejected, by_abi

ATTR = packed("Q", FS.READ_FILE)
INVALID = by_abi(lambda _: Rejected("create_ruleset", "EINVAL"))


class Query(Case, frozen=True, kw_only=True):
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


QUERIES = {
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


def check_query(case: Query, process: Process, judge: Judge) -> None:
    """What the kernel says to it."""
    observed = process.observe(Process.create_ruleset, case.attr, case.size, case.flags)
    judge(case.expect, observed)
