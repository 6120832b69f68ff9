# SPDX-License-Identifier: MIT
"""Which model a kernel is held against, and which single change makes two models differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from suite.errors import LandproofError
from suite.explore.compare import Difference, Predicts, by_features
from suite.explore.explorer import play, started
from suite.explore.given import UNKNOWN, Given, word
from suite.explore.ledger import Kept, Ledger
from suite.explore.script import labels
from suite.explore.space import Space
from suite.judge.records import Facts
from suite.landlock.abi import ERRATA, NEWEST, Erratum
from suite.landlock.bugs import BUGS
from suite.model.landlock import MODELLED
from suite.targets.base import Ground, Target

MODEL = "model:"
"""How the names of such targets begin."""
_BUGS = "bugs="


@dataclass(frozen=True, slots=True)
class Which:
    """Which Landlock: what a model has to be told."""

    abi: int
    errata: frozenset[int] = frozenset()
    """Those that are fixed."""
    bugs: frozenset[str] = frozenset()
    """Known ones that it has, by name, as far as a model can have them."""
    tells_errata: bool = True
    """Whether it has the interface to ask for errata."""

    @classmethod
    def of(cls, facts: Facts, name: str = "") -> Which:
        """That of a kernel: what it claims, and the bugs that its release has.

        Args:
            facts: Of the kernel.
            name: Of the target: a model has the bugs that its name says.
        """
        claimed = facts.errata or 0
        abi = min(facts.abi, NEWEST)
        bugs = (it for it in MODELLED if BUGS[it].is_in(facts.release, facts.version))
        if name.startswith(MODEL):
            said = (it.removeprefix(_BUGS) for it in name.split("+") if it.startswith(_BUGS))
            bugs = (bug for words in said for bug in words.split(","))
        return cls(
            abi,
            frozenset(
                int(it) for it in Erratum if claimed >> (it - 1) & 1 and ERRATA[it].since <= abi
            ),
            frozenset(bugs),
            facts.errata is not None,
        )

    def __str__(self) -> str:
        errata = ",".join(map(str, sorted(self.errata))) if self.tells_errata else "none"
        bugs = f"+{_BUGS}{','.join(sorted(self.bugs))}" if self.bugs else ""
        return f"{MODEL}{self.abi}+errata={errata}{bugs}"

    def steps_to(self, other: Which) -> Iterator[tuple[str, Which]]:
        """One change after the other, from this to another; what each leads to."""
        now = self
        for abi in range(self.abi + 1, other.abi + 1):
            now = replace(now, abi=abi)
            yield f"ABI {abi}", now
        for erratum in sorted(self.errata ^ other.errata):
            now = replace(now, errata=now.errata ^ {erratum})
            yield f"erratum {erratum}", now
        for bug in sorted(self.bugs ^ other.bugs):
            now = replace(now, bugs=now.bugs ^ {bug})
            yield f"the bug {bug}", now


@dataclass(slots=True)
class Causes:
    """Plays programs on models in this process, to find the change that makes them differ.

    Args:
        make: Makes the target of a name.
    """

    make: Callable[[str], Target]
    _grounds: dict[Which, Ground] = field(default_factory=dict)
    _played: dict[tuple[Which, str, int], Given] = field(default_factory=dict)

    def between(self, older: Which, newer: Which, space: Space, it: Difference) -> str:
        """The first change after which the decision is no longer what it was.

        Raises:
            LandproofError: A model can't play the program.
        """
        place = labels(space, it.number).index(it.label)
        for change, which in older.steps_to(newer):
            codes = self._given(which, space, it.number).codes
            if codes and codes[place] not in UNKNOWN and word(codes[place]) != it.ours:
                return change
        return ""

    def _given(self, which: Which, space: Space, number: int) -> Given:
        key = which, space.name, number
        if key not in self._played:
            if which not in self._grounds:
                self._grounds[which] = started(self.make(str(which)))
            ((_, self._played[key]),) = play(self._grounds[which], space, [number], in_flight=1)
        return self._played[key]


def by_models(
    ledger: Ledger, kernels: tuple[Kept, Kept], models: tuple[Kept, Kept], causes: Causes
) -> Predicts:
    """Predict a difference of two kernels by the same difference of their models.

    Args:
        ledger: What the models gave.
        kernels: The older one first.
        models: Of both.
        causes: Finds the change.
    """
    features = by_features(*kernels)

    @lru_cache(maxsize=1)  # a program differs in many decisions at once
    def given_on(space: str, number: int) -> list[Given | None]:
        return [ledger.given(model, space, number) for model in models]

    found: dict[tuple[str, ...], str] = {}
    """Of differences that are alike, the smallest program is asked for."""

    def predicts(space: Space, it: Difference) -> str:
        given = given_on(space.name, it.number)
        if not it.label or any(one is None or not one.codes for one in given):
            return features(space, it)
        place = labels(space, it.number).index(it.label)
        codes = [one.codes[place] for one in given if one]
        if any(code in UNKNOWN for code in codes):
            return features(space, it)
        if [word(code) for code in codes] != [it.ours, it.theirs]:
            return ""
        known = features(space, it)
        if known and "," not in known:
            return known
        alike = space.name, it.label, it.ours, it.theirs
        if alike not in found:
            found[alike] = _change(causes, kernels, space, it) or known
        return found[alike]

    return predicts


def _change(causes: Causes, kernels: tuple[Kept, Kept], space: Space, it: Difference) -> str:
    older, newer = (Which.of(kernel.facts, kernel.name) for kernel in kernels)
    try:
        return causes.between(older, newer, space, it)
    except LandproofError:
        return ""
