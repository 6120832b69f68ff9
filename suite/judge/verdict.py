# SPDX-License-Identifier: MIT
"""From an expectation and an observation to a verdict: pure, so it can be done again later."""

from dataclasses import dataclass

from suite.judge.expectation import Clause, Expectation, owed_outcome
from suite.judge.outcome import Allowed, Outcome, Rejected
from suite.judge.records import Facts, Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on."""

    verdict: Verdict
    clause: Clause
    expected: Outcome
    observed: Outcome
    bug: str = ""
    reason: str = ""


def judge(
    expectation: Expectation,
    facts: Facts,
    observed: Outcome,
    control: Outcome | None = None,
) -> Judgement:
    """Say what an observation means for a kernel.

    ``control`` is the same action outside of the domain, or with the rule: it must be allowed,
    or nothing is said about the kernel. What was seen doesn't say that an action was done: a case
    that has such a control looks at it, and says whether it is as it should be.
    """
    clause = expectation.under(facts)
    expected = owed_outcome(clause, facts)
    refused = isinstance(control, Rejected) and control == observed  # before either could be tried
    if control is not None and not refused and not isinstance(control, Allowed):
        reason = f"the control came to {control}"
        return Judgement(Verdict.BROKEN, clause, expected, observed, reason=reason)
    if clause.other is not None and observed == clause.other:
        expected = observed  # both are owed
    if observed == expected:
        return Judgement(_kept(clause), clause, expected, observed)
    if clause.bug and observed == clause.before:
        return Judgement(Verdict.DEVIATES, clause, expected, observed, bug=str(clause.bug))
    if clause.unfixed and facts.errata is None:
        # Without the errata interface a kernel can carry the fix and not say so.
        fixed = next(
            c for c in expectation if c.fixed == clause.unfixed and c.since == clause.since
        )
        if observed == fixed.outcome:
            return Judgement(Verdict.CONFORMS, fixed, observed, observed)
    return Judgement(Verdict.DEVIATES, clause, expected, observed)


def _kept(clause: Clause) -> Verdict:
    if clause.absent:
        return Verdict.ABSENT
    return Verdict.UNFIXED if clause.unfixed else Verdict.CONFORMS
