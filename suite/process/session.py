# SPDX-License-Identifier: MIT
"""Pipelined calls on a target: promises that are settled together, in as few frames as can be.

Nothing is sent until a value is needed; then the whole pending program goes in one frame. What a
failure means is decided when the call is made (``Mode``).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager

from suite.agent import wire
from suite.agent.channel import Channel
from suite.errors import LandproofError
from suite.judge.outcome import Outcome
from suite.process.notes import Notes
from suite.process.promise import Batch, Call, FilteredError, Mode
from suite.process.syscalls import NUMBERS
from suite.values import Argument, Beyond, InOut, Int, Out, Pack, Promise

_MOST_KILLS = 256
"""Kills travel with the next program; more than these are sent without waiting for one."""


class Session:
    """A target's agent, seen as processes that make calls.

    Args:
        channel: The way to the agent.
        arch: ``x86_64``, ``i386`` or ``aarch64``; decides which system call numbers are used.
    """

    def __init__(self, channel: Channel, arch: str) -> None:
        self.channel = channel
        self.numbers = NUMBERS[arch]
        self.pending = Batch(self)
        self.mode = Mode.MUST
        self.deadline_ms = 5_000
        self.shares_memory = False
        """Whether processes that may share memory (``Process.shares``) do so on this target."""
        self.killing: frozenset[str] = frozenset()
        """The calls that a filter answers with the death of who makes them."""
        self.bare = False
        """Whether no domain is enforced, to see what the surroundings alone do to a case."""
        self.notes = Notes()
        """What our modules remember about the target."""
        self.gates: list[Call] = []
        """The calls with which the case enters domains; a refusal of one is the case's outcome."""
        self.sent: list[Batch] = []
        """The programs of the case, in the order in which they were sent."""
        self.given: list[tuple[Outcome, list[Call]]] = []
        """The outcomes that observations gave in this case, and the calls of each."""
        self._blocks: list[list[Call]] = []
        self._free = list(range(1, wire.MAX_PROCESS + 1))
        self._alive: list[int] = []
        self._older = 0
        """How many processes were alive when the scope began."""
        self._others = 0
        """So many calls at the beginning of the first program are of the case before."""
        self._concluded = False
        self._ahead: dict[int, Call] = {}
        """The kills that ``conclude`` added, by process."""

    def call(self, process: int, name: str, *arguments: Argument, arch: str | None = None) -> Call:
        """Append a system call; ``arch`` is for a process that does not use the agent's numbers.

        Raises:
            KeyError: The architecture has no such call.
            FilteredError: It would be the end of the process.
        """
        numbers = NUMBERS[arch] if arch else self.numbers
        if name in self.killing:
            raise FilteredError(f"a seccomp filter kills who calls {name}(2)")
        if self.bare and name == "landlock_restrict_self":
            name, arguments = "sched_yield", ()  # which gives 0, too
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
        if self._concluded:
            raise LandproofError(f"{name} after the judgement, which comes last in a case")
        batch = self.pending
        op = wire.Op(kind, process, nr, deadline_ms=deadline_ms or self.deadline_ms)
        if self.mode is not Mode.DEATH:
            op.on_fail = wire.END  # of the program; in_mode() changes it to the end of a block
        if arguments:
            encoder = _Encoder(batch)
            op.args = [encoder.source(argument) for argument in arguments]
            op.buffers, op.fixes = encoder.buffers, encoder.fixes
        call = Call(batch, len(batch.ops), name, self.mode, arguments)
        batch.ops.append(op)
        batch.calls.append(call)
        for block in self._blocks:
            block.append(call)
        return call

    def flush(self) -> None:
        """Send the pending program and take its records; an error is kept in the batch."""
        self._send().take()

    def launch(self) -> Batch:
        """Send the pending program without waiting; programs of other processes can run beside it.

        Its processes are busy until the batch is settled, which the case has to do.
        """
        batch = self._send()
        batch.beside = True
        return batch

    def _send(self) -> Batch:
        batch, self.pending = self.pending, Batch(self)
        batch.sent = True
        if batch.ops:
            self.sent.append(batch)
            try:
                batch.program = self.channel.submit(batch.ops)
            except LandproofError as error:
                batch.error = error
        return batch

    @contextmanager
    def in_mode(self, mode: Mode) -> Iterator[list[Call]]:
        """Make calls in a mode; after an observed failure, the rest of the block is left out."""
        with self._block(mode) as calls:
            yield calls
        if mode is Mode.OBSERVED:
            for call in calls:
                if call.batch is self.pending:
                    self.pending.ops[call.index].on_fail = len(self.pending.ops)

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Make the calls of the block as the way into a domain (``Mode.GATE``)."""
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
        """Take a free process id."""
        identity = heapq.heappop(self._free)
        self._alive.append(identity)
        return identity

    def kill(self, process: int) -> None:
        """SIGKILL a process and free its id."""
        ahead = self._ahead.pop(process, None)
        if ahead is None or ahead.index not in ahead.batch.records:
            self._add_kill(process)
        self._alive.remove(process)
        heapq.heappush(self._free, process)

    def conclude(self, *older: int) -> None:
        """Allow no more calls in the scope; after those pending, kill its processes and older ones.

        The target answers the pending calls before it kills, so that the host can go on meanwhile.
        The scope's end frees the ids of its own processes; ``kill`` frees those of older ones.
        """
        if self.pending.ops:
            doomed = *reversed(self._alive[self._older :]), *older
            self._ahead = {process: self._add_kill(process) for process in doomed}
        self._concluded = True

    def _add_kill(self, process: int) -> Call:
        with self.in_mode(Mode.DEATH):
            return self.add(wire.OpKind.KILL, process, "kill", ())

    def calls(self) -> Iterator[Call]:
        """The calls of the case that were sent, in order, but kills.

        Of what travels with its first program and was asked for before the case began, only how
        its process was made.
        """
        for number, batch in enumerate(self.sent):
            for call in batch.calls:
                kind = batch.ops[call.index].kind
                is_others = not number and call.index < self._others
                if kind is wire.OpKind.FORK or (kind is not wire.OpKind.KILL and not is_others):
                    yield call

    @contextmanager
    def scope(self) -> Iterator[None]:
        """At the end of the block, kill the processes that were made in it and forget its calls.

        The kills travel with the next program.
        """
        outer, self._older = self._older, len(self._alive)
        self._others = len(self.pending.ops)
        self.sent.clear()
        self.given.clear()
        try:
            yield
        finally:
            self._concluded = False
            self.gates.clear()
            # Calls that are still pending are dropped, for nobody needed their values; kills stay.
            unsent = [op for op in self.pending.ops if op.kind is wire.OpKind.KILL]
            self.pending = Batch(self)
            for op in unsent:
                self._add_kill(op.process)
            for process in reversed(self._alive[self._older :]):
                self.kill(process)
            self._older = outer
            if len(self.pending.ops) > _MOST_KILLS:
                self.flush()


class _Encoder:
    """Turns the arguments of one call into sources, buffers and fixes."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.buffers: list[wire.Buffer] = []
        self.fixes: list[wire.Fix] = []

    def source(self, argument: Argument) -> wire.Source:  # noqa: PLR0911 (one a kind of argument)
        match argument:
            case int():
                return argument
            case None:
                return 0
            case Promise():
                return self._result(argument)
            case Beyond(call, offset):
                return self._result(call, offset)
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

    def _result(self, call: Promise, more: int = 0) -> wire.Source:
        if isinstance(call, Call) and call.batch is self.batch:
            return wire.Result(call.index, more)
        return call.value + more

    def _data(self, item: Int) -> wire.Source:
        if isinstance(item.call, Call) and item.call.batch is self.batch:
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
            source = self.source(value)
            if isinstance(source, int):
                data += (source & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            else:
                self.fixes.append(wire.Fix(address.buffer, len(data), width, source))
                data += bytes(width)
        self.buffers[address.buffer] = wire.Buffer(wire.BufferFlag.IN, len(data), bytes(data))
        return address
