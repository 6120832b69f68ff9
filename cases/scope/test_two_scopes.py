# SPDX-License-Identifier: MIT
"""Two scopes of different kinds in different layers: each counts by itself.

Source: Documentation/userspace-api/landlock.rst, "IPC scoping"; domain_is_scoped() in
security/landlock/task.c, which looks for the innermost layer that has the scope in question.
"""

from collections.abc import Mapping

from cases.relations import SCOPE_RELATIONS, Relation
from cases.scope.reaching import ABSTRACT, SIGNAL, WAYS, Way
from suite.case import Allowed, Case, Judge, Process, Ruleset, Tree, since_layers, table


class Between(Case, frozen=True, kw_only=True):
    """A way to reach the other process, where the two are, and the other scope."""

    way: Way
    relation: Relation
    other: Ruleset


def between(way: Way, relation: Relation, other: Ruleset) -> Between:
    layers: Mapping[str, Ruleset] = {"S": way.ruleset, "U": other}
    names = relation.both + relation.first + relation.second
    return Between(
        way=way,
        relation=relation,
        other=other,
        covers=(*way.ruleset.features, *other.features),
        answers="scope-two-kinds",
        expect=since_layers(
            [layers[name].features for name in names],
            Allowed() if relation.reaches else way.denied,
        ),
    )


ROWS = {
    f"{name}-{where}": between(way, relation, ABSTRACT if way.ruleset is SIGNAL else SIGNAL)
    for name, way in WAYS.items()
    for where, relation in SCOPE_RELATIONS.items()
    if "U" in relation.both + relation.first + relation.second
}


@table(ROWS)
def test_relation(case: Between, process: Process, tree: Tree, judge: Judge) -> None:
    """A layer with another scope is as good as none, wherever the two processes are."""
    outside, twin = process.fork(), tree.twin()
    case.way.prepare(outside, twin)
    control = case.way.reach(process, outside, twin)
    sender, receiver = case.relation.pair(process.fork(), case.way.ruleset, case.other)
    case.way.prepare(receiver, tree)
    judge(case.expect, case.way.reach(sender, receiver, tree), control)
