# SPDX-License-Identifier: MIT
"""Pipelined calls on a target: promises that are settled together, in as few frames as can be.

Nothing is sent until a value is needed; then the whole pending program goes in one frame. What a
failure means is decided when the call is made (``Mode``).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from suite.agent import wire
from suite.agent.channel import Channel
from suite.errors import LandproofError
from suite.process.notes import Notes
from suite.process.promise import Batch, Call, FilteredError, Gave, Mode
from suite.process.syscalls import NUMBERS
from suite.process.target_order import BIG_ENDIAN, adapted, adapts
from suite.values import Argument, Beyond, InOut, Int, Out, Pack, Packed, Promise

_MOST_KILLS = 256
"""Kills travel with the next program; more than these are sent without waiting for one."""


class Session:
    """A target's agent, seen as processes that make calls.

    Args:
        channel: The way to the agent.
        arch: One of ``ARCHES``; decides which system call numbers are used.
    """

    def __init__(self, channel: Channel, arch: str) -> None:
        self.channel = channel
        self.arch = arch
        self.numbers = NUMBERS[arch]
        self.is_big = arch in BIG_ENDIAN
        self._adapts = adapts(arch)
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
        self.given: list[Gave] = []
        """The outcomes that observations gave in this case."""
        self.blocks: list[list[Call]] = []
        """The calls of the blocks that are open, for ``Block``."""
        self._free = list(range(1, wire.MAX_PROCESS + 1))
        self._alive: list[int] = []
        self._older = 0
        """How many processes were alive when the scope began."""
        self._others = 0
        """So many calls at the beginning of the first program are of the case before."""
        self._concluded = False
        self._ahead: dict[int, Call] = {}
        """The kills that ``conclude`` added, by process."""

    def lane(self, processes: int) -> Session:
        """Another session with the same agent, so that scopes of both can be in flight at once.

        Its processes have so many ids, which are this one's no more until ``rejoin``: of one
        session, a scope must not begin before what the last one launched is settled, as its ids are
        free again. Processes of this one may be used there, too: programs wait for each other where
        they share one.
        """
        self.flush()  # or the kills of processes whose ids it takes would come later
        lane = Session(self.channel, self.arch)
        lane.deadline_ms, lane.shares_memory = self.deadline_ms, self.shares_memory
        lane.killing = self.killing
        lane._free = [heapq.heappop(self._free) for _ in range(processes)]
        return lane

    def rejoin(self, lane: Session) -> None:
        """Take the ids of a lane back; its processes are dead, and nothing of it is in flight.

        Its last kills travel with this one's next program.
        """
        for op in lane.pending.ops:
            self._add_kill(op.process)
        for identity in lane._free:
            heapq.heappush(self._free, identity)
        lane._free.clear()

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

    def htons(self, number: int) -> int:
        """Give what the function of that name gives on the target: a number in network order."""
        return number if self.is_big else int.from_bytes(number.to_bytes(2), "little")

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
            encoder = _Encoder(batch, is_big=self.is_big)
            source, sent = encoder.source, arguments
            if self._adapts and kind is wire.OpKind.CALL:
                sent = adapted(name, arguments, self.arch)
            op.args = [it if type(it) is int else source(it) for it in sent]
            op.buffers, op.fixes = encoder.buffers, encoder.fixes
        call = Call(batch, len(batch.ops), name, self.mode, arguments)
        batch.ops.append(op)
        batch.calls.append(call)
        for calls in self.blocks:
            calls.append(call)
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

    def block(self) -> Block:
        """A block whose calls are kept, in the mode that there is."""
        return Block(self, self.mode)

    def in_mode(self, mode: Mode) -> Block:
        """Make the calls of a block in a mode; after an observed failure, the rest is left out."""
        return Block(self, mode)

    def gate(self) -> Block:
        """Make the calls of the block as the way into a domain (``Mode.GATE``)."""
        return Block(self, Mode.GATE)

    def standing_gates(self) -> list[Call]:
        """The gates that may have refused, or may yet: none that was answered and passed."""
        self.gates = [call for call in self.gates if call.may_bar]
        return self.gates.copy()

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


class Block:
    """Calls that are made in a mode, as a context manager that gives the list of them.

    A class, since a case enters twenty of them, and a generator takes three times as long.
    """

    __slots__ = ("_before", "_calls", "_mode", "_session")

    def __init__(self, session: Session, mode: Mode) -> None:
        self._session = session
        self._mode = mode
        self._before = session.mode
        self._calls: list[Call] = []

    def __enter__(self) -> list[Call]:
        session = self._session
        self._before, session.mode = session.mode, self._mode
        session.blocks.append(self._calls)
        return self._calls

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, calls = self._session, self._calls
        session.mode = self._before
        session.blocks.pop()
        if kind is not None:
            return
        if self._mode is Mode.GATE:
            session.gates += calls
        elif self._mode is Mode.OBSERVED:
            pending = session.pending
            for call in calls:
                if call.batch is pending:
                    pending.ops[call.index].on_fail = len(pending.ops)


class _Encoder:
    """Turns the arguments of one call into sources, buffers and fixes."""

    def __init__(self, batch: Batch, *, is_big: bool) -> None:
        self.batch = batch
        self.is_big = is_big
        self.order: wire.ByteOrder = "big" if is_big else "little"
        self.buffers: list[wire.Buffer] = []
        self.fixes: list[wire.Fix] = []

    def source(self, argument: Argument) -> wire.Source:  # noqa: PLR0911 (one a kind of argument)
        match argument:  # what there is most of comes first
            case int():
                return argument
            case str():
                return self._buffer(wire.BufferFlag.IN, argument.encode() + b"\0")
            case Promise():
                return self._result(argument)
            case bytes():
                return self._buffer(wire.BufferFlag.IN, argument)
            case Pack():
                return self._pack(argument)
            case None:
                return 0
            case Out():
                self.buffers.append(wire.Buffer(wire.BufferFlag.OUT, argument.size))
                return wire.Address(len(self.buffers) - 1)
            case Int():
                return self._data(argument)
            case Beyond(call, offset):
                return self._result(call, offset)
            case InOut():
                return self._buffer(wire.BOTH_WAYS, argument.data)

    def _buffer(self, flags: wire.BufferFlag, data: bytes) -> wire.Address:
        self.buffers.append(wire.Buffer(flags, len(data), self._theirs(data)))
        return wire.Address(len(self.buffers) - 1)

    def _theirs(self, data: bytes) -> bytes:
        return data.turned() if self.is_big and isinstance(data, Packed) else data

    def _result(self, call: Promise, more: int = 0) -> wire.Source:
        if isinstance(call, Call) and call.batch is self.batch:
            return wire.Result(call.index, more)
        return call.value + more

    def _data(self, item: Int) -> wire.Source:
        if isinstance(item.call, Call) and item.call.batch is self.batch:
            return wire.Data(item.call.index, item.offset, item.width)
        _ = item.call.data  # raises what is wrong with it
        return item.call.integer(item.offset, item.width) or 0

    def _pack(self, pack: Pack) -> wire.Address:
        address = self._buffer(wire.BufferFlag.IN, b"")
        data, order = bytearray(), self.order
        for item in pack.fields:
            if isinstance(item, bytes):
                data += self._theirs(item)
                continue
            width, value = item
            source = self.source(value)
            if isinstance(source, int):
                data += (source & ((1 << 8 * width) - 1)).to_bytes(width, order)
            else:
                self.fixes.append(wire.Fix(address.buffer, len(data), width, source))
                data += bytes(width)
        buffer = self.buffers[address.buffer]
        buffer.size, buffer.data = len(data), bytes(data)
        return address
