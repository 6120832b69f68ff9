# SPDX-License-Identifier: MIT
"""From the calls of a case to a script: steps that processes take in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from suite.agent.wire import OpKind, Status
from suite.process.promise import Call, Mode
from suite.process.uapi import CLONE_VFORK
from suite.repro.errors import UnwritableError
from suite.values import Argument, Pack

ROOT = 0
"""Stands for all processes that were there before the case."""


@dataclass(slots=True, eq=False)
class Step:
    """One call; or one half of passing a file, which takes two processes."""

    call: Call
    process: int
    group: str = ""
    """``CONTROL``, ``OBSERVED``, ``OTHER`` for an action that may fail; empty for a set-up."""
    number: int = 0
    end: int = 0
    """Where the script goes on if it fails: behind its action."""
    takes: bool = False
    """Whether it is the half that takes the file."""
    key: object = None
    """Of the action, so that two in a row are told apart."""

    @property
    def kind(self) -> OpKind:
        """What the agent did."""
        return self.call.batch.ops[self.call.index].kind

    @property
    def passes_first(self) -> bool:
        """Whether its process can't pass the turn once it has made the call."""
        return self.is_fatal or self.waits_for_child

    @property
    def is_fatal(self) -> bool:
        """Whether the call ended its process."""
        record = self.call.batch.records.get(self.call.index)
        return record is not None and record.status == Status.DIED

    @property
    def waits_for_child(self) -> bool:
        """Whether it is a vfork(2)."""
        flags = self.call.arguments[1] if self.kind is OpKind.FORK else 0
        return isinstance(flags, int) and bool(flags & CLONE_VFORK)


@dataclass(slots=True)
class Script:
    """A case as steps."""

    steps: list[Step]
    parents: dict[int, int] = field(default_factory=dict)
    """Of each process that the case makes, who makes it."""

    def blocks(self, process: int) -> Iterator[list[Step]]:
        """The steps of a process that it takes in one go."""
        for mine, block in groupby(self.steps, key=lambda it: it.process == process):
            if mine:
                yield from _split(block)


def _split(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Apart, where one is of another action, or its process may not be there to go on."""
    current: list[Step] = []
    for step in steps:
        alone = step.passes_first or step.kind is OpKind.EXEC
        if current and (alone or step.key is not current[-1].key):
            yield current
            current = []
        current.append(step)
        if alone:
            yield current
            current = []
    if current:
        yield current


def script(
    calls: Sequence[Call], observed: Sequence[Call], control: Sequence[Call] | None
) -> Script:
    """The steps of a case.

    Args:
        calls: All that it did, in order.
        observed: The calls of the action that was judged.
        control: Those of its control, if there was one.

    Raises:
        UnwritableError: It does something that can't be written yet.
    """
    _refuse(calls)
    made = {call.arguments[0] for call in calls if _kind(call) is OpKind.FORK}
    steps: list[Step] = []
    parents: dict[int, int] = {}
    for call in calls:
        who = call.batch.ops[call.index].process
        process = who if who in made else ROOT
        group, key = _group(call, observed, control or ())
        steps.append(Step(call, process, group, key=key))
        first = call.arguments[0] if call.arguments else None
        if _kind(call) is OpKind.FORK and isinstance(first, int):
            parents[first] = process
        elif _kind(call) is OpKind.GIVE and isinstance(call.arguments[1], int):
            receiver = call.arguments[1] if call.arguments[1] in made else ROOT
            steps.append(Step(call, receiver, group, key=key, takes=True))
    for number, step in enumerate(steps, start=1):
        step.number = number
    ends = {id(step.key): step.number + 1 for step in steps if step.key is not None}
    for step in steps:
        step.end = ends.get(id(step.key), step.number + 1)
    return Script(steps, parents)


def _kind(call: Call) -> OpKind:
    return call.batch.ops[call.index].kind


def _group(call: Call, observed: Sequence[Call], control: Sequence[Call]) -> tuple[str, object]:
    """The name of the action that a call belongs to, and an object that stands for it."""
    if call in observed:
        return "OBSERVED", observed
    if call in control:
        return "CONTROL", control
    if call.mode is Mode.OBSERVED:
        end = call.batch.ops[call.index].on_fail
        return "OTHER", next(it for it in call.batch.calls if it.batch.ops[it.index].on_fail == end)
    return "", None


def refuse_places(calls: Sequence[Call], place: str, agent: str) -> None:
    """Refuse files that were there before the case.

    Raises:
        UnwritableError: There is one.
    """
    made = {agent}
    for call in calls:
        for text in _strings(call.arguments):
            if text.startswith(f"{place}/"):
                first = "/".join(text.split("/")[: place.count("/") + 2])
                if call.name in ("mkdirat", "mkdir"):
                    made.add(first)
                if first not in made:
                    raise UnwritableError(f"it uses {first}, which was there before")
            if "/map_files/" in text:
                raise UnwritableError("it names its own mappings")


def _strings(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, Pack):
            yield from _strings(it[1] for it in argument.fields if not isinstance(it, bytes))


def _refuse(calls: Sequence[Call]) -> None:
    for call in calls:
        if any(isinstance(it, bytes) and it.startswith(b"\x7fELF") for it in call.arguments):
            raise UnwritableError("it writes a program")
        if call.batch.beside:
            raise UnwritableError("its processes make calls at the same time")
        if call.name == "execve" or (call.name == "execveat" and _kind(call) is OpKind.CALL):
            raise UnwritableError("it executes a program that is not the reproducer itself")
        if _kind(call) is OpKind.EXEC and str(call.arguments[1]).endswith("agent32"):
            raise UnwritableError("it makes 32-bit system calls")
        if _kind(call) is OpKind.EXEC and call.mode is Mode.DEATH:
            raise UnwritableError("it executes what ends its process")
