# SPDX-License-Identifier: MIT
"""Where two processes can be in the hierarchy of domains, and who may reach whom.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions" and "IPC scoping";
domain_is_scoped() in security/landlock/task.c.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from suite.case import FS, Case, Expectation, Process, Ruleset

UNSCOPED = Ruleset(fs=FS.EXECUTE)
"""A layer that has nothing to do with scopes."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Two processes, the first of which acts on the second, by their layers, the oldest first.

    In layers, S stands for the ruleset that a case is about, and U for one without a scope.
    """

    both: str
    first: str
    second: str
    """The layers that both have in common, then those that each enforced by itself."""
    reaches: bool
    """Whether the second is in the domain of the first, or in one nested in it.

    For a scope, that is the innermost domain of the first which has the scope.
    """
    child: bool = False
    """The second is a child of the first, and not its parent.

    Both were there before they enforced what is theirs alone.
    """

    def pair(
        self, parent: Process, ruleset: Ruleset, unscoped: Ruleset = UNSCOPED
    ) -> tuple[Process, Process]:
        """Make the two of a process outside of every domain, which may enter some, and a child."""
        layers = {"S": ruleset, "U": unscoped}

        def enforce(process: Process, names: str) -> None:
            if names:
                process.restrict(*(layers[name] for name in names))

        enforce(parent, self.both)
        child = parent.fork()
        if self.child:
            enforce(child, self.second)
            enforce(parent, self.first)
            return parent, child
        enforce(child, self.first)
        enforce(parent, self.second)
        return child, parent


RELATIONS = {
    # who is where: both, first, second
    "domain-to-no-domain": Relation("", "S", "", reaches=False),
    "no-domain-to-domain": Relation("", "", "S", reaches=True),
    "same-domain": Relation("S", "", "", reaches=True),
    "same-nested-domain": Relation("SS", "", "", reaches=True),
    "domain-to-nested-domain": Relation("S", "", "S", reaches=True),
    "domain-to-twice-nested-domain": Relation("S", "", "SS", reaches=True),
    "nested-domain-to-its-parent": Relation("S", "S", "", reaches=False),
    "twice-nested-domain-to-its-grandparent": Relation("S", "SS", "", reaches=False),
    "sibling-domains": Relation("", "S", "S", reaches=False),
    "sibling-domains-in-a-domain": Relation("S", "S", "S", reaches=False),
    "domain-to-one-nested-in-its-sibling": Relation("S", "S", "SS", reaches=False),
    "nested-domain-to-a-sibling-of-its-parent": Relation("S", "SS", "S", reaches=False),
    "domain-to-child-forked-before": Relation("", "S", "", reaches=False, child=True),
}

SCOPE_RELATIONS = RELATIONS | {
    "unscoped-in-scoped-domain-to-no-domain": Relation("", "SU", "", reaches=False),
    "unscoped-in-scoped-domain-to-its-parent": Relation("S", "U", "", reaches=True),
    "scoped-in-unscoped-domain-to-its-parent": Relation("U", "S", "", reaches=False),
    "scoped-in-unscoped-in-scoped-domain-to-the-outer": Relation("S", "US", "", reaches=False),
    "unscoped-domain-to-scoped-sibling": Relation("", "U", "S", reaches=True),
    "unscoped-siblings-in-a-domain": Relation("S", "U", "S", reaches=True),
    "scoped-domain-to-unscoped-sibling": Relation("S", "S", "U", reaches=False),
}


class Between(Case, frozen=True, kw_only=True):
    """An action of one process on another one."""

    relation: Relation


def between(
    relations: Mapping[str, Relation],
    allowed: Expectation,
    denied: Expectation,
    answers: Mapping[str, str] | None = None,
) -> dict[str, Between]:
    """A row a relation; some of them answer a behaviour."""
    return {
        name: Between(
            relation=relation,
            answers=(answers or {}).get(name, ()),
            expect=allowed if relation.reaches else denied,
        )
        for name, relation in relations.items()
    }
