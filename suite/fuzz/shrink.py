# SPDX-License-Identifier: MIT
"""The smallest program that shows what a program shows.

Hypothesis could shrink what it wrote, but it would write each candidate anew, choice by choice: it
takes minutes to find what takes a second here, where a program is taken for what it is: steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from suite.fuzz.action import Gives, Word
from suite.fuzz.actions import ACTIONS, MADE, OPTIONS, PATHS, worded
from suite.fuzz.program import FIRST, Program, Step

Shows = Callable[[Program], Program | None]
"""Gives as much of a program as shows the same as the one that is shrunk; None if it does not."""


def shrunk(program: Program, shows: Shows) -> Iterator[Program]:
    """Smaller and smaller programs that show the same; the last one is the smallest."""
    best, tried = program, {program}
    is_better = True
    while is_better:
        is_better = False
        for candidate in _smaller(best):
            if candidate in tried or not candidate:
                continue
            tried.add(candidate)
            found = shows(candidate)
            if found is not None and _measure(found) < _measure(best):
                best, is_better = found, True
                yield best
                break


def _measure(program: Program) -> tuple[int, int, int]:
    """By what one program is smaller than another one; no two candidates are, both ways."""
    processes = {it.by for it in program}
    return len(program), len(processes), sum(map(_weight, program))


def _weight(step: Step) -> int:
    total = 0
    for kind, word in worded(step):
        if kind is Word.RULESET:
            total += 1 + word.count(",") + (int(word[2:]) if word.startswith("x=") else 1)
        elif word in (options := OPTIONS.get(kind, ())):
            total += options.index(word)
    return total


def _smaller(program: Program) -> Iterator[Program]:
    yield from _without_steps(program)
    yield from _without_processes(program)
    yield from _from_elsewhere(program)
    for place, step in enumerate(program):
        for simpler in _simpler(step):
            yield (*program[:place], simpler, *program[place + 1 :])


def _without_steps(program: Program) -> Iterator[Program]:
    """Without some steps in a row, many before few; those in front go last, as more needs them."""
    count = len(program)
    size = count // 2
    while size:
        for start in range(count - size, -1, -size):
            yield _whole((*program[:start], *program[start + size :]))
        size //= 2


def _whole(program: Program) -> Program:
    """Without the steps that name what no step before them makes."""
    there, kept = {FIRST}, []
    for step in program:
        if _named(step) <= there:
            kept.append(step)
            there.add(step.gives)
    return tuple(kept)


def _named(step: Step) -> set[str]:
    return {step.by, *(word for kind, word in worded(step) if kind in MADE)}


def _without_processes(program: Program) -> Iterator[Program]:
    """With what a process does done by the one that made it."""
    for place, made in enumerate(program):
        if ACTIONS[made.action].gives is not Gives.PROCESS:
            continue
        rest = (*program[:place], *program[place + 1 :])
        yield tuple(_renamed(it, made.gives, made.by) for it in rest)


def _from_elsewhere(program: Program) -> Iterator[Program]:
    """Without a change of the folder, and with another name in the last step."""
    for place, moved in enumerate(program[:-1]):
        if moved.action in ("chdir", "fchdir"):
            for last in _with_other_names(program[-1]):
                yield (*program[:place], *program[place + 1 : -1], last)


def _with_other_names(step: Step) -> Iterator[Step]:
    for place, (kind, _) in enumerate(worded(step)):
        for name in OPTIONS[kind] if kind in PATHS else ():
            yield replace(step, words=(*step.words[:place], name, *step.words[place + 1 :]))


def _renamed(step: Step, old: str, new: str) -> Step:
    words = tuple(new if word == old and kind in MADE else word for kind, word in worded(step))
    return replace(step, by=new if step.by == old else step.by, words=words)


def _simpler(step: Step) -> Iterator[Step]:
    """The step with one word that is simpler, or left out."""
    for place, (kind, word) in enumerate(worded(step)):
        before, behind = step.words[:place], step.words[place + 1 :]
        if kind is Word.RULESET:
            if before or behind:
                yield replace(step, words=(*before, *behind))
            for simpler in _fewer(word):
                yield replace(step, words=(*before, simpler, *behind))
        options = OPTIONS.get(kind, ())
        if word in options:
            for simpler in options[: options.index(word)]:
                yield replace(step, words=(*before, simpler, *behind))


def _fewer(word: str) -> Iterator[str]:
    """A word of a ruleset with one right, or with one less; or enforced less often."""
    mark = "=" if "=" in word else ":"
    key, _, value = word.partition(mark)
    if value.isdecimal():
        yield from (f"{key}{mark}{it}" for it in range(2, int(value)))
        return
    rights = value.split(",")
    if len(rights) > 1:
        yield from (f"{key}{mark}{it}" for it in rights)
    if len(rights) > 2:
        for place in range(len(rights)):
            yield f"{key}{mark}{','.join((*rights[:place], *rights[place + 1 :]))}"


def tidy(program: Program) -> Program:
    """The same program with names in order: ``p0``, ``p1``, and no numbers left out."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {Gives.PROCESS.value: 1}
    found = []
    for step in program:
        words = (names.get(it, it) if kind in MADE else it for kind, it in worded(step))
        renamed = replace(step, by=names.get(step.by, step.by), words=tuple(words))
        if step.gives:
            prefix = step.gives.rstrip("0123456789")
            number = counts.get(prefix, 0)
            counts[prefix] = number + 1
            names[step.gives] = f"{prefix}{number}"
            renamed = replace(renamed, gives=names[step.gives])
        found.append(renamed)
    return tuple(found)
