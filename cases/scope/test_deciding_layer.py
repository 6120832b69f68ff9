# SPDX-License-Identifier: MIT
"""One layer of sixteen keeps processes from others: the first one, one in the middle, or the last.

Source: Documentation/userspace-api/landlock.rst, "IPC scoping"; domain_is_scoped() in
security/landlock/task.c and unmask_scoped_access() in security/landlock/fs.c.
"""

from cases.places import PLACES, deciding
from cases.relations import UNSCOPED
from cases.scope.reaching import WAYS, Way
from suite.case import Allowed, Case, Judge, Process, Tree, since, table


class OneOf(Case, frozen=True, kw_only=True):
    """A way to reach a process outside, and the index of the layer that is about it, if any."""

    way: Way
    place: int | None


ROWS = {
    f"{name}-{place}": OneOf(
        way=way,
        place=at,
        covers=way.ruleset.features,
        answers=(f"scope-layer-{place}-decides", f"scope-layer-decides-{name}"),
        expect=since(
            UNSCOPED.features if at is None else way.ruleset.features,
            Allowed() if at is None else way.denied,
        ),
    )
    for name, way in WAYS.items()
    for place, at in PLACES.items()
}


@table(ROWS)
def test_way(case: OneOf, process: Process, tree: Tree, judge: Judge) -> None:
    """One layer is enough, wherever it is among others; with none, the other is in reach."""
    receiver = process.fork()
    case.way.prepare(receiver, tree)
    control = case.way.reach(process, receiver, tree)
    sender = process.under(*deciding(case.place, case.way.ruleset, UNSCOPED))
    judge(case.expect, case.way.reach(sender, receiver, tree), control)
