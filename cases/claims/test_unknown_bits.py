# SPDX-License-Identifier: MIT
"""Bits that the claimed ABI version does not have: the highest of each field, and all the others.

What a ruleset handles, rights, flags and kinds of rules are refused if they are unknown. What rules
on permissions name, kinds of namespaces and capabilities, is not: a kernel that does not have them
has nothing to allow.

Source: Documentation/userspace-api/landlock.rst, "Backward and forward compatibility";
security/landlock/syscalls.c.
"""

from cases.claims.unclaimed import MASKS, Mask, check_next, check_next_rule_type
from suite.case import (
    PERMISSION, RULE_CAPABILITY, RULE_NAMESPACE, Allowed, Case, Facts, Judge, Process, Ruleset,
    answers, since, table, used,
)  # fmt: skip

HIGHEST = {name.removeprefix("next-"): mask for name, mask in MASKS.items() if "quiet" not in name}


@table(HIGHEST)
def test_unknown(case: Mask, process: Process, judge: Judge) -> None:
    """An unknown bit of what is handled is refused, never ignored."""
    judge(case.expect, process.observe(case.call, 1 << (case.bits - 1)))


@table(MASKS)
def test_next(case: Mask, facts: Facts, process: Process, judge: Judge) -> None:
    """Every bit that the claimed ABI version does not have is refused."""
    check_next(case, facts, process, judge)


def test_next_rule_type(facts: Facts, process: Process, judge: Judge) -> None:
    """Every type of rules that the claimed ABI version does not have is refused."""
    check_next_rule_type(facts, process, judge)


class Member(Case, frozen=True, kw_only=True):
    """A rule on a permission that names nothing but what no kernel has."""

    permission: PERMISSION
    kind: int


def member(permission: PERMISSION, kind: int) -> Member:
    expect = since(permission, Allowed())
    return Member(permission=permission, kind=kind, covers=permission, expect=expect)


MEMBERS = {
    "unknown-namespace": member(PERMISSION.NAMESPACE_USE, RULE_NAMESPACE),
    "unknown-capability": member(PERMISSION.CAPABILITY_USE, RULE_CAPABILITY),
}


@answers("perm-unknown-members", "claim-unknown-bits-ignored")
@table(MEMBERS)
def test_unknown_member(case: Member, process: Process, judge: Judge) -> None:
    """A kind of namespaces, or a capability, that no kernel has is accepted in a rule."""
    ruleset = process.build(Ruleset(permissions=case.permission))
    rule = used(case.permission, 1 << 63)
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, rule))
