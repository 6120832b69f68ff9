# SPDX-License-Identifier: MIT
"""Where two processes can be in the hierarchy of domains, and who may reach whom.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions" and "IPC scoping".
"""

from collections.abc import Callable
from dataclasses import dataclass

from suite.process import Process
from suite.ruleset import Ruleset


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


@dataclass(frozen=True, slots=True)
class Relation:
    """Two processes, made from one outside of every domain: who acts, and on whom."""

    place: Callable[[Process, Ruleset], tuple[Process, Process]]
    reaches: bool
    """Whether the second is in the domain of the first, or in one nested in it."""


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
