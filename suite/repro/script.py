# SPDX-License-Identifier: MIT
"""From the calls of a case to a script: steps that processes take in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from suite.agent.wire import OpKind, Status
from suite.process.promise import Call, Mode
from suite.process.uapi import CLONE_VFORK, CLONE_VM
from suite.repro.errors import UnwritableError
from suite.values import Argument, Pack

_PLAIN_FORKS = {17, 17 | CLONE_VM}  # SIGCHLD
ROOT = 0
"""Stands for all processes that were there before the case."""


@dataclass(slots=True, eq=False)
class Step:
    """One call; or one half of passing a file, which takes two processes."""

    call: Call
    process: int
    action: str = ""
    """``CONTROL``, ``OBSERVED``, or ``OTHER_1`` and so on for one whose failure is of no matter;
    empty for a set-up."""
    takes: bool = False
    """Whether it is the half that takes the file."""
    child: int = 0
    """The process that it makes, if it makes one."""
    is_narrow: bool = False
    """Whether it is a 32-bit call."""

    @property
    def kind(self) -> OpKind:
        """What the agent did."""
        return kind_of(self.call)

    @property
    def stands_alone(self) -> bool:
        """Whether its process may not be there to go on behind it, or is another image."""
        return self.passes_first or self.kind is OpKind.EXEC

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


@dataclass(slots=True, eq=False)
class Turn:
    """What one process does before another one's turn comes."""

    number: int
    """From 1 on."""
    process: int
    steps: list[Step]
    skips: str = ""
    """The action whose failure leaves out the next turns, since it was to make their process."""
    skips_to: int = 0


@dataclass(slots=True)
class Script:
    """A case as turns of its processes."""

    turns: list[Turn]
    parents: dict[int, int] = field(default_factory=dict)
    """Of each process that the case makes, who makes it."""
    narrow: set[int] = field(default_factory=set)
    """The processes that make 32-bit calls."""

    @property
    def steps(self) -> list[Step]:
        """All steps, in order."""
        return [step for turn in self.turns for step in turn.steps]

    @property
    def processes(self) -> list[int]:
        """The processes, first made first; those that were there before, if they do anything."""
        before = [ROOT] if any(turn.process == ROOT for turn in self.turns) else []
        return [*before, *self.parents]

    def of(self, process: int) -> list[Turn]:
        """The turns of a process."""
        return [turn for turn in self.turns if turn.process == process]


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of a case's calls were looked at."""

    observed: Sequence[Call]
    """Those of the action that was judged."""
    control: Sequence[Call] | None = None
    """Those of its control, if there was one."""
    outside: Sequence[Call] | None = None
    """Those of an action outside of the domain: what came to the same is as good as allowed."""

    @property
    def actions(self) -> dict[int, str]:
        """The names of their actions, by the ids of calls."""
        kinds = {
            "CONTROL": self.control or (),
            "OUTSIDE": self.outside or (),
            "OBSERVED": self.observed,
        }
        return {id(call): name for name, calls in kinds.items() for call in calls}


def script(calls: Sequence[Call], seen: Seen) -> Script:
    """The turns of a case.

    Args:
        calls: All that it did, in order.
        seen: Which of them were looked at.

    Raises:
        UnwritableError: It does something that can't be written yet.
    """
    _refuse(calls)
    actions = _actions(calls, seen)
    steps: list[Step] = []
    parents: dict[int, int] = {}
    known: dict[Argument, int] = {}  # by the number that it has for the agent
    narrow: set[int] = set()
    for call in calls:
        process = known.get(call.batch.ops[call.index].process, ROOT)
        if makes_narrow(call):
            narrow.add(process)
            continue
        action = actions.get(id(call), "")
        steps.append(Step(call, process, action, is_narrow=process in narrow))
        if kind_of(call) is OpKind.FORK:
            steps[-1].child = known[call.arguments[0]] = len(parents) + 1
            parents[steps[-1].child] = process
            narrow |= {steps[-1].child} if process in narrow else set()
        elif kind_of(call) is OpKind.GIVE:
            steps.append(Step(call, known.get(call.arguments[1], ROOT), action, takes=True))
    return _with_skips(Script(_turns(steps), parents, narrow))


def without_root(written: Script) -> Script:
    """The script without those who were there before, if they only make the first process."""
    first = written.turns[0]
    plain = first.process == ROOT and len(first.steps) == 1 and not first.steps[0].action
    if not plain or first.steps[0].kind is not OpKind.FORK or len(written.of(ROOT)) > 1:
        return written
    if first.steps[0].call.arguments[1] not in _PLAIN_FORKS or first.steps[0].stands_alone:
        return written
    for turn in written.turns:
        turn.number -= 1
        turn.skips_to -= 1
    return Script(written.turns[1:], written.parents, written.narrow)


def _turns(steps: Iterable[Step]) -> list[Turn]:
    turns: list[Turn] = []
    for step in steps:
        last = turns[-1] if turns else None
        if (
            last is None
            or last.process != step.process
            or last.steps[-1].stands_alone
            or step.passes_first
        ):
            turns.append(Turn(len(turns) + 1, step.process, [step]))
        else:
            last.steps.append(step)
    return turns


def _with_skips(written: Script) -> Script:
    """Leave out the turns of processes that an action was to make, if it failed before."""
    makers = {it.child: it.action for it in written.steps if it.child and it.action}
    for turn, following in pairwise(written.turns):
        action = makers.get(following.process, "")
        if action and following.process != turn.process:
            turn.skips = action
            later = written.turns[following.number :]
            turn.skips_to = next(
                (it.number for it in later if makers.get(it.process) != action),
                len(written.turns) + 1,
            )
    return written


def kind_of(call: Call) -> OpKind:
    """What the agent did."""
    return call.batch.ops[call.index].kind


def makes_narrow(call: Call) -> bool:
    """Whether it executes the agent whose calls are 32-bit ones."""
    return kind_of(call) is OpKind.EXEC and str(call.arguments[1]).endswith("agent32")


def _actions(calls: Sequence[Call], seen: Seen) -> dict[int, str]:
    """The name of the action that a call belongs to, by the call's id."""
    names = seen.actions
    others: dict[tuple[int, int], str] = {}
    for call in calls:
        if call.mode is Mode.OBSERVED and id(call) not in names:
            # Calls of one action go on at the same place if they fail.
            key = id(call.batch), call.batch.ops[call.index].on_fail
            names[id(call)] = others.setdefault(key, f"OTHER_{len(others) + 1}")
    return names


def refuse_places(calls: Sequence[Call], place: str, agent: str) -> None:
    """Refuse files that were there before the case.

    Raises:
        UnwritableError: There is one.
    """
    made = {agent}
    for call in calls:
        if makes_narrow(call):
            continue
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
        if call.name == "execve" or (call.name == "execveat" and kind_of(call) is OpKind.CALL):
            raise UnwritableError("it executes a program that is not the reproducer itself")
        if kind_of(call) is OpKind.EXEC and call.mode is Mode.DEATH:
            raise UnwritableError("it executes what ends its process")
