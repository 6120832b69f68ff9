# SPDX-License-Identifier: MIT
"""Between which two neighbouring builds a case's answer changes: the search, and how it is told.

Both ends must answer, and differently. What lies between them is halved: a build that answers as
the old end does (of costs: that is nearer to it than to the new end) belongs to the old half, any
other answer to the new one. A build that gives no answer is passed over, and the one nearest to it
tried.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reports import words
from reports.page import Entry, Page, Section, Table
from suite.errors import InfrastructureError, UsageError
from suite.judge.outcome import Outcome
from suite.judge.records import CaseRecord, Verdict


@dataclass(frozen=True, slots=True)
class Build:
    """A kernel build that can be had."""

    version: str
    """The package version."""
    release: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a build said of the case, or why it said nothing."""

    verdict: Verdict | None
    """None where it was never heard."""
    observed: Outcome | None = None
    reason: str = ""
    booted: bool = True
    """Whether the build was to be had at all."""
    added: float | None = None
    """What a domain adds to a call there, in instructions, where costs are bisected."""

    @classmethod
    def of(cls, case: CaseRecord) -> "Answer":
        """The answer that a record holds."""
        if not case.verdict.heard:
            return cls(None, reason=f"{case.verdict}: {_first_line(case.reason)}")
        return cls(case.verdict, case.observed)

    @property
    def heard(self) -> bool:
        """Whether the build said anything."""
        return self.verdict is not None or self.added is not None

    def __str__(self) -> str:
        if self.added is not None:
            return f"{self.added:,.0f} instructions"
        if self.verdict is None:
            return "no answer"
        return f"{self.verdict}, observed {self.observed or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Step:
    """A build that was tried."""

    build: Build
    answer: Answer


@dataclass(frozen=True, slots=True)
class Bisection:
    """Where a case's answer changed."""

    case: str
    last: Step
    """The last build with the old answer."""
    first: Step
    """The first one with another."""
    untold: tuple[Step, ...]
    """Builds between them that gave no answer."""
    builds: int
    """How many there were to choose from, both ends included."""
    boots: int
    steps: tuple[Step, ...]
    """All that was tried, in that order."""


Like: TypeAlias = Callable[[Answer, Answer, Answer], bool]


def _same(answer: Answer, old: Answer, _new: Answer) -> bool:
    return answer == old


def bisect(
    case: str,
    builds: Sequence[Build],
    ask: Callable[[Build], Answer],
    like: Like = _same,
) -> Bisection:
    """Find where the answer changes from that of the first build.

    Args:
        case: Its id, or what else is asked about.
        builds: At least two, in order; the old end first.
        ask: Try a build; called about log2 of their number times.
        like: Whether an answer is that of the old end, and not that of the new one.

    Raises:
        InfrastructureError: An end gives no answer.
        UsageError: Both ends give the same one.
    """
    answers: dict[int, Answer] = {}
    low, high = 0, len(builds) - 1
    for end in (low, high):
        answers[end] = ask(builds[end])
        if not answers[end].heard:
            raise InfrastructureError(
                f"{builds[end].version} gives no answer: {answers[end].reason}; choose another end"
            )
    old, new = answers[low], answers[high]
    if like(new, old, new):
        raise UsageError(
            f"{case} gives the same on {builds[low].version} and {builds[high].version}: {old}"
        )
    while (at := _middle(low, high, answers)) is not None:
        answers[at] = ask(builds[at])
        if answers[at].heard:
            low, high = (at, high) if like(answers[at], old, new) else (low, at)
    steps = {at: Step(builds[at], answer) for at, answer in answers.items()}
    return Bisection(
        case=case,
        last=steps[low],
        first=steps[high],
        untold=tuple(steps[at] for at in range(low + 1, high)),
        builds=len(builds),
        boots=sum(answer.booted for answer in answers.values()),
        steps=tuple(steps.values()),
    )


def _middle(low: int, high: int, tried: dict[int, Answer]) -> int | None:
    """The untried build that is nearest to the middle of two; None when there is none."""
    untried = [at for at in range(low + 1, high) if at not in tried]
    return min(untried, key=lambda at: abs(2 * at - low - high), default=None)


def page(found: Bisection) -> Page:
    """The bisection as a report."""
    return Page(
        title=f"{found.case} changed in {found.first.build.version}",
        lines=tuple(_lines(found)),
        sections=(
            Section(
                "Steps",
                (
                    Table(
                        ("build", "release", "answer"),
                        tuple(
                            (step.build.version, step.build.release, str(step.answer))
                            for step in found.steps
                        ),
                    ),
                ),
            ),
            Section(
                "Without an answer",
                tuple(
                    Entry(step.build.version, (("reason", step.answer.reason),))
                    for step in found.steps
                    if not step.answer.heard
                ),
            ),
        ),
        data=found,
    )


def _lines(found: Bisection) -> Iterator[str]:
    yield f"until {found.last.build.version}: {found.last.answer}"
    yield f"since {found.first.build.version}: {found.first.answer}"
    if found.untold:
        untold = ", ".join(step.build.version for step in found.untold)
        yield f"between them, without an answer: {untold}"
    yield f"{words.plural(found.boots, 'boot')} to tell {words.plural(found.builds, 'build')} apart"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0] or "no reason given"
