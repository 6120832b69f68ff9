# SPDX-License-Identifier: MIT
"""Runs on several machines: ``landproof plan``, and the shard of a run that this machine is."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from reports.results import load
from suite.cli import collect, require
from suite.cli.run import Ended, NoCaseError
from suite.cli.targets import Chosen
from suite.errors import UsageError
from suite.judge.records import Part, Sharding
from suite.run.shards import Times, lengths, plan
from vm.target import VM

VARIABLE = "LANDPROOF_SHARD"
"""The environment variable that says which shard this machine is: ``2/4`` is the second of four."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of every verb whose run can be sharded."""
    parser.add_argument(
        "--measured",
        type=Path,
        metavar="FILE",
        help=f"with {VARIABLE}=I/N: an earlier results file, by whose seconds the shards are made "
        "equally long; the same for all of them",
    )


@dataclass(frozen=True, slots=True)
class Shard:
    """What this machine runs of a run."""

    sharding: Sharding | None
    """None if it is all of it."""

    def of(self, chosen: Chosen) -> Chosen:
        """The targets that are run here."""
        if self.sharding is None:
            return chosen
        here = {part.target for part in self._parts}
        return Chosen(
            {label: name for label, name in chosen.kernels.items() if f"{VM}{label}" in here},
            tuple(name for name in chosen.others if name in here),
        )

    @property
    def options(self) -> list[str]:
        """Pytest's options that say of which targets only a part is run."""
        whole = len(self.sharding.cases) if self.sharding else 0
        cut = [it for it in self._parts if it.end - it.first < whole]
        return [f"--part={it.target}={it.first}:{it.end}" for it in cut]

    def noted(self, outcome: Ended) -> Ended:
        """What a run came to, whose results say which shard they are."""
        if self.sharding is None:
            return outcome
        results = replace(outcome.results, sharding=self.sharding)
        return Ended(results, outcome.interrupted, outcome.fault)

    @property
    def _parts(self) -> list[Part]:
        sharding = self.sharding
        return [it for it in sharding.parts if it.shard == sharding.shard] if sharding else []


def shard(arguments: argparse.Namespace, targets: Sequence[str], *, brief: bool) -> Shard:
    """The shard that the environment asks for.

    Args:
        arguments: Of a verb that runs cases.
        targets: The names of all targets of the run.
        brief: Whether each behaviour is shown once.

    Raises:
        NoCaseError: No case matches.
        UsageError: There is no such shard, or something is asked for that no shard can tell.
    """
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        if arguments.measured:
            raise UsageError(f"--measured is for shards, and {VARIABLE} is not set")
        return Shard(None)
    number, count = numbers(asked)
    if require.required(arguments):
        raise UsageError(
            f"{VARIABLE} is set, and a shard sees but a part; hold the merged file against "
            "--require…: landproof report FILE --require…"
        )
    cases, parts, _ = planned(arguments, targets, count, brief=brief)
    return Shard(Sharding(shard=number, of=count, cases=cases, parts=parts))


def planned(
    arguments: argparse.Namespace, targets: Sequence[str], count: int, *, brief: bool
) -> tuple[list[str], list[Part], Times]:
    """The cases of a run, what each shard runs of them, and how long cases take.

    Raises:
        NoCaseError: No case matches.
        UsageError: There are fewer cases than shards, or the measured times can't be read.
    """
    times = Times(load(arguments.measured) if arguments.measured else None)
    cases = collect.ids(arguments.select, brief=brief)
    if not cases:
        raise NoCaseError(f"no case matches {arguments.select!r}")
    return cases, plan(targets, cases, count, times), times


class Row(msgspec.Struct, frozen=True):
    """A part of a plan, as it is told."""

    shard: str
    """What the variable of the environment is set to."""
    target: str
    cases: int
    of: int
    first: str
    """The id of its first case."""
    last: str
    seconds: float
    """What it takes on one machine at a time."""


def told(cases: Sequence[str], parts: Sequence[Part], times: Times, count: int) -> list[Row]:
    """A plan, shard by shard."""
    return [
        Row(
            f"{it.shard}/{count}",
            it.target,
            it.end - it.first,
            len(cases),
            cases[it.first],
            cases[it.end - 1],
            round(times.of_part(it, cases), 1),
        )
        for it in sorted(parts, key=lambda part: part.shard)
    ]


def longest(cases: Sequence[str], parts: Sequence[Part], times: Times) -> tuple[float, float]:
    """Seconds of the shortest and of the longest shard."""
    taken = lengths(parts, cases, times).values()
    return min(taken), max(taken)


def numbers(text: str, named: str = VARIABLE) -> tuple[int, int]:
    """Which shard a text such as ``2/4`` means, and of how many.

    Raises:
        UsageError: It is none; ``named`` is where it stands.
    """
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"{named}={text!r} is no shard; set it to 1/4 for the first of four")
    return number, count
