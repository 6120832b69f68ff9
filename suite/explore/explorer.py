# SPDX-License-Identifier: MIT
"""Play programs of a space on a started target, several in flight."""

from __future__ import annotations

import fcntl
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from suite.agent.channel import AgentLostError
from suite.errors import Exit, InfrastructureError, LandproofError
from suite.explore.given import DIED, HUNG, NOT_MODELLED, Given
from suite.explore.manner import PLAIN, Manner
from suite.explore.space import Scene, Space
from suite.explore.trial import Stage, Trial, failed
from suite.process.process import Process
from suite.process.promise import Batch, Call
from suite.process.session import Session
from suite.process.syscalls import SYSCALLS, Opens
from suite.process.uapi import MNT_DETACH
from suite.targets.base import Ground, Target

_FOLDERS = "explore"


class LostError(LandproofError):
    """The target died or fell silent; ``doubtful`` are the programs that were in flight."""

    def __init__(self, doubtful: list[int], why: AgentLostError) -> None:
        super().__init__(str(why))
        self.doubtful = doubtful


class RefusedError(LandproofError):
    """The kernel refuses what it says it knows, so that a space can't be explored."""

    exit = Exit.DEVIATES


@dataclass(slots=True)
class Fate:
    """Whether a target is a machine of ours, to be thrown away; a note of its session."""

    disposable: bool = False


def started(target: Target) -> Ground:
    """Start a target for programs.

    Raises:
        InfrastructureError: It does not come up, or has no namespaces of its own: in the machine's
            network a program would send something, and what it gives would be another's.
    """
    ground = target.start()
    if not ground.private:
        raise InfrastructureError(
            "programs need a network and mounts of their own, which landproof can't make there; "
            "run it as root, or where users may make user namespaces"
        )
    ground.session.notes.of(Fate).disposable = target.disposable
    return ground


@dataclass(slots=True)
class Lane:
    """A stage, and the program that is played on it: one at a time."""

    ground: Ground
    space: Space
    manner: Manner
    key: int
    session: Session = field(init=False)
    number: int = -1
    """The program that is in flight."""
    keeps: list[Call] | None = None
    """Takes the calls by which stages are made, if anybody asks for them."""
    _played: int = 0
    _stage: Stage | None = None
    _scene: Scene | None = None
    _trial: Trial | None = None
    _batch: Batch | None = None
    _open: ExitStack = field(default_factory=ExitStack)
    _errors: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = self.ground.session.lane(self.space.processes + 2)

    def begin(self, number: int) -> None:
        """Send a program."""
        self.scene_for(number).play(self.trial, number)
        self.send()

    def scene_for(self, number: int) -> Scene:
        """A scene that is ready for a program: its calls are for `trial`."""
        if self._stage is None or self._played >= self.space.lasts:
            self.strike()
            self._build()
        assert self._stage  # noqa: S101 (it was built)
        assert self._scene  # noqa: S101 (it was set up before)
        self.number = number
        self._played += 1
        self._errors.clear()
        self._open.enter_context(self.session.scope())
        self._trial = Trial(self._stage, self.session)
        return self._scene

    def send(self) -> None:
        """Send what is left of the program's calls: there are no more."""
        self.session.conclude()
        self._batch = self.session.pending
        if self.keeps is None:
            self.session.launch()
        else:
            self.session.flush()

    def end(self) -> Given:
        """What the program came to.

        Raises:
            AgentLostError: The target died.
        """
        assert self._batch  # noqa: S101 (it was begun)
        assert self._trial  # noqa: S101 (it was begun before)
        try:
            self._batch.settle()
        except AgentLostError:
            raise
        except LandproofError as error:
            self._errors.append(error)
        self._open.close()
        given = self._trial.given()
        if self._errors and not given.fault and not self._is_told(given):
            given = failed(self._trial, self._errors)
        self._batch = self._trial = None
        return given

    @property
    def trial(self) -> Trial:
        """The program that was begun."""
        assert self._trial  # noqa: S101 (it was begun)
        return self._trial

    @staticmethod
    def _is_told(given: Given) -> bool:
        """Whether an error is a decision's: a process died or hung in it, or it has no word."""
        return any(code in given.codes for code in (NOT_MODELLED, DIED, HUNG))

    def _build(self) -> None:
        """Make a stage.

        Raises:
            RefusedError: The kernel refuses a ruleset of it.
            SetupError: It can't be made.
        """
        ground = self.ground
        parent = ground.sharing
        holder = parent.fork()
        folder = f"{ground.place}/{_FOLDERS}/{self.key}"
        ground.root.observe(Process.mkdir, f"{ground.place}/{_FOLDERS}")
        ground.root.observe(Process.mkdir, folder)
        if self._has_mount:
            ground.root.mount("tmpfs", folder, "tmpfs")
        if self.manner.binds:
            ground.root.observe(Process.mkdir, f"{folder}b")
            ground.root.bind_mount(folder, f"{folder}b")
        if self.space.no_new_privs:
            holder.no_new_privs()
        is_ours = ground.session.notes.of(Fate).disposable
        self._stage = Stage(
            holder, folder, ground.facts, self.key, self.manner, ground.agent, is_ours
        )
        self._scene = self.space.scene(self._stage)
        ground.session.pending.settle()
        if self.manner.executes or self.space.executes:
            _keep_open(holder)
            ground.session.pending.settle()
        refused = next((it for it in ground.session.standing_gates() if it.failure), None)
        if self.keeps is not None:
            self.keeps += ground.session.calls()
        ground.session.gates.clear()
        ground.session.sent.clear()
        if refused:
            raise RefusedError(
                f"{ground.facts.release} refuses a ruleset of its own ABI version: "
                f"{refused}: {refused.failure}"
            )
        self._played = 0

    @property
    def _has_mount(self) -> bool:
        """Whether its stages are file systems: for what many programs leave behind."""
        return self.ground.private and self.keeps is None

    def close(self) -> None:
        """Take all down that is the lane's; nothing is in flight."""
        self.strike()
        self.ground.session.rejoin(self.session)

    def strike(self) -> None:
        """Take the stage down."""
        stage, self._stage, self._scene = self._stage, None, None
        if stage is None:
            return
        ground = self.ground
        ground.session.kill(stage.holder.id)
        if self.manner.binds:
            ground.root.observe(Process.umount, f"{stage.folder}b", MNT_DETACH)
        if self._has_mount:
            ground.root.observe(Process.umount, stage.folder, MNT_DETACH)


def _keep_open(holder: Process) -> None:
    """Have what a stage has open stay so in a program that its children execute."""
    for call in holder.session.calls():
        opens = call.name in SYSCALLS and SYSCALLS[call.name].opens is Opens.ONE
        is_done = (record := call.batch.records.get(call.index)) is not None and not record.failed
        if opens and is_done and call.batch.ops[call.index].process == holder.id:
            holder.observe(Process.fcntl, call, fcntl.F_SETFD, 0)


def play(
    ground: Ground,
    space: Space,
    numbers: Iterable[int],
    manner: Manner = PLAIN,
    in_flight: int = 0,
) -> Iterator[tuple[int, Given]]:
    """Play programs; each with what it gave, in the order of the numbers.

    Args:
        ground: Of the target.
        space: Of the programs.
        numbers: Which of them.
        manner: In which they are written.
        in_flight: How many at once; 0: as many as the space says.

    Raises:
        LostError: The target died. What was in flight is not known.
    """
    lanes = [Lane(ground, space, manner, key) for key in range(in_flight or space.in_flight)]
    idle, busy = deque(lanes), deque[Lane]()
    try:
        for number in numbers:
            if not idle:
                lane = busy.popleft()
                try:
                    given = lane.end()
                except AgentLostError:
                    busy.appendleft(lane)
                    raise
                idle.append(lane)
                yield lane.number, given
            lane = idle.popleft()
            busy.append(lane)
            lane.begin(number)
        while busy:
            given = busy[0].end()
            yield busy.popleft().number, given
    except AgentLostError as error:
        raise LostError([lane.number for lane in busy], error) from error
    for lane in lanes:
        lane.close()
    with suppress(AgentLostError):
        ground.session.flush()
