# SPDX-License-Identifier: MIT
"""The domain that the record of a denial names, by what is denied and which layers deny it.

Source: security/landlock/log.c, landlock_log_denial(), get_denied_layer(),
get_layer_from_deny_masks() and get_hierarchy(); Documentation/admin-guide/LSM/landlock.rst.
"""

from collections.abc import Sequence

from cases.audit.denials import Denial
from cases.audit.deniers import NAMES, Deniers, rows
from cases.audit.logs import NO_RECORD, creators, logged_layers, says
from suite.case import (
    AuditLog, Denied, Expectation, Feature, Judge, Need, Process, Seen, Tree, needs, table, vm_only,
)  # fmt: skip


def owed(denial: Denial, features: Sequence[Sequence[Feature]], named: int) -> Expectation:
    return logged_layers(features, says(*[f"{NAMES[named]} {denial.blocker}"] * denial.objects))


@vm_only
@needs(Need.AUDIT)
@table(rows("aud-denier", owed))
def test_denier(case: Deniers, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """A denial is that of the innermost layer which denies, and so named with what lacks there."""
    denial = case.denial
    control = denial.control(process, tree.twin(), port + 1)
    scene = denial.begin(process, tree, port)
    with AuditLog(process) as log:
        makers = case.enter(scene)
        denied = denial.attempt(makers[-1], scene)
        records = log.take()
        pids = [maker.getpid() for maker in makers]
    outcome = denied.outcome
    if outcome == Denied(denial.errno):
        names = {str(pid.value): name for pid, name in zip(pids, NAMES, strict=False)}
        told = (f"{names[maker]} {blockers}" for maker, blockers in creators(records))
        outcome = Seen(" + ".join(told) or NO_RECORD)
    judge(case.expect, outcome, control)
