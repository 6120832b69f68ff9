# SPDX-License-Identifier: MIT
"""A process that plays programs on one target at a time, and a death of the target does not end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from suite.agent.channel import AgentLostError
from suite.errors import Exit, LandproofError, told_fault
from suite.explore.alone import FIRST_KEY, alone
from suite.explore.explorer import LostError, play, started
from suite.explore.given import Given
from suite.explore.manner import MANNERS, PLAIN
from suite.explore.space import Space
from suite.explore.spaces import SPACES
from suite.judge.records import Facts, Verdict
from suite.process.promise import Call
from suite.targets.base import Ground, Target

Maker = Callable[[str], Target]
"""Makes a target of a name, not started. It is sent to other processes."""
_MOST_STARTS = 20
"""A target that dies again and again is given up after so many starts."""
_GONE = (EOFError, BrokenPipeError, ConnectionResetError)
_EVERY_S = 0.5
"""How often what was given is sent."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Programs that are to be played on a target, in a manner."""

    target: str
    space: str
    manner: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Up:
    """A target has come up."""

    facts: Facts
    build: str


@dataclass(frozen=True, slots=True)
class Played:
    """What programs gave."""

    given: tuple[tuple[int, Given], ...]
    over: bool
    """Whether these are the last of the chunk."""


@dataclass(frozen=True, slots=True)
class Down:
    """The target is given up."""

    why: str
    exit: Exit = Exit.INFRASTRUCTURE


Said = Up | Played | Down


class Player:
    """Targets, one up at a time."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._target: Target | None = None
        self._ground: Ground | None = None
        self._starts = 0
        self._shown = 0

    def on(self, name: str) -> Up | None:
        """Have a target up; what it is if it is not the one that was."""
        if self._target is not None and self._target.name == name:
            return None
        self.stop()
        self._target = self._make(name)
        self._target.name = name
        self._starts = 0
        ground = self._started()
        kernel = self._target.kernel
        return Up(ground.facts, kernel.sha256 if kernel else "")

    def _started(self) -> Ground:
        assert self._target  # noqa: S101 (it was made)
        if self._ground is None:
            if self._starts >= _MOST_STARTS:
                raise LandproofError(f"died {self._starts} times")
            self._starts += 1
            self._ground = started(self._target)
        return self._ground

    def play(self, chunk: Chunk) -> Iterator[tuple[int, Given]]:
        """Play programs. If the target dies, those that may have killed it are played alone."""
        if not chunk.numbers:
            return
        space, manner = SPACES[chunk.space], MANNERS.get(chunk.manner, PLAIN)
        left = list(chunk.numbers)
        while left:
            try:
                for number, given in play(self._started(), space, left, manner):
                    left.remove(number) if left[0] != number else left.pop(0)
                    yield number, given
            except LostError as lost:
                self._bury()
                for number in lost.doubtful:
                    left.remove(number)
                    yield number, self._alone(space, number, chunk.manner)

    def shown(self, space: Space, number: int) -> tuple[Given, list[Call]]:
        """Play a program on a stage of its own; what it gave, and its calls."""
        self._shown += 1
        try:
            key = FIRST_KEY + self._shown
            with alone(self._started(), space, number, key) as played:
                return played.given, played.calls
        except AgentLostError as lost:
            return Given(b"", self._bury() or str(lost)), []

    def _alone(self, space: Space, number: int, manner: str) -> Given:
        try:
            ((_, given),) = play(
                self._started(), space, [number], MANNERS.get(manner, PLAIN), in_flight=1
            )
        except LostError as lost:
            return Given(b"", self._bury() or str(lost))
        return given

    def _bury(self) -> str:
        """Take a dead target down; what became of it."""
        assert self._target  # noqa: S101 (it has died)
        why = buried(self._target)
        self._ground = None
        return why

    def stop(self) -> None:
        """Take the target down."""
        if self._target is not None:
            self._target.stop()
        self._target = self._ground = None


def buried(target: Target) -> str:
    """Take a dead target down; what became of it: ``crashed: Kernel panic - not syncing``."""
    verdict, why = target.autopsy()
    target.stop()
    first = why.partition("\n")[0]
    return f"{verdict if verdict is not Verdict.LOST else 'lost'}: {first}"


def work(make: Maker, link: Connection) -> None:
    """Do what is asked for over a connection, until it is closed: the whole of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent hears of it, and ends us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # what we start does not inherit it
    player = Player(make)
    try:
        while True:
            chunk: Chunk = link.recv()
            try:
                _do(player, chunk, link)
            except _GONE:
                raise
            except LandproofError as error:
                link.send(Down(str(error), error.exit))
                player.stop()
            except Exception as error:  # noqa: BLE001 (told by our parent, whatever it is)
                link.send(Down(told_fault(error)))
                player.stop()
    except _GONE:
        pass  # whoever asked has gone
    finally:
        player.stop()


def _do(player: Player, chunk: Chunk, link: Connection) -> None:
    if up := player.on(chunk.target):
        link.send(up)
    kept: list[tuple[int, Given]] = []
    sent = time.monotonic()
    for one in player.play(chunk):
        kept.append(one)
        if time.monotonic() - sent > _EVERY_S:
            link.send(Played(tuple(kept), over=False))
            kept.clear()
            sent = time.monotonic()
    link.send(Played(tuple(kept), over=True))


def chunks(
    target: str, space: str, manner: str, numbers: Sequence[int], size: int = 512
) -> Iterator[Chunk]:
    """Cut numbers into chunks."""
    for start in range(0, len(numbers), size):
        yield Chunk(target, space, manner, tuple(numbers[start : start + size]))
