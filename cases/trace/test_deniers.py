# SPDX-License-Identifier: MIT
"""The domain that the event of a denial names, by what is denied and which layers deny it.

Source: security/landlock/log.c, landlock_log_denial(), get_denied_layer(),
get_layer_from_deny_masks() and get_hierarchy(); security/landlock/trace.c.
"""

from collections.abc import Sequence

from cases.audit.denials import Denial
from cases.audit.deniers import Deniers, rows
from cases.trace.traces import NOTHING
from suite.case import (
    Denied, Expectation, Feature, Judge, Need, Process, Seen, Trace, Tree, needs, since_layers,
    table, vm_only,
)  # fmt: skip


def owed(denial: Denial, features: Sequence[Sequence[Feature]], named: int) -> Expectation:
    event = f"{denial.event} D{named + 1} {blockers(denial)}".strip()
    return since_layers(features, Seen(" + ".join([event] * denial.objects)))


def blockers(denial: Denial) -> str:
    """As the event has them: without their prefix, and not at all where its name says enough."""
    if denial.event.startswith("deny_access"):
        return denial.blocker.partition(".")[2]
    return ""


@vm_only
@needs(Need.TRACEPOINTS)
@table(rows("trc-denier", owed))
def test_denier(case: Deniers, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """A denial is that of the innermost layer which denies, and so named with what lacks there."""
    denial = case.denial
    control = denial.control(process, tree.twin(), port + 1)
    scene = denial.begin(process, tree, port)
    with Trace(process, denial.event) as trace:
        denied = denial.attempt(case.enter(scene)[-1], scene)
        events = trace.take()
    outcome = denied.outcome
    if outcome == Denied(denial.errno):
        told = (
            f"{it.name} {it.fields['domain']} {it.fields.get('blockers', '')}".strip()
            for it in events
        )
        outcome = Seen(" + ".join(told) or NOTHING)
    judge(case.expect, outcome, control)
