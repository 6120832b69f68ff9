# SPDX-License-Identifier: MIT
"""What every kernel owes: outcomes keyed by ABI version and errata, total and without overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations, groupby
from typing import TypeAlias

from suite.judge.outcome import Outcome, Rejected
from suite.judge.records import Facts
from suite.landlock.abi import (
    ABIS,
    HANDLED,
    LANDLOCK,
    NEWEST,
    RESTRICT,
    Abi,
    Erratum,
    Feature,
    attr_end,
)
from suite.landlock.bugs import Bug
from suite.landlock.changes import Change, Start

_END = NEWEST + 1


class ExpectationError(ValueError):
    """An expectation leaves a kernel out, or says two things about one."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What the kernels of a range of ABI versions owe."""

    outcome: Outcome | None
    """None: the kernel has no Landlock, and says so by the errno that its facts hold."""
    since: Start | None = None
    """None: every kernel from the oldest on, be it without Landlock."""
    until: Start | None = None
    """Exclusive; None: the newest kernels, too."""
    fixed: Erratum | None = None
    """Only kernels that claim this erratum."""
    unfixed: Erratum | None = None
    """Only kernels that do not claim this erratum."""
    absent: bool = False
    """The kernel does not claim what the row is about."""
    bug: Bug | None = None
    before: Outcome | None = None
    """What kernels with the bug do."""
    other: Outcome | None = None
    """What is owed as well: another part of the kernel decides which, and can't be asked."""

    def __post_init__(self) -> None:
        # A feature is an integer, too.
        for start in (self.since, self.until):
            if not isinstance(start, Feature | Abi | Change | None):
                raise ExpectationError(f"{start!r} does not say what changed there")

    @property
    def first(self) -> int:
        """The lowest ABI version that it speaks of."""
        return self.since.since if self.since is not None else 0

    @property
    def end(self) -> int:
        """The ABI version past the highest one."""
        return self.until.since if self.until is not None else _END

    def covers(self, abi: int, errata: frozenset[int]) -> bool:
        """Whether it speaks of such a kernel."""
        return self.first <= abi < self.end and self.counts_with(errata)

    def counts_with(self, errata: frozenset[int]) -> bool:
        """Whether it speaks of kernels that claim these errata."""
        return (self.fixed is None or self.fixed in errata) and (
            self.unfixed is None or self.unfixed not in errata
        )

    def __str__(self) -> str:
        first, last = self.first, self.end - 1
        if self.outcome is None and last == 0:
            text = "no Landlock"
        elif last >= NEWEST:
            text = f"ABI {first}+"
        else:
            text = f"ABI {first}" + (f" to {last}" if last > first else "")
        if self.fixed:
            text += f", erratum {self.fixed} fixed"
        if self.unfixed:
            text += f", erratum {self.unfixed} not fixed"
        if self.other:
            text += f", or {self.other}"
        return text


class Expectation:
    """Clauses, of which exactly one covers each kernel.

    Raises:
        ExpectationError: None or several do.
    """

    def __init__(self, *clauses: Clause) -> None:
        self.clauses = clauses
        errata = {e for clause in clauses for e in (clause.fixed, clause.unfixed) if e}
        for claimed in _subsets(errata):
            # Each clause counts where it begins and no longer where it ends: there are thousands.
            steps = [0] * (_END + 1)
            for clause in clauses:
                if clause.counts_with(claimed) and clause.first < clause.end:
                    steps[clause.first] += 1
                    steps[clause.end] -= 1
            for abi, matching in enumerate(accumulate(steps[:_END])):
                if matching != 1:
                    raise ExpectationError(
                        f"{matching} clauses cover ABI {abi} with errata {sorted(claimed)}"
                    )

    def under(self, facts: Facts) -> Clause:
        """The clause for a kernel; an ABI version newer than we know counts as the newest."""
        claimed = frozenset(claimed_errata(facts.errata))
        abi = min(facts.abi, NEWEST)
        return next(c for c in self.clauses if c.covers(abi, claimed))

    def __iter__(self) -> Iterator[Clause]:
        return iter(self.clauses)


def claimed_errata(mask: int | None) -> tuple[int, ...]:
    """The numbers of an errata mask, in order; none for a kernel without the interface."""
    return tuple(bit + 1 for bit in range(64) if (mask or 0) >> bit & 1)


def owed_outcome(clause: Clause, facts: Facts) -> Outcome:
    """The clause's outcome on a kernel."""
    if clause.outcome is not None:
        return clause.outcome
    return Rejected("create_ruleset", facts.missing or "ENOSYS")


@dataclass(frozen=True, slots=True)
class ByErratum:
    """An outcome that an erratum changed."""

    erratum: Erratum
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class ByBug:
    """An outcome that the fix of a known bug changed, without an erratum."""

    bug: Bug
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Either:
    """Two outcomes that are both owed.

    For what is not Landlock's to decide, and can't be asked for without Landlock. What can be
    asked for is: a probe then chooses one of two expectations.
    """

    one: Outcome
    other: Outcome


Then: TypeAlias = Outcome | ByErratum | ByBug | Either


def since(
    features: Feature | Iterable[Feature], then: Then, *changes: tuple[Start, Then]
) -> Expectation:
    """What a row owes whose ruleset needs these features.

    Kernels without one of them must refuse the ruleset, in the way that the table of ABI
    versions tells.
    ``changes`` are (what changed it, outcome from there on).
    """
    needed = (features,) if isinstance(features, Feature) else tuple(features)
    return since_layers([needed], then, *changes)


def since_layers(
    layers: Sequence[Sequence[Feature]], then: Then, *changes: tuple[Start, Then]
) -> Expectation:
    """``since`` for rulesets that are made one after the other: the first refusal counts.

    ``layers`` are such as ``[outer.features, inner.features]``.
    """
    known_from = max((feature.since for needed in layers for feature in needed), default=1)
    clauses = list(_refusals(layers, known_from))
    stages: list[tuple[Start, Then]] = [(ABIS[known_from], then), *changes]
    ends = [*(start for start, _ in stages[1:]), None]
    for (start, stage), end in zip(stages, ends, strict=True):
        clauses.extend(_stage(stage, start, end))
    return Expectation(*clauses)


def by_abi(owed: Callable[[int], Outcome], *steps: Start) -> Expectation:
    """What each ABI version owes, told by a function of it; kernels without Landlock say so.

    ``steps`` are all that the function may change with.

    Raises:
        ExpectationError: It changes with something else.
    """
    clauses = [Clause(None, until=LANDLOCK, absent=True)]
    named = {step.since for step in (LANDLOCK, *steps)}
    for outcome, start, end in _runs((abi, owed(abi)) for abi in ABIS):
        if start.version not in named:
            raise ExpectationError(f"no named step makes it {outcome} from ABI {start.version} on")
        clauses.append(Clause(outcome, start, end))
    return Expectation(*clauses)


def always(outcome: Outcome) -> Expectation:
    """What every kernel owes, with Landlock or without."""
    return Expectation(Clause(outcome))


def _stage(stage: Then, start: Start, end: Start | None) -> Iterator[Clause]:
    match stage:
        case ByErratum(erratum, before, after):
            yield Clause(before, start, end, unfixed=erratum)
            yield Clause(after, start, end, fixed=erratum)
        case ByBug(bug, before, after):
            yield Clause(after, start, end, bug=bug, before=before)
        case Either(one, other):
            yield Clause(one, start, end, other=other)
        case _:
            yield Clause(stage, start, end)


def _refusals(layers: Sequence[Sequence[Feature]], known_from: int) -> Iterator[Clause]:
    yield Clause(None, until=LANDLOCK, absent=True)
    refusals = (
        (abi, next(refusal(needed, abi) for needed in layers if _unknown(needed, abi)))
        for abi in range(1, known_from)
    )
    for outcome, start, end in _runs(refusals):
        yield Clause(outcome, start, end, absent=True)


def _runs(owed: Iterable[tuple[int, Outcome]]) -> Iterator[tuple[Outcome, Abi, Abi | None]]:
    """ABI versions that owe the same together: the first of them, and the first after them."""
    for outcome, run in groupby(owed, key=lambda pair: pair[1]):
        abis = [abi for abi, _ in run]
        yield outcome, ABIS[abis[0]], ABIS.get(abis[-1] + 1)


def _unknown(features: Sequence[Feature], abi: int) -> bool:
    return any(feature.since > abi for feature in features)


def refusal(features: Sequence[Feature], abi: int) -> Rejected:
    """How a kernel of this ABI version refuses a ruleset that needs newer features.

    The size of the attribute is looked at first: a field past the end of the kernel's struct
    gives E2BIG (copy_min_struct_from_user() in security/landlock/syscalls.c), then an unknown bit
    gives EINVAL; a flag of landlock_restrict_self(2) is seen only once the ruleset stands.
    """
    size = max((attr_end(type(feature)) for feature in features if feature), default=0)
    if size > ABIS[abi].attr_size:
        return Rejected("create_ruleset", "E2BIG")
    if any(feature.since > abi for feature in features if isinstance(feature, HANDLED)):
        return Rejected("create_ruleset", "EINVAL")
    if any(feature.since > abi for feature in features if isinstance(feature, RESTRICT)):
        return Rejected("restrict_self", "EINVAL")
    raise ExpectationError(f"ABI {abi} knows {features}")


def _subsets(errata: Iterable[int]) -> Iterator[frozenset[int]]:
    ordered = sorted(errata)
    picks = chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1))
    return map(frozenset, picks)
