# SPDX-License-Identifier: MIT
"""Pipelined calls on a target: promises that are settled together, in as few frames as can be.

Nothing is sent until a value is needed; then the whole pending program goes in one frame. What a
failure means is decided when the call is made (``Mode``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias, TypeVar, overload

from suite.agent import wire
from suite.agent.client import AgentClient, patience_s
from suite.errors import LandproofError
from suite.outcome import errno_name
from suite.syscalls import NUMBERS

_T = TypeVar("_T")
_MOST_KILLS = 256
"""Kills wait for the next program; this many don't."""


class CallError(LandproofError):
    """A call did not do what the case needs; carries the call."""

    def __init__(self, call: Call, message: str) -> None:
        super().__init__(message)
        self.call = call


class SetupError(CallError):
    """A call that had to succeed failed: the case can't be judged."""


class HungError(CallError):
    """A call outlived its deadline; its process was killed."""


class Mode(Enum):
    """What a call's failure means."""

    MUST = auto()
    """The set-up is broken: leave the rest of the program out, raise SetupError."""
    OBSERVED = auto()
    """It is what the case is about: leave the rest of its block out."""
    GATE = auto()
    """Landlock refused: leave the rest of the program out; the case learns it as an outcome."""
    DEATH = auto()
    """The process is expected to end in it."""


@dataclass(frozen=True, slots=True)
class Out:
    """A buffer of ``size`` bytes that the call fills."""

    size: int


@dataclass(frozen=True, slots=True)
class InOut:
    """A buffer that the call reads and fills."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Int:
    """A little-endian integer that an earlier call left in its out buffers.

    ``offset`` counts over all of them, each padded to 8 bytes.
    """

    call: Call
    offset: int
    width: int = 4


@dataclass(frozen=True, slots=True)
class Pack:
    """A buffer laid out from bytes as they are and (width, value) pairs.

    A value is an integer, a promise, or what the field shall point to.
    """

    fields: tuple[bytes | tuple[int, Argument], ...]


Argument: TypeAlias = "int | Call | Int | bytes | str | Out | InOut | Pack | None"


@dataclass(slots=True, eq=False)
class Call:
    """A promise of what one operation gives."""

    batch: Batch
    index: int
    name: str
    mode: Mode
    arguments: tuple[Argument, ...] = field(repr=False)

    @property
    def record(self) -> wire.Record | None:
        """What came back; None if it was left out because an earlier call failed."""
        self.batch.settle()
        return self.batch.records.get(self.index)

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
        """The errno's name, or how its process ended; None for success or a call left out."""
        record = self.record
        if record is None or not record.failed:
            return None
        return _ending(record)

    @property
    def data(self) -> bytes:
        """The out buffers, each padded to 8 bytes.

        Raises:
            SetupError: The call failed or was left out, or its process died too soon after it:
                values outlive a process, buffers do not.
        """
        _ = self.value
        record = self.record
        data = record.data if record else b""
        if not data and any(_fills(argument) for argument in self.arguments):
            raise SetupError(self, f"{self}: its buffers were lost with its process")
        return data

    def __str__(self) -> str:
        shown = ", ".join(_shown(argument) for argument in self.arguments)
        return f"{self.name}({shown})"

    def told(self) -> str:
        """``[process] call = result``, with ``?`` for one left out or not heard of."""
        record = self.batch.records.get(self.index)
        gave = _ending(record) if record else "?"
        return f"[{self.batch.ops[self.index].process}] {self} = {gave}"


def _ending(record: wire.Record) -> str:
    if not record.failed:
        return str(record.value)
    return errno_name(-record.value) if record.status == wire.Status.DONE else record.status.name


def _fills(argument: Argument) -> bool:
    match argument:
        case Out(size):
            return size > 0
        case InOut(data):
            return bool(data)
        case _:
            return False


def _shown(argument: Argument) -> str:  # noqa: PLR0911 (one a kind of argument)
    match argument:
        case Call():
            return f"<{argument.name}>"
        case bytes() if len(argument) > 24:
            return f"<{len(argument)} bytes>"
        case Pack():
            values = (f if isinstance(f, bytes) else f[1] for f in argument.fields)
            return "{" + ", ".join(map(_shown, values)) + "}"
        case Out():
            return f"<{argument.size} bytes out>"
        case InOut():
            return _shown(argument.data)
        case Int():
            return f"<{argument.call.name}'s data at {argument.offset}>"
        case int():
            return str(int(argument))  # an enumeration's name takes the place of three calls
        case _:
            return repr(argument)


class Later(Sequence[_T]):
    """A list that is made when it is first looked at, of what calls gave: a promise, too."""

    def __init__(self, make: Callable[[], list[_T]]) -> None:
        self._make: Callable[[], list[_T]] | None = make
        self._items: list[_T] = []

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        """One of its items, or some."""
        return self._made()[index]

    def __len__(self) -> int:
        """How many they are."""
        return len(self._made())

    def _made(self) -> list[_T]:
        if self._make:
            self._items, self._make = self._make(), None
        return self._items


@dataclass(slots=True, eq=False, repr=False)  # pytest shows it with every case that fails
class Batch:
    """A program being written, then its records."""

    session: Session
    ops: list[wire.Op] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    records: dict[int, wire.Record] = field(default_factory=dict)
    sent: bool = False
    program: int | None = None
    """Its number, while its records are awaited."""
    error: LandproofError | None = None

    @property
    def answered(self) -> bool:
        """Whether a program that was launched has ended, as far as was heard."""
        return self.program is None or self.session.client.answered(self.program)

    def settle(self) -> None:
        """Send it if that was not done yet, and wait for its records.

        Raises:
            SetupError: A call of it that had to succeed failed.
            HungError: A call of it outlived its deadline.
            AgentLostError: The target died.
        """
        if not self.sent:
            self.session.flush()
        self.take()
        if self.error:
            raise self.error

    def take(self) -> None:
        """Wait for the records of what was sent; errors stay with the batch."""
        if self.program is None:
            return
        number, self.program = self.program, None
        try:
            self.records = self.session.client.results(number, patience_s(self.ops))
        except LandproofError as error:
            self.error = error
            return
        self.error = _first_error(self)


class Session:
    """A target's agent, seen as processes that make calls.

    Args:
        client: The channel to the agent.
        arch: ``x86_64``, ``i386`` or ``aarch64``: which system call numbers the agent uses.
    """

    def __init__(self, client: AgentClient, arch: str) -> None:
        self.client = client
        self.numbers = NUMBERS[arch]
        self.pending = Batch(self)
        self.mode = Mode.MUST
        self.deadline_ms = 5_000
        self.gates: list[Call] = []
        """The Landlock calls of the case: a refusal of one is what it comes to."""
        self.sent: list[Batch] = []
        """The programs of the case, in the order in which they were sent."""
        self._blocks: list[list[Call]] = []
        self._free = list(range(1, wire.MAX_PROCESS + 1))
        self._alive: list[int] = []

    def call(self, process: int, name: str, *arguments: Argument, arch: str | None = None) -> Call:
        """Append a system call; ``arch`` is of a process whose numbers are not the agent's.

        Raises:
            KeyError: The architecture has no such call.
        """
        numbers = NUMBERS[arch] if arch else self.numbers
        return self.add(wire.OpKind.CALL, process, name, arguments, nr=numbers[name])

    def add(
        self,
        kind: wire.OpKind,
        process: int,
        name: str,
        arguments: tuple[Argument, ...],
        *,
        nr: int = 0,
        deadline_ms: int | None = None,
    ) -> Call:
        """Append an operation to the pending program."""
        batch = self.pending
        op = wire.Op(kind, process, nr, deadline_ms=deadline_ms or self.deadline_ms)
        if self.mode is not Mode.DEATH:
            op.on_fail = wire.END  # of the program: a block that ends in it says where it goes on
        if arguments:
            placer = _Placer(batch)
            op.args = [placer.place(argument) for argument in arguments]
            op.buffers, op.fixes = placer.buffers, placer.fixes
        call = Call(batch, len(batch.ops), name, self.mode, arguments)
        batch.ops.append(op)
        batch.calls.append(call)
        for block in self._blocks:
            block.append(call)
        return call

    def flush(self) -> None:
        """Send the pending program and take its records; errors stay with the batch."""
        self.launch().take()

    def launch(self) -> Batch:
        """Send the pending program and don't wait: what other processes do runs beside it.

        Its processes are busy until it was settled, which a case has to see to.
        """
        batch, self.pending = self.pending, Batch(self)
        batch.sent = True
        if batch.ops:
            self.sent.append(batch)
            try:
                batch.program = self.client.submit(batch.ops)
            except LandproofError as error:
                batch.error = error
        return batch

    @contextmanager
    def in_mode(self, mode: Mode) -> Iterator[list[Call]]:
        """Make the calls of the block in a mode; a failed one leaves out the rest of the block."""
        with self._block(mode) as calls:
            yield calls
        if mode is Mode.OBSERVED:
            for call in calls:
                if call.batch is self.pending:
                    self.pending.ops[call.index].on_fail = len(self.pending.ops)

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Make the calls of the block the way into a domain."""
        with self._block(Mode.GATE) as calls:
            yield
        self.gates += calls

    @contextmanager
    def _block(self, mode: Mode) -> Iterator[list[Call]]:
        before, self.mode = self.mode, mode
        calls: list[Call] = []
        self._blocks.append(calls)
        try:
            yield calls
        finally:
            self.mode = before
            self._blocks.pop()

    def new_process(self) -> int:
        """A free process id."""
        identity = heapq.heappop(self._free)
        self._alive.append(identity)
        return identity

    def kill(self, process: int) -> None:
        """SIGKILL a process; its id is free again."""
        self._add_kill(process)
        self._alive.remove(process)
        heapq.heappush(self._free, process)

    def _add_kill(self, process: int) -> None:
        with self.in_mode(Mode.DEATH):
            self.add(wire.OpKind.KILL, process, "kill", ())

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Kill the processes that were made in the block at its end, and forget its calls.

        The kills travel with the next program.
        """
        before = len(self._alive)
        self.sent.clear()
        try:
            yield
        finally:
            self.gates.clear()
            # What the block never needed an answer of is not sent, but for older kills.
            unsent = [op for op in self.pending.ops if op.kind is wire.OpKind.KILL]
            self.pending = Batch(self)
            for op in unsent:
                self._add_kill(op.process)
            for process in reversed(self._alive[before:]):
                self.kill(process)
            if len(self.pending.ops) > _MOST_KILLS:
                self.flush()


def _first_error(batch: Batch) -> LandproofError | None:
    for call in batch.calls:
        record = batch.records.get(call.index)
        if record is None or not record.failed or call.mode is Mode.DEATH:
            continue
        if record.status == wire.Status.HUNG:
            return HungError(call, f"{call} did not return in {_seconds(batch, call)} s")
        if call.mode is Mode.MUST:
            return SetupError(call, f"{call}: {_reason(record)}")
        if record.status in (wire.Status.DIED, wire.Status.GONE):
            return SetupError(call, f"{call}: its process {_reason(record)}")
    return None


def _seconds(batch: Batch, call: Call) -> float:
    return batch.ops[call.index].deadline_ms / 1000


def _reason(record: wire.Record) -> str:
    return {
        wire.Status.DONE: errno_name(-record.value),
        wire.Status.UNRESOLVED: "an earlier call that it builds on failed",
        wire.Status.DIED: "died in it",
        wire.Status.GONE: "was dead",
    }.get(record.status, record.status.name)


class _Placer:
    """Turns the arguments of one call into sources, buffers and fixes."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.buffers: list[wire.Buffer] = []
        self.fixes: list[wire.Fix] = []

    def place(self, argument: Argument) -> wire.Source:  # noqa: PLR0911 (one a kind of argument)
        match argument:
            case int():
                return argument
            case None:
                return 0
            case Call():
                return self._result(argument)
            case Int():
                return self._data(argument)
            case str():
                return self._buffer(wire.BufferFlag.IN, argument.encode() + b"\0")
            case bytes():
                return self._buffer(wire.BufferFlag.IN, argument)
            case Out():
                self.buffers.append(wire.Buffer(wire.BufferFlag.OUT, argument.size))
                return wire.Address(len(self.buffers) - 1)
            case InOut():
                return self._buffer(wire.BufferFlag.IN | wire.BufferFlag.OUT, argument.data)
            case Pack():
                return self._pack(argument)

    def _buffer(self, flags: wire.BufferFlag, data: bytes) -> wire.Address:
        self.buffers.append(wire.Buffer(flags, len(data), data))
        return wire.Address(len(self.buffers) - 1)

    def _result(self, call: Call) -> wire.Source:
        if call.batch is self.batch:
            return wire.Result(call.index)
        return call.value

    def _data(self, item: Int) -> wire.Source:
        if item.call.batch is self.batch:
            return wire.Data(item.call.index, item.offset, item.width)
        raw = item.call.data[item.offset : item.offset + item.width]
        return int.from_bytes(raw, "little", signed=item.width == 4)

    def _pack(self, pack: Pack) -> wire.Address:
        address = self._buffer(wire.BufferFlag.IN, b"")
        data = bytearray()
        for item in pack.fields:
            if isinstance(item, bytes):
                data += item
                continue
            width, value = item
            source = self.place(value)
            if isinstance(source, int):
                data += (source & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            else:
                self.fixes.append(wire.Fix(address.buffer, len(data), width, source))
                data += bytes(width)
        self.buffers[address.buffer] = wire.Buffer(wire.BufferFlag.IN, len(data), bytes(data))
        return address
