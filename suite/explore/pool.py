# SPDX-License-Identifier: MIT
"""Several workers, each with a target of its own, and what is left to do for each target."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol, Self

from suite.explore.given import Given
from suite.explore.worker import Chunk, Down, Maker, Played, Said, Up, work

END_S = 10.0
"""How long a worker may take to end its target."""


class Plays(Protocol):
    """Who has programs played: a `Pool`."""

    def run(self, chunks: Mapping[str, Iterable[Chunk]]) -> None:
        """Do all that is asked for, by target."""


class Heard(Protocol):
    """Who is told of all that workers say."""

    def up(self, target: str, up: Up) -> None:
        """A target has come up."""

    def played(self, chunk: Chunk, given: Iterable[tuple[int, Given]]) -> None:
        """Programs gave something."""

    def down(self, target: str, down: Down) -> None:
        """A target is given up, with what was left to do."""


def start(process: SpawnProcess) -> None:
    """Start a worker. It has SIGINT blocked until it lets it through.

    A Ctrl-C is for us; until the worker ignores it, it would end it with a traceback.
    """
    resource_tracker.ensure_running()  # or it would be begun now, and let signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end(workers: Sequence[tuple[SpawnProcess, Connection]]) -> None:
    """End workers, and their targets with them: each ends when its connection does."""
    for _, link in workers:
        link.close()
    for process, _ in workers:
        process.join(END_S)
        if process.is_alive():
            process.terminate()
            process.join(END_S)


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    link: Connection
    target: str = ""
    """The one that it has up, or was asked to bring up."""
    chunk: Chunk | None = None


@dataclass(slots=True)
class Pool:
    """Workers, as a context manager: whatever ends the block ends them.

    Args:
        make: Makes targets; a function of a module, for other processes to call.
        workers: How many there are at most.
        shares: How many of a target may be up at once.
        heard: Is told of everything.
    """

    make: Maker
    workers: int
    heard: Heard
    shares: Callable[[str], int] = lambda _target: 1
    _crew: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def run(self, chunks: Mapping[str, Iterable[Chunk]]) -> None:
        """Do all that is asked for, by target. Targets stay up for what is asked for next."""
        left = {target: deque(them) for target, them in chunks.items()}
        left = {target: them for target, them in left.items() if them}
        while True:
            self._hand_out(left)
            busy = [it for it in self._crew if it.chunk]
            if not busy:
                return
            for link in wait([it.link for it in busy], timeout=1):
                self._hear(next(it for it in busy if it.link is link), left)

    def _hand_out(self, left: dict[str, deque[Chunk]]) -> None:
        for worker in [it for it in self._crew if not it.chunk]:
            target = worker.target if left.get(worker.target) else self._wanting(left)
            if target:
                self._give(worker, left[target].popleft())
        while len(self._crew) < self.workers and (target := self._wanting(left)):
            worker = self._hire()
            self._give(worker, left[target].popleft())

    def _wanting(self, left: dict[str, deque[Chunk]]) -> str:
        """The target that lacks workers most; none if there is none."""
        at_it = Counter(it.target for it in self._crew if it.chunk)
        open_to_more = [it for it in left if left[it] and at_it[it] < self.shares(it)]
        return min(open_to_more, key=lambda it: (at_it[it], -len(left[it])), default="")

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(self.make, theirs), daemon=True)
        start(process)
        theirs.close()
        worker = _Worker(process, ours)
        self._crew.append(worker)
        return worker

    def _give(self, worker: _Worker, chunk: Chunk) -> None:
        worker.chunk, worker.target = chunk, chunk.target
        with suppress(OSError):  # that it is dead is heard soon
            worker.link.send(chunk)

    def _hear(self, worker: _Worker, left: dict[str, deque[Chunk]]) -> None:
        chunk = worker.chunk
        assert chunk  # noqa: S101 (who has none is not listened to)
        try:
            said: Said = worker.link.recv()
        except (EOFError, OSError):
            self._crew.remove(worker)
            worker.process.join(END_S)
            said = Down(f"its worker ended with {worker.process.exitcode}")
        match said:
            case Up():
                self.heard.up(chunk.target, said)
            case Played(given, over):
                self.heard.played(chunk, given)
                if over:
                    worker.chunk = None
            case Down():
                worker.chunk = None
                worker.target = ""
                if left.pop(chunk.target, None) is not None:
                    self.heard.down(chunk.target, said)

    def end(self) -> None:
        """End the workers, and their targets with them."""
        crew, self._crew = self._crew, []
        end([(it.process, it.link) for it in crew])
