# SPDX-License-Identifier: MIT
"""Every rename, link and exchange over two folders, with four rights, in one layer and in two.

The rights: REFER, MAKE_REG, REMOVE_FILE, and EXECUTE, which must not be gained by moving
(security/landlock/fs.c, ``is_access_to_paths_allowed``). In one layer each right is not handled, or
has rules on any of both folders; in two layers all are handled.

The two folders may be swapped without a difference, since each act is tried both ways: of two such
programs there is one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from suite.explore.manner import Spot
from suite.explore.space import Scene, Space, digits
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import FS, known_bits
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import RENAME_EXCHANGE
from suite.values import Fd

_RIGHTS = (FS.REFER, FS.MAKE_REG, FS.REMOVE_FILE, FS.EXECUTE)
_PLACES: tuple[tuple[int, ...] | None, ...] = ((), (0,), (1,), (0, 1), None)
"""Of one right: on none of the folders, on one, on both; not handled."""
_ONE_LAYER = len(_PLACES) ** len(_RIGHTS)
_RIGHTS_OF_FOLDER = 1 << len(_RIGHTS)
_HANDLING = _RIGHTS_OF_FOLDER**2
"""Layers that handle all four rights."""
PAIRS = _HANDLING * (_HANDLING + 1) // 2
_FURTHER = 7


@dataclass(frozen=True, slots=True)
class Policy:
    """One layer: the rights that are handled, and those of the rule on each folder."""

    handled: FS
    first: FS
    second: FS


def policies(number: int) -> list[Policy]:
    """The layers of a program, the first one first."""
    if number < _ONE_LAYER:
        return [_one(number)]
    first, second = pair(number - _ONE_LAYER)
    # Of a folder, its rights in both layers; of both folders, which one has which is no matter.
    return [
        Policy(_set(_RIGHTS_OF_FOLDER - 1), _set(first >> shift), _set(second >> shift))
        for shift in (0, len(_RIGHTS))
    ]


def _one(number: int) -> Policy:
    handled, rules = FS(0), [FS(0), FS(0)]
    for right, digit in zip(_RIGHTS, digits(number, *[len(_PLACES)] * len(_RIGHTS)), strict=True):
        places = _PLACES[digit]
        if places is None:
            continue
        handled |= right
        for place in places:
            rules[place] |= right
    return Policy(handled, *rules)


def pair(number: int) -> tuple[int, int]:
    """Two numbers, the first not less than the second, by their place in that order."""
    first = int(((8 * number + 1) ** 0.5 - 1) // 2)
    while first * (first + 1) // 2 > number:
        first -= 1
    while (first + 1) * (first + 2) // 2 <= number:
        first += 1
    return first, number - first * (first + 1) // 2


def _set(bits: int) -> FS:
    rights = FS(0)
    for place, right in enumerate(_RIGHTS):
        if bits >> place & 1:
            rights |= right
    return rights


def _moved(process: Process, old: tuple[Fd, str], new: tuple[Fd, str], flags: int = 0) -> None:
    process.syscall("renameat2", *old, *new, flags)


def _linked(process: Process, old: tuple[Fd, str], new: tuple[Fd, str]) -> None:
    process.syscall("linkat", *old, *new, 0)


@dataclass(frozen=True, slots=True)
class _Act:
    """Something that is tried: from a name in one folder to a name in another."""

    name: str
    source: int
    target: int
    old: str
    new: str
    do: Callable[[Process, tuple[Fd, str], tuple[Fd, str]], None]
    kind: int = stat.S_IFREG
    """What is at the old name, and at the new one, if anything is."""
    undo: Callable[[Process, tuple[Fd, str], tuple[Fd, str]], None] | None = None
    """Does nothing if nothing was done."""
    is_there: bool = False
    """Whether there is something at the new name, too."""
    same: bool = False
    """Whether both are names of one file: to move it does nothing then, and succeeds."""


def _back(process: Process, old: tuple[Fd, str], new: tuple[Fd, str]) -> None:
    _moved(process, new, old)


def _unlink(process: Process, _old: tuple[Fd, str], new: tuple[Fd, str]) -> None:
    process.syscall("unlinkat", *new, 0)


_EXCHANGED = partial(_moved, flags=RENAME_EXCHANGE)
_BOTH_WAYS = ((0, 1), (1, 0))
_ACTS = (
    *(_Act("rename", a, b, f"r{a}", f"r{a}", _moved, undo=_back) for a, b in _BOTH_WAYS),
    *(_Act("link", a, b, f"l{a}", f"l{a}", _linked, undo=_unlink) for a, b in _BOTH_WAYS),
    *(_Act("replace", a, b, "h", "h", _moved, is_there=True, same=True) for a, b in _BOTH_WAYS),
    _Act("exchange", 0, 1, "x", "x", _EXCHANGED, is_there=True),
    *(_Act("rename", a, a, "w", "v", _moved, undo=_back) for a in (0, 1)),
    *(_Act("link", a, a, "k", "j", _linked, undo=_unlink) for a in (0, 1)),
    *(
        _Act("rename-dir", a, b, f"d{a}", f"d{a}", _moved, stat.S_IFDIR, undo=_back)
        for a, b in _BOTH_WAYS
    ),
    _Act("exchange-dirs", 0, 1, "y", "y", _EXCHANGED, stat.S_IFDIR, is_there=True),
)


class _Folders(Scene):
    def __init__(self, stage: Stage) -> None:
        holder, manner = stage.holder, stage.manner
        self._spots = []
        for number, name in enumerate("ab"):
            folder = f"{stage.folder}/{name}"
            holder.mkdir(folder)
            holder.mkdir(f"{folder}/e")
            spot = Spot(folder, holder.open(folder, os.O_PATH), number)
            manner.laid(holder, spot)
            self._spots.append(spot)
        self._nodes: list[Fd] = [it.fd for it in self._spots]
        if manner.reached is not str:
            self._nodes = [holder.open(manner.reached(it.folder), os.O_PATH) for it in self._spots]
        for act in _ACTS:
            self._lay(holder, act)
        self._known = known_bits(FS, stage.abi)
        self._root = holder.open(stage.folder, os.O_PATH)
        self._harmless: Call | None = None
        if stage.abi >= FS.REFER.since:
            harmless = Ruleset(fs=FS.MAKE_SYM | FS.REFER).allow(self._root, FS.REFER)
            self._harmless = holder.build(harmless)

    def _ruleset(self, policy: Policy) -> Ruleset:
        known = self._known
        rules = zip(self._nodes, (policy.first, policy.second), strict=True)
        return Ruleset(
            fs=policy.handled & known,
            paths=tuple((node, rights & known) for node, rights in rules if rights & known),
        )

    def _lay(self, holder: Process, act: _Act) -> None:
        source, target = self._spots[act.source], self._spots[act.target]
        old, new = f"{source.folder}/{act.old}", f"{target.folder}/{act.new}"
        if act.same:
            if act.source == 0:
                holder.mknod(old, act.kind)
                holder.link(old, new)
            return
        for path in (old, new) if act.is_there else (old,):
            if act.kind == stat.S_IFDIR:
                holder.mkdir(path)
            else:
                holder.mknod(path, act.kind)

    def play(self, trial: Trial, number: int) -> None:
        manner = trial.stage.manner
        layers = policies(number)
        if manner.further:
            layers.append(_one(number % _FURTHER))
        process = trial.fork()
        for act in _ACTS:
            if act.undo is not None:
                trial.attempt(act.undo, process, *self._names(act))
        asked = [ruleset for layer in layers if (ruleset := self._ruleset(layer)).fs]
        rulesets = [trial.build(process, ruleset) for ruleset in asked]
        if manner.unrelated and self._harmless is not None:
            rulesets.append(self._harmless)
        process = trial.enforce(process, *rulesets)
        for act in _ACTS:
            source, target = self._spots[act.source], self._spots[act.target]
            old, new = manner.spelled(source, act.old), manner.spelled(target, act.new)
            way = f"{'ab'[act.source]}{'ab'[act.target]}"
            trial.decide(f"{act.name} {way}", act.do, process, old, new)

    def _names(self, act: _Act) -> tuple[tuple[Fd, str], tuple[Fd, str]]:
        source, target = self._spots[act.source], self._spots[act.target]
        return (source.fd, act.old), (target.fd, act.new)


REFER = Space(
    "refer",
    "every rename, link and exchange over two folders: four rights, one layer and two",
    _ONE_LAYER + PAIRS,
    _Folders,
    lasts=4096,
    features={"": (FS.REFER,)},
)
