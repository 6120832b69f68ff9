# SPDX-License-Identifier: MIT
"""An exploration: which programs are played on which targets, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from suite.errors import Exit
from suite.explore.causes import MODEL, Causes, Which, by_models
from suite.explore.compare import (
    Kind,
    Kinds,
    Predicts,
    between_kernels,
    by_features,
    in_manners,
    in_order,
    with_model,
)
from suite.explore.given import Given
from suite.explore.ledger import Kept, Ledger
from suite.explore.manner import manners_of
from suite.explore.pool import Plays
from suite.explore.space import Name, Space
from suite.explore.worker import Chunk, Down, Up, chunks

_FIRST = ""
"""The space of a chunk that is there to bring its target up."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which programs of each space are played here."""

    first: int = 0
    end: int | None = None
    shard: int = 1
    of: int = 1
    """Shards: of them, this is the ``shard``-th; each has every ``of``-th program."""
    most: int | None = None
    every: int = 64
    """Each of so many programs is played in other manners, too; 0: none is."""

    def numbers(self, space: Space) -> Sequence[int]:
        """The programs of a space, the smallest first."""
        end = space.size if self.end is None else min(self.end, space.size)
        start = self.first + (self.shard - 1 - self.first) % self.of
        return range(start, end, self.of)[: self.most]

    def again(self, space: Space) -> Sequence[int]:
        """Those of them that are played in other manners, too."""
        return self.numbers(space)[:: self.every] if self.every else ()


@dataclass(frozen=True, slots=True)
class Chosen(Part):
    """Programs that are named one by one."""

    names: Sequence[Name] = ()

    def numbers(self, space: Space) -> Sequence[int]:
        """Those of a space."""
        return sorted({it.number for it in self.names if it.space == space})


class Watcher(Protocol):
    """Who shows how far an exploration is."""

    def planned(self, target: str, programs: int, left: int) -> None:
        """So many programs are to be played on a target, of which so many were not yet."""

    def played(self, target: str, space: str, programs: int) -> None:
        """So many more programs were played."""

    def down(self, target: str, why: str) -> None:
        """A target was given up."""

    def told(self, line: str) -> None:
        """Something is to be said."""


class Tally(NamedTuple):
    """What there is of a space and a target."""

    space: Space
    target: Kept
    programs: int
    decisions: int
    again: int
    """Decisions of programs in other manners."""
    undecided: int
    """What the target could not show, in whichever manner."""


@dataclass(slots=True)
class Found:
    """What an exploration came to."""

    tallies: list[Tally]
    kinds: list[Kind]
    faults: list[tuple[Tally, str, int, str]]
    """Programs on which a target decided nothing: manner, number, why."""
    down: Mapping[str, Down]
    """Targets that were given up, and why."""
    unmodelled: dict[str, int]
    """Programs for which a model has no words, by what it lacks."""
    targets: Sequence[Kept] = ()
    """All that are up, or were; models among them."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The models that targets were held against, by the targets' names."""

    @property
    def unexplained(self) -> list[Kind]:
        """What nothing predicts."""
        return [it for it in self.kinds if not it.expected]

    @property
    def code(self) -> Exit:
        """What it comes to; an interrupt is for others to tell."""
        ends = {down.exit for it, down in self.down.items() if it not in self.models.values()}
        if self.unexplained or self.faults or Exit.DEVIATES in ends:
            return Exit.DEVIATES
        if ends:
            return min(ends)
        return Exit.CONFORMS if self.decisions else Exit.NO_LANDLOCK

    @property
    def kernels(self) -> list[Tally]:
        """What there is of targets that are no models of others."""
        return [it for it in self.tallies if it.target.name not in self.models.values()]

    @property
    def decisions(self) -> int:
        """Of all targets but models."""
        return sum(it.decisions + it.again for it in self.kernels)

    @property
    def modelled(self) -> int:
        """Decisions of models."""
        return sum(it.decisions for it in self.tallies) - sum(it.decisions for it in self.kernels)


@dataclass(slots=True)
class Exploration:
    """Spaces on targets.

    Args:
        ledger: What was given before, and will be.
        targets: Their names; what they are held against are the others, and their models.
        spaces: To be explored.
        part: Which programs of each.
        watcher: Is told how far it is.
        causes: Plays single programs on models; None if targets are held against none.
        sources: What models are made of.
    """

    ledger: Ledger
    targets: Sequence[str]
    spaces: Sequence[Space]
    part: Part
    watcher: Watcher
    causes: Causes | None = None
    sources: str = ""
    models: dict[str, str] = field(default_factory=dict)
    """The name of the model of each target, once it was up."""
    kept: dict[str, Kept] = field(default_factory=dict)
    """The targets that are up, or were."""
    gone: dict[str, Down] = field(default_factory=dict)
    """Those that were given up, and why."""

    def up(self, target: str, up: Up) -> None:
        """A target has come up."""
        build = up.build or (self.sources if target.startswith(MODEL) else "")
        self.kept[target], is_other = self.ledger.target(target, up.facts, build)
        if is_other:
            self.watcher.told(f"{target} is not the one that it was: its programs begin anew")

    def played(self, chunk: Chunk, given: Iterable[tuple[int, Given]]) -> None:
        """Programs gave something: keep it."""
        them = list(given)
        if them:
            self.ledger.keep(self.kept[chunk.target], chunk.space, chunk.manner, them)
            self.watcher.played(chunk.target, chunk.space, len(them))

    def down(self, target: str, down: Down) -> None:
        """A target is given up."""
        self.gone[target] = down
        self.ledger.give_up(target, down.why, down.exit)
        self.watcher.down(target, down.why)

    def run(self, pool: Plays) -> None:
        """Play what is left to do: on the targets, and on a model of each."""
        self._raise(pool, self.targets)
        if self.causes is not None:
            self.models = self._held_against()
            self._raise(pool, [it for it in self._of_models if it not in self.kept])
        self._play(pool)

    def recall(self) -> None:
        """Take what the ledger has of the targets, and of their models, and play nothing."""
        known = self.ledger.targets
        self._recall(self.targets)
        if self.causes is not None:
            models = self._held_against()
            self.models = {it: model for it, model in models.items() if model in known}
            self._recall(self._of_models)

    def _recall(self, targets: Sequence[str]) -> None:
        for name in targets:
            self.kept[name] = self.ledger.kept(name)
            why, code = self.ledger.given_up(name)
            if why:
                self.gone[name] = Down(why, Exit(code))

    def _held_against(self) -> dict[str, str]:
        """The model of each target that is up and has Landlock, but of models."""
        up = [it for it in self.targets if it in self.kept and not it.startswith(MODEL)]
        return {it: str(Which.of(self.kept[it].facts)) for it in up if self.kept[it].facts.abi}

    @property
    def _of_models(self) -> list[str]:
        """The models, each once."""
        return [*dict.fromkeys(self.models.values())]

    def _raise(self, pool: Plays, targets: Sequence[str]) -> None:
        """Have every target up once, to know what it is."""
        pool.run({it: [Chunk(it, _FIRST, "", ())] for it in targets})

    def _play(self, pool: Plays) -> None:
        left = {}
        for name, target in self.kept.items():
            if name not in self.gone and target.facts.abi:
                wanted = list(self._wanted(target))
                left[name] = [it for _, them in wanted for it in them]
                missing = sum(len(it.numbers) for it in left[name])
                self.watcher.planned(name, sum(count for count, _ in wanted), missing)
        pool.run(left)

    def _wanted(self, target: Kept) -> Iterator[tuple[int, list[Chunk]]]:
        """For each space and manner, how many programs there are, and the chunks of those left."""
        for space in self.spaces:
            plain = self.part.numbers(space)
            yield len(plain), self._left(target, space, "", plain)
            again = self.part.again(space)
            if target.name in self._of_models:
                continue  # its rules are held against kernels, not against each other
            for manner in manners_of(space.name, target.facts.abi):
                yield len(again), self._left(target, space, manner.name, again)

    def _left(self, target: Kept, space: Space, manner: str, numbers: Sequence[int]) -> list[Chunk]:
        done = self.ledger.done(target.name, space.name, manner)
        left = [it for it in numbers if it not in done]
        return list(chunks(target.name, space.name, manner, left))

    def found(self) -> Found:
        """Hold all that there is against each other."""
        kinds = Kinds()
        tallies, faults = [], []
        unmodelled: dict[str, int] = defaultdict(int)
        modelled = set(self.models.values())
        targets = in_order(self.kept.values())
        for space in self.spaces:
            for target in targets:
                if not target.facts.abi:
                    continue
                tally = self._tally(space, target)
                tallies.append(tally)
                for manner, number, why in self.ledger.faults(target, space.name):
                    if why.startswith("not modelled"):
                        unmodelled[why] += 1
                    else:
                        faults.append((tally, manner, number, why))
                if target.name in modelled:
                    continue
                manners = manners_of(space.name, target.facts.abi)
                in_manners(self.ledger, space, target, manners, kinds)
                model = self.kept.get(self.models.get(target.name, ""))
                if model:
                    with_model(self.ledger, space, target, model, kinds)
            kernels = [it for it in targets if it.name not in modelled and it.facts.abi]
            between_kernels(self.ledger, space, kernels, self._predictor, kinds)
        return Found(
            tallies,
            kinds.all(),
            faults,
            self.gone,
            dict(unmodelled),
            targets,
            self.models,
        )

    def _predictor(self, older: Kept, newer: Kept) -> Predicts:
        both = [self._model_of(it) for it in (older, newer)]
        if self.causes is None or both[0] is None or both[1] is None:
            return by_features(older, newer)
        return by_models(self.ledger, (older, newer), (both[0], both[1]), self.causes)

    def _model_of(self, target: Kept) -> Kept | None:
        """The model that a target is held against; of a model, itself."""
        if target.name.startswith(MODEL):
            return target
        return self.kept.get(self.models.get(target.name, ""))

    def _tally(self, space: Space, target: Kept) -> Tally:
        programs, decisions, undecided = self.ledger.count(target, space.name, plain=True)
        _, again, more = self.ledger.count(target, space.name, plain=False)
        return Tally(space, target, programs, decisions, again, undecided + more)
