# SPDX-License-Identifier: MIT
"""Bits that the claimed ABI version does not have: the highest of each field, and all the others.

Source: Documentation/userspace-api/landlock.rst, "Backward and forward compatibility";
security/landlock/syscalls.c.
"""

from cases.claims.unclaimed import MASKS, Mask, check_next, check_next_rule_type
from suite.case import Facts, Judge, Process, table

HIGHEST = {name.removeprefix("next-"): mask for name, mask in MASKS.items() if "quiet" not in name}


@table(HIGHEST)
def test_unknown(case: Mask, process: Process, judge: Judge) -> None:
    """An unknown bit is refused, never ignored."""
    judge(case.expect, process.observe(case.call, 1 << (case.bits - 1)))


@table(MASKS)
def test_next(case: Mask, facts: Facts, process: Process, judge: Judge) -> None:
    """Every bit that the claimed ABI version does not have is refused."""
    check_next(case, facts, process, judge)


def test_next_rule_type(facts: Facts, process: Process, judge: Judge) -> None:
    """Every type of rules that the claimed ABI version does not have is refused."""
    check_next_rule_type(facts, process, judge)
