# SPDX-License-Identifier: MIT
"""Hunts on several targets at once, a process each."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol, Self

from suite.errors import Exit, LandproofError, told_fault
from suite.explore.causes import MODEL, Which
from suite.explore.pool import END_S, end, start
from suite.explore.worker import Down, Maker, Up
from suite.fuzz.compare import Pair
from suite.fuzz.explain import Explains
from suite.fuzz.finding import Agreement, Finding, Tally
from suite.fuzz.program import Program
from suite.fuzz.subject import Subject


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done on a target."""

    target: str
    kept: tuple[Program, ...]
    """Programs that are played first."""
    shows: bool
    """Whether it is also told on which of them all is well: they were asked for."""
    most: int
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Over:
    """All of an order is done."""


Said = Up | Finding | Agreement | Tally | Down | Over


class Heard(Protocol):
    """Who is told of all that workers say."""

    def up(self, target: str, up: Up) -> None:
        """A target has come up."""

    def found(self, finding: Finding) -> None:
        """A program shows a difference; a smaller one of the same may follow."""

    def agreed(self, agreement: Agreement) -> None:
        """A program that was asked for shows none."""

    def tallied(self, target: str, tally: Tally) -> None:
        """So much was done on a target."""

    def down(self, target: str, down: Down) -> None:
        """A target is given up."""


class Link:
    """A connection to who asked; what nobody hears any more is dropped, with an end to the work."""

    def __init__(self, link: Connection) -> None:
        self._link = link

    def __call__(self, said: Said) -> None:
        """Say something."""
        try:
            self._link.send(said)
        except OSError as error:
            raise KeyboardInterrupt from error


def fill(make: Maker, order: Order, say: Link) -> None:
    """Do what an order says.

    Raises:
        LandproofError: The target can't be had, or not any more.
    """
    # Whoever fuzzes needs it, and nobody else is to wait for it.
    from suite.fuzz.hunt import Hunt  # noqa: PLC0415 (Hypothesis takes a while to import)

    subject = Subject(make(order.target))
    subject.target.name = order.target
    try:
        ground = subject.up()
        kernel = subject.target.kernel
        say(Up(ground.facts, kernel.sha256 if kernel else ""))
        if not ground.facts.abi:
            say(Down("it has no Landlock", Exit.NO_LANDLOCK))
            return
        is_model = order.target.startswith(MODEL)
        name = order.target if is_model else str(Which.of(ground.facts))
        pair = Pair(order.target, subject, name, Subject(make(name)))
        explains = Explains(Which.of(ground.facts), make)
        until = time.monotonic() + order.seconds
        hunt = Hunt(pair, order.most, until, order.seed, say, explains)
        hunt.replay(order.kept, shows=order.shows)
        hunt.run()
    finally:
        subject.stop()


def work(make: Maker, order: Order, link: Connection) -> None:
    """Fill an order and tell of it over a connection: the whole of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent hears of it, and ends us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # processes of targets inherit that
    say = Link(link)
    with suppress(KeyboardInterrupt):
        try:
            fill(make, order, say)
            say(Over())
        except LandproofError as error:
            say(Down(str(error), error.exit))
        except Exception as error:  # noqa: BLE001 (told by our parent, whatever it is)
            say(Down(told_fault(error)))


@dataclass(slots=True)
class _Worker:
    order: Order
    process: SpawnProcess
    link: Connection


@dataclass(slots=True)
class Crew:
    """Workers, as a context manager: whatever ends the block ends them.

    Args:
        make: Makes targets; a function of a module, for other processes to call.
        workers: How many targets are up at once.
        heard: Is told of everything.
    """

    make: Maker
    workers: int
    heard: Heard
    _crew: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def run(self, orders: Iterable[Order]) -> None:
        """Fill all orders."""
        left = deque(orders)
        while left or self._crew:
            while left and len(self._crew) < self.workers:
                self._hire(left.popleft())
            for link in wait([it.link for it in self._crew], timeout=1):
                self._hear(next(it for it in self._crew if it.link is link))

    def _hire(self, order: Order) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(self.make, order, theirs), daemon=True)
        start(process)
        theirs.close()
        self._crew.append(_Worker(order, process, ours))

    def _hear(self, worker: _Worker) -> None:
        name = worker.order.target
        try:
            said: Said = worker.link.recv()
        except (EOFError, OSError):
            worker.process.join(END_S)
            said = Down(f"its worker ended with {worker.process.exitcode}")
        match said:
            case Up():
                self.heard.up(name, said)
            case Finding():
                self.heard.found(said)
            case Agreement():
                self.heard.agreed(said)
            case Tally():
                self.heard.tallied(name, said)
            case Down():
                self.heard.down(name, said)
        if isinstance(said, Down | Over):
            self._crew.remove(worker)
            worker.link.close()
            worker.process.join(END_S)

    def end(self) -> None:
        """End the workers, and their targets with them."""
        crew, self._crew = self._crew, []
        end([(it.process, it.link) for it in crew])
