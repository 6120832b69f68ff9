# SPDX-License-Identifier: MIT
"""Promises of what calls give: their arguments, their programs, and what a failure means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, Protocol, TypeVar, overload

from suite.agent import wire
from suite.agent.channel import Channel, patience_s
from suite.errors import LandproofError
from suite.judge.outcome import Outcome, errno_name
from suite.judge.records import NOT_MODELLED
from suite.process.strace import ending, shown
from suite.process.target_order import as_ours
from suite.values import Argument, InOut, Out, Promise

_T = TypeVar("_T")


class CallError(LandproofError):
    """A call did not do what the case needs; ``call`` says which."""

    def __init__(self, call: Call, message: str) -> None:
        super().__init__(message)
        self.call = call

    @property
    def cause(self) -> tuple[str, str]:
        """The call by name, and how it failed, by errno as a rule; or the first that failed at all.

        The latter if the call was left out, since another of its program had failed.
        """
        batch = self.call.batch
        failed = (
            (call.name, _failure(record))
            for call in (self.call, *batch.calls)
            if (record := batch.records.get(call.index)) and record.failed
        )
        return next(failed, (self.call.name, ""))


class SetupError(CallError):
    """A call that had to succeed failed: the case can't be judged."""


class HungError(CallError):
    """A call outlived its deadline; its process was killed."""


class NotModelledError(CallError):
    """The target has no word for a call (see ``Channel``), so it can't show the case."""


class FilteredError(LandproofError):
    """A seccomp filter kills who makes a call, so it was not made: no case can be shown with it."""


class Mode(Enum):
    """What a call's failure means."""

    MUST = auto()
    """The set-up is broken: leave out the rest of the program and raise SetupError."""
    OBSERVED = auto()
    """The failure is what the case is about: leave out the rest of the block."""
    GATE = auto()
    """Landlock refused: leave out the rest of the program; the refusal becomes the outcome."""
    DEATH = auto()
    """Nothing: the call is expected to end its process."""


@dataclass(frozen=True, slots=True)
class Gave:
    """An outcome that an observation gave."""

    outcome: Outcome
    calls: list[Call]
    outside: list[Call] | None = None
    """The calls that were to come to the same, if that was asked."""


class Sender(Protocol):
    """Who sends programs: a session."""

    channel: Channel
    is_big: bool
    """Whether the target is big-endian."""
    given: list[Gave]
    """The outcomes that observations gave in this case."""
    shares_memory: bool

    def flush(self) -> None:
        """Send the pending program and take its records."""


@dataclass(slots=True, eq=False)
class Call(Promise):
    """A promise of what one operation gives."""

    batch: Batch
    index: int
    name: str
    mode: Mode
    arguments: tuple[Argument, ...] = field(repr=False)

    @property
    def record(self) -> wire.Record | None:
        """What came back; None if the call was left out because an earlier one failed."""
        batch = self.batch
        batch.settle()
        return batch.records.get(self.index)

    @property
    def may_bar(self) -> bool:
        """Whether it is known to have failed, or not yet known to have passed."""
        batch = self.batch
        if batch.error or not batch.records:
            return True
        record = batch.records.get(self.index)
        return record is not None and record.failed

    @property
    def value(self) -> int:
        """The result.

        Raises:
            SetupError: The call failed or was left out.
        """
        record = self.record
        if record is None or record.failed:
            raise SetupError(self, f"{self} {self.failure or 'was left out'}")
        return record.value

    @property
    def failure(self) -> str | None:
        """The errno's name, or how the process ended; None after success or if it was left out."""
        record = self.record
        if record is None or not record.failed:
            return None
        return _failure(record)

    @property
    def data(self) -> bytes:
        """The out buffers, each padded to 8 bytes.

        Raises:
            SetupError: The call failed or was left out, or its process died before it answered:
                the target still knows the values of a dead process, but not its buffers.
        """
        _ = self.value
        record = self.record
        data = self._as_ours(record.data) if record else b""
        if not data and any(_fills(argument) for argument in self.arguments):
            raise SetupError(self, f"{self}: its buffers were lost with its process")
        return data

    @property
    def known(self) -> int | None:
        """The result; None if the call has not succeeded, or not yet."""
        record = self.batch.records.get(self.index)
        return None if record is None or record.failed else record.value

    @property
    def known_data(self) -> bytes:
        """The out buffers, as far as they are there."""
        record = self.batch.records.get(self.index)
        return self._as_ours(record.data) if record and not record.failed else b""

    def integer(self, offset: int, width: int) -> int | None:
        """An integer in the out buffers, signed if it has 4 bytes; None if it is not there."""
        record = self.batch.records.get(self.index)
        if record is None or record.failed or len(record.data) < offset + width:
            return None
        order: Literal["little", "big"] = "big" if self.batch.sender.is_big else "little"
        raw = record.data[offset : offset + width]
        return int.from_bytes(raw, order, signed=width == 4)

    def _as_ours(self, data: bytes) -> bytes:
        return as_ours(self.arguments, data) if data and self.batch.sender.is_big else data

    def __str__(self) -> str:
        return shown(self.name, self.arguments, self.known, self.known_data)

    def told(self) -> str:
        """``[process] call = result`` as strace prints it, or ``?`` without an answer."""
        op, record = self.batch.ops[self.index], self.batch.records.get(self.index)
        gave = ending(record.value) if record and record.status == wire.Status.DONE else "?"
        if record and record.status != wire.Status.DONE:
            gave += f" ({_reason(record)})"
        elif record and op.kind is wire.OpKind.FORK and not record.failed:
            gave += f" [{self.arguments[0]!s}]"
        return f"[{op.process}] {self} = {gave}"


def _failure(record: wire.Record) -> str:
    return errno_name(-record.value) if record.status == wire.Status.DONE else record.status.name


def _fills(argument: Argument) -> bool:
    match argument:
        case Out(size):
            return size > 0
        case InOut(data):
            return bool(data)
        case _:
            return False


class Later(Sequence[_T]):
    """A list of what calls gave, made when it is first looked at: so it is a promise, too."""

    def __init__(self, make: Callable[[], list[_T]]) -> None:
        self._make: Callable[[], list[_T]] | None = make
        self._items: list[_T] = []

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        """One item, or a slice."""
        return self._made()[index]

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._made())

    def _made(self) -> list[_T]:
        if self._make:
            self._items, self._make = self._make(), None
        return self._items


@dataclass(slots=True, eq=False, repr=False)  # pytest would print it with every failed case
class Batch:
    """A program being written, then its records."""

    sender: Sender
    ops: list[wire.Op] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    records: dict[int, wire.Record] = field(default_factory=dict)
    sent: bool = False
    beside: bool = False
    """Whether it was sent without waiting, so that others could run beside it."""
    program: int | None = None
    """The program's number while its records are awaited."""
    error: LandproofError | None = None

    @property
    def answered(self) -> bool:
        """Whether the answer to the launched program has arrived."""
        return self.program is None or self.sender.channel.answered(self.program)

    def settle(self) -> None:
        """Send the program unless it was sent already, and wait for its records.

        Raises:
            SetupError: A call that had to succeed failed.
            HungError: A call outlived its deadline.
            AgentLostError: The target died.
        """
        if not self.sent:
            self.sender.flush()
        if self.program is not None:
            self.take()
        if self.error:
            raise self.error

    def take(self) -> None:
        """Wait for the records of a program that was sent; an error is kept in the batch."""
        if self.program is None:
            return
        number, self.program = self.program, None
        try:
            self.records = self.sender.channel.results(number, patience_s(self.ops))
        except LandproofError as error:
            self.error = error
            return
        self.error = _first_error(self)


def _first_error(batch: Batch) -> LandproofError | None:
    for call in batch.calls:
        record = batch.records.get(call.index)
        if record is None or not record.failed:
            continue
        if record.status == wire.Status.NOT_MODELLED:
            return NotModelledError(call, f"{NOT_MODELLED}{_named(call, record)}")
        if call.mode is Mode.DEATH:
            continue
        if record.status == wire.Status.HUNG:
            return HungError(call, f"{call} did not return in {_seconds(batch, call)} s")
        if call.mode is Mode.MUST:
            return SetupError(call, f"{call}: {_reason(record)}")
        if record.status in (wire.Status.DIED, wire.Status.GONE):
            return SetupError(call, f"{call}: its process {_reason(record)}")
    return None


def _named(call: Call, record: wire.Record) -> str:
    """What the target says about the call, such as which ioctl(2) command it is, or its name."""
    return record.data.decode(errors="replace") or call.name


def _seconds(batch: Batch, call: Call) -> float:
    return batch.ops[call.index].deadline_ms / 1000


def _reason(record: wire.Record) -> str:
    return {
        wire.Status.DONE: errno_name(-record.value),
        wire.Status.UNRESOLVED: "an earlier call that it builds on failed",
        wire.Status.DIED: "died in it",
        wire.Status.GONE: "was dead",
    }.get(record.status, record.status.name)
