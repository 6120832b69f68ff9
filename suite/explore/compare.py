# SPDX-License-Identifier: MIT
"""Hold what targets gave against each other, and against the same programs in other manners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from suite.errors import InfrastructureError
from suite.explore.given import UNKNOWN, Given, word
from suite.explore.ledger import Kept, Ledger, Row
from suite.explore.manner import Manner, Relation
from suite.explore.script import labels
from suite.explore.space import Space

_SHOWN = 3
"""Of differences of a kind, so many are kept: the smallest programs."""


@dataclass(frozen=True, slots=True)
class Side:
    """Whose word it is."""

    target: str
    manner: str = ""

    def __str__(self) -> str:
        return f"{self.target} ({self.manner})" if self.manner else self.target


@dataclass(frozen=True, slots=True)
class Difference:
    """One decision, or one whole program, on which two sides differ."""

    space: str
    number: int
    label: str
    """Empty if it is the program."""
    ours: str
    theirs: str
    """What each side gave, in words."""


@dataclass(slots=True)
class Kind:
    """Differences that are alike: the same decision, and the same words of both sides."""

    ours: Side
    theirs: Side
    why: str
    """What predicts them, or what they break."""
    expected: bool
    """Whether they are predicted."""
    count: int = 0
    programs: set[int] = field(default_factory=set)
    first: list[Difference] = field(default_factory=list)
    """The smallest programs: since spaces are complete and in order, none smaller shows it."""

    def add(self, difference: Difference) -> None:
        """Count one more."""
        self.count += 1
        self.programs.add(difference.number)
        is_new = all(it.number != difference.number for it in self.first)
        if is_new and len(self.first) < _SHOWN:
            self.first.append(difference)


Predicts = Callable[[Space, Difference], str]
"""What predicts a difference, in words; empty if nothing does."""


class Kinds:
    """Differences, by what they are alike in."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Kind] = {}

    def add(
        self, ours: Side, theirs: Side, difference: Difference, why: str, *, expected: bool
    ) -> None:
        """Add a difference."""
        it = difference
        alike = it.label.rstrip("0123456789 ") if it.space == "paths" else it.label
        key: tuple[object, ...] = ours, theirs, why, expected, it.space
        if not expected:
            key = *key, alike, it.ours, it.theirs
        if key not in self._found:
            self._found[key] = Kind(ours, theirs, why, expected)
        self._found[key].add(it)

    def all(self) -> list[Kind]:
        """All of them; what nothing explains comes first, then the smallest programs."""
        return sorted(
            self._found.values(), key=lambda it: (it.expected, it.first[0].number, -it.count)
        )


def differences(space: Space, row: Row, relation: Relation = Relation.SAME) -> Iterator[Difference]:
    """In what the two sides of a row do not relate as they have to.

    A side that was not modelled, or can't show it, says nothing.

    Raises:
        InfrastructureError: The program of that number decides less today.
    """
    ours, theirs = row.ours, row.theirs
    if ours.fault or theirs.fault:
        if not any("not modelled" in it.fault for it in (ours, theirs)) and ours != theirs:
            yield Difference(space.name, row.number, "", _told(ours), _told(theirs))
        return
    names: tuple[str, ...] | None = None
    for place, (one, other) in enumerate(zip(ours.codes, theirs.codes, strict=True)):
        if one == other or one in UNKNOWN or other in UNKNOWN or relation.holds(one, other):
            continue
        names = names or labels(space, row.number)
        if place >= len(names):
            raise InfrastructureError(
                f"{space.name}:{row.number} was another program when it was played; explore it anew"
            )
        yield Difference(space.name, row.number, names[place], word(one), word(other))


def _told(given: Given) -> str:
    return given.fault or "is played"


Predictor = Callable[[Kept, Kept], Predicts]
"""Gives who predicts the differences of two targets, the older one first."""


def in_order(targets: Iterable[Kept]) -> list[Kept]:
    """Targets from the lowest ABI version to the highest, whichever came up first."""
    return sorted(targets, key=lambda it: (it.facts.abi, it.facts.errata or 0, it.name))


def between_kernels(
    ledger: Ledger, space: Space, kernels: Sequence[Kept], predictor: Predictor, kinds: Kinds
) -> None:
    """Compare each target with the next one, from the lowest ABI version to the highest.

    So all are compared: if two differ, two neighbours between them do. The neighbour on a program
    is the next one that has played it.
    """
    ordered = in_order(kernels)
    done = {it.name: ledger.done(it.name, space.name, "") for it in ordered}
    for place, older in enumerate(ordered):
        left = done[older.name]
        for newer in ordered[place + 1 :]:
            if both := left & done[newer.name]:
                predicts = predictor(older, newer)
                for row in ledger.differing(space.name, (older, ""), (newer, "")):
                    if row.number in both:
                        _add_difference(space, (older, newer), row, predicts, kinds)
            left = left - both


def _add_difference(
    space: Space, both: tuple[Kept, Kept], row: Row, predicts: Predicts, kinds: Kinds
) -> None:
    older, newer = both
    for it in differences(space, row):
        why = predicts(space, it)
        said = why or _nothing_predicts(older, newer)
        kinds.add(Side(older.name), Side(newer.name), it, said, expected=bool(why))


def _nothing_predicts(older: Kept, newer: Kept) -> str:
    same = (older.facts.abi, older.facts.errata) == (newer.facts.abi, newer.facts.errata)
    return "of the same ABI version and errata" if same else "no change between them predicts it"


def by_features(older: Kept, newer: Kept) -> Predicts:
    """Predict a difference by a feature that a decision hangs on, and one of both lacks."""
    low, high = older.facts.abi, newer.facts.abi

    @cache  # labels are few, and differences may be a million
    def named(space: Space, label: str) -> str:
        found = [it for it in space.hangs_on(label) if low < it.since <= high]
        return ", ".join(f"{it.labels[0]} (ABI {it.since})" for it in found)

    return lambda space, difference: named(space, difference.label)


def with_model(ledger: Ledger, space: Space, kernel: Kept, model: Kept, kinds: Kinds) -> None:
    """Compare a target with the model of its ABI version, errata and bugs."""
    for row in ledger.differing(space.name, (kernel, ""), (model, "")):
        for it in differences(space, row):
            kinds.add(Side(kernel.name), Side(model.name), it, "not as the model", expected=False)


def in_manners(
    ledger: Ledger, space: Space, target: Kept, manners: Iterable[Manner], kinds: Kinds
) -> None:
    """Compare what a target gave on programs with what it gave on them in other manners."""
    for manner in manners:
        for row in ledger.differing(space.name, (target, ""), (target, manner.name)):
            for it in differences(space, row, manner.relation):
                kinds.add(
                    Side(target.name),
                    Side(target.name, manner.name),
                    it,
                    f"{manner.name} has to give {manner.relation.value}",
                    expected=False,
                )
