# SPDX-License-Identifier: MIT
"""Where two processes can be in the hierarchy of domains, and who may reach whom.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions" and "IPC scoping".
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.process import Process
from suite.ruleset import Ruleset

UNSCOPED = Ruleset(fs=FS.EXECUTE)
"""A layer that has nothing to do with scopes."""


def outwards(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    return outside.under(ruleset), outside


def inwards(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    return outside, outside.under(ruleset)


def same(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(ruleset)
    return member, member.fork()


def down(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(ruleset)
    return member, member.under(ruleset)


def up(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(ruleset)
    return member.under(ruleset), member


def siblings(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    return outside.under(ruleset), outside.under(ruleset)


def nested_siblings(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(ruleset)
    return member.under(ruleset), member.under(ruleset)


def child_forked_before(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    parent = outside.fork()
    child = parent.fork()
    parent.restrict(ruleset)
    return parent, child


def through_unscoped_outwards(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    return outside.under(ruleset, UNSCOPED), outside


def through_unscoped_up(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(ruleset)
    return member.under(UNSCOPED), member


def up_to_unscoped(outside: Process, ruleset: Ruleset) -> tuple[Process, Process]:
    member = outside.under(UNSCOPED)
    return member.under(ruleset), member


@dataclass(frozen=True, slots=True)
class Relation:
    """Two processes, made from one outside of every domain: who acts, and on whom."""

    place: Callable[[Process, Ruleset], tuple[Process, Process]]
    reaches: bool
    """Whether the second is in the domain of the first, or in one nested in it.

    For a scope, that is the innermost domain of the first which has the scope.
    """


RELATIONS = {
    "domain-to-no-domain": Relation(outwards, reaches=False),
    "no-domain-to-domain": Relation(inwards, reaches=True),
    "same-domain": Relation(same, reaches=True),
    "domain-to-nested-domain": Relation(down, reaches=True),
    "nested-domain-to-its-parent": Relation(up, reaches=False),
    "sibling-domains": Relation(siblings, reaches=False),
    "sibling-domains-in-a-domain": Relation(nested_siblings, reaches=False),
    "domain-to-child-forked-before": Relation(child_forked_before, reaches=False),
}

SCOPE_RELATIONS = RELATIONS | {
    "unscoped-in-scoped-domain-to-no-domain": Relation(through_unscoped_outwards, reaches=False),
    "unscoped-in-scoped-domain-to-its-parent": Relation(through_unscoped_up, reaches=True),
    "scoped-in-unscoped-domain-to-its-parent": Relation(up_to_unscoped, reaches=False),
}
