# SPDX-License-Identifier: MIT
"""When a run fails: its exit code, with what is known already."""

from collections.abc import Iterator
from enum import StrEnum

from reports.diff import baselines, is_worse
from suite.errors import Exit
from suite.judge.absence import unchecked
from suite.judge.records import Fault, Results, Verdict


class FailOn(StrEnum):
    """Which faults of a kernel end a run with 1."""

    REGRESSION = "regression"
    """Those that are neither known nor in the baseline; a kernel that claims less than there."""
    DEVIATION = "deviation"
    """All of them."""
    NONE = "none"


def exit_code(results: Results, fail_on: FailOn, baseline: Results | None = None) -> Exit:
    """A kernel's fault comes before ours, and nothing is no success.

    Where Landlock was to be seen on no target, or is hidden on one, nothing was checked
    (``unchecked``). A run that is to fail for no fault of a kernel takes a kernel without it.
    """
    hidden = unchecked(results.targets)
    verdicts = {case.verdict for target in results.targets for case in target.cases}
    faults = {verdict.fault for verdict in verdicts}
    if fail_on is FailOn.DEVIATION and Fault.KERNELS in faults:
        return Exit.DEVIATES
    if fail_on is FailOn.REGRESSION and any(regressions(results, baseline)):
        return Exit.DEVIATES
    if not verdicts or any(target.facts is None for target in results.targets):
        return Exit.INFRASTRUCTURE
    if any(fail_on is not FailOn.NONE or not off.way.value.kernels for off in hidden.values()):
        return Exit.NO_LANDLOCK
    if Fault.OURS in faults or verdicts == {Verdict.SKIPPED}:
        return Exit.INFRASTRUCTURE
    return Exit.CONFORMS


def regressions(results: Results, baseline: Results | None = None) -> Iterator[str]:
    """A line for each fault that is neither known nor in the baseline, and each worse kernel.

    Raises:
        UsageError: The baseline has none of the targets.
    """
    earlier = baselines(baseline, results.targets) if baseline else {}
    for target in results.targets:
        before = earlier.get(target.name)
        shown = {case.id: case for case in before.cases} if before else {}
        if before and is_worse(before, target):
            yield f"{target.name} claims or provides less than in the baseline"
        for case in target.cases:
            was = shown.get(case.id)
            same = was is not None and (was.verdict, was.observed) == (case.verdict, case.observed)
            if case.verdict.fault is Fault.KERNELS and not case.known and not same:
                yield f"{case.id} {case.verdict} on {target.name}"
