# SPDX-License-Identifier: MIT
"""A program on a model, step by step: what it could go on with, and which rules it has met."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from suite.agent.channel import AgentLostError
from suite.explore.explorer import Lane
from suite.explore.given import HUNG, NOT_MODELLED, code_of, word
from suite.explore.manner import PLAIN
from suite.fuzz.action import Gives, Word
from suite.fuzz.actions import ACTIONS
from suite.fuzz.program import FIRST, Step
from suite.fuzz.run import Run
from suite.fuzz.scene import space_of, take
from suite.kernel.channel import ModelChannel
from suite.kernel.hooks import Object
from suite.kernel.inodes import Dentry
from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.model.log import blockers
from suite.model.verdicts import Cause
from suite.process.promise import Call
from suite.targets.base import Ground

_KEY = 1
"""Of its stage; whole programs are played on another one of the same model."""


class Met(NamedTuple):
    """Something that a program has met: what fuzzing looks for more of."""

    action: str
    outcome: str
    layer: int
    """The one that denied, counted from 0; -1 if none did."""
    blockers: str
    """What was missing in it."""


class Taken(NamedTuple):
    """What a step came to."""

    code: int
    met: frozenset[Met]
    lacks: str
    """What the model has no word for, if that is what it came to."""

    @property
    def is_last(self) -> bool:
        """Whether nothing can come after it: the model does not know what it would be."""
        return self.code in (NOT_MODELLED, HUNG)


@dataclass(slots=True)
class Rehearsal:
    """Programs on a model, one after the other."""

    ground: Ground
    _lane: Lane = field(init=False)
    _kernel: ModelChannel = field(init=False)
    _numbers: count[int] = field(default_factory=count)
    _run: Run | None = None
    _files: dict[str, tuple[int, File]] = field(default_factory=dict)
    """Of descriptors that were made: their number, and the open file."""
    _heard: list[Cause] = field(default_factory=list)
    _home: Dentry | None = None
    """The program's folder."""
    _live: list[str] | None = None
    _had: dict[tuple[str, Word], list[str]] = field(default_factory=dict)
    """What was asked since the last step, as each action asks for it."""

    def __post_init__(self) -> None:
        channel = self.ground.session.channel
        assert isinstance(channel, ModelChannel)  # noqa: S101 (it is a model's ground)
        self._kernel = channel
        self._lane = Lane(self.ground, space_of({}), PLAIN, _KEY)
        channel.kernel.hooks.witnesses.append(self._hear)

    def _hear(self, cause: Cause, _about: Object, _is_logged: bool) -> None:
        self._heard.append(cause)

    def begin(self) -> None:
        """Begin a program."""
        number = next(self._numbers)
        self._lane.scene_for(number)
        self._run = Run(self._lane.trial, number)
        self._files.clear()
        self._forget()
        self._run.lay()
        self._flush()
        first = self._task(FIRST)
        self._home = first.fs.cwd.dentry if first else None

    @property
    def run(self) -> Run:
        """The program that was begun."""
        assert self._run  # noqa: S101 (it was begun)
        return self._run

    def end(self) -> None:
        """End it."""
        self._lane.send()
        self._lane.end()
        self._run = None

    def _forget(self) -> None:
        self._live = None
        self._had.clear()

    def _flush(self) -> None:
        batch = self._lane.session.pending
        self._lane.session.flush()
        if isinstance(batch.error, AgentLostError):
            raise batch.error

    def take(self, step: Step) -> Taken:
        """Take a step.

        Raises:
            AgentLostError: The model has a bug.
        """
        self._heard.clear()
        self._forget()
        trial = self.run.trial
        trial.decide(str(step), take, self.run, step)
        calls = trial.decided[-1]
        self._flush()
        code = code_of(calls)
        if code == NOT_MODELLED:
            return Taken(code, frozenset(), _lacking(calls))
        self._keep(step)
        outcome = word(code)
        met = {Met(step.action, outcome, it.layer, blockers(it)) for it in self._heard}
        return Taken(code, frozenset(met or {Met(step.action, outcome, -1, "")}), "")

    def _keep(self, step: Step) -> None:
        """Keep which file a new descriptor is."""
        made = self.run.descriptors.get(step.gives)
        if not step.gives or not isinstance(made, Call) or made.known is None:
            return
        if ACTIONS[step.action].gives is Gives.SAME:
            self._files[step.gives] = made.known, self._files[step.words[0]][1]
        elif (task := self._task(step.by)) is not None:
            self._files[step.gives] = made.known, task.files.slots[made.known].file

    def _task(self, name: str) -> Task | None:
        task = self._kernel.kernel.tasks.get(self.run.processes[name].id)
        return task if task is not None and task.is_alive else None

    @property
    def processes(self) -> list[str]:
        """Those that live, in the order in which they were made."""
        if self._live is None:
            self._live = [it for it in self.run.processes if self._task(it) is not None]
        return self._live

    @property
    def leaders(self) -> list[str]:
        """Those of them that are the first threads of their processes."""
        return [it for it in self.processes if (task := self._task(it)) and task.is_leader]

    def is_home(self, process: str) -> bool:
        """Whether a process is still in the folder of the program."""
        task = self._task(process)
        return task is not None and task.fs.cwd.dentry is self._home

    def is_capable(self, process: str) -> bool:
        """Whether a process has the capabilities of root."""
        task = self._task(process)
        return task is not None and task.credentials.effective != 0

    def layers(self, process: str) -> int:
        """How many layers the domain of a process has."""
        task = self._task(process)
        return len(task.credentials.landlock.domain) if task is not None else 0

    @property
    def made(self) -> int:
        """How many processes there were."""
        return len(self.run.processes)

    def descriptors(self, process: str, kind: Word) -> list[str]:
        """The descriptors of a kind that a process has, in the order in which they were made."""
        key = process, kind
        if key not in self._had:
            self._had[key] = self._having(process, kind)
        return self._had[key]

    def _having(self, process: str, kind: Word) -> list[str]:
        task = self._task(process)
        if task is None:
            return []
        slots = task.files.slots
        return [
            name
            for name, (number, file) in self._files.items()
            if number in slots
            and slots[number].file is file
            and (kind is Word.DESCRIPTOR or (kind is Word.FILE) is name.startswith(FILE))
        ]

    def fresh(self, prefix: str) -> str:
        """A name that nothing in the program has."""
        there = self.run.processes.keys() | self.run.descriptors.keys()
        return next(name for it in count() if (name := f"{prefix}{it}") not in there)


FILE = Gives.FILE.value
assert FIRST.startswith(Gives.PROCESS.value)  # noqa: S101 (names of processes are alike)


def _lacking(calls: list[Call]) -> str:
    for call in calls:
        record = call.batch.records.get(call.index)
        if record is not None and record.data and record.failed:
            return record.data.decode(errors="replace")
    return calls[-1].name
