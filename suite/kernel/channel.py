# SPDX-License-Identifier: MIT
"""The small kernel behind the seam between cases and targets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from signal import SIGSEGV

from suite.agent import wire
from suite.agent.channel import AgentLostError
from suite.kernel import alarms, executing, forking, life, seccomp, signals
from suite.kernel import calls as _calls  # noqa: F401 (registers them)
from suite.kernel.errors import Died, Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.memory import READ, WRITE
from suite.kernel.registry import CALLS
from suite.kernel.tasks import Task
from suite.process.syscalls import NUMBERS

_NAMES = {
    arch: {number: name for name, number in numbers.items()} for arch, numbers in NUMBERS.items()
}
_U64 = (1 << 64) - 1


@dataclass(slots=True)
class _Program:
    ops: Sequence[wire.Op]
    cursor: int = 0
    records: dict[int, wire.Record] = field(default_factory=dict)
    until: float | None = None
    """Its next operation waits: when it is to be tried again at the latest."""
    waits: bool = False

    @property
    def is_done(self) -> bool:
        return self.cursor >= len(self.ops)


class ModelChannel:
    """A ``Channel`` to a small kernel in this very process."""

    hello = wire.Hello(wire.VERSION, 8, 4096)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._numbers = itertools.count(1)
        self._programs: dict[int, _Program] = {}
        self._closed = False

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Begin with a program at once; it stops where a call waits."""
        if self._closed:
            raise AgentLostError("the model was stopped")
        identity = next(self._numbers)
        program = self._programs[identity] = _Program(ops)
        self._advance(program)
        return identity

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """Go on with all programs until this one is done; time passes only if all wait."""
        program = self._programs[identity]
        while not program.is_done:
            if not self._progress():
                self._let_time_pass()
        return self._programs.pop(identity).records

    def answered(self, identity: int) -> bool:
        """Whether a program is done."""
        return self._programs[identity].is_done

    def close(self) -> None:
        """Forget it."""
        self._closed = True

    def _progress(self) -> bool:
        before = [(it.cursor, it.waits) for it in self._programs.values()]
        for program in list(self._programs.values()):
            self._advance(program)
        return before != [(it.cursor, it.waits) for it in self._programs.values()]

    def _let_time_pass(self) -> None:
        """To the next moment at which a call ends by itself, or outlives its deadline."""
        kernel = self.kernel
        waiting = [it for it in self._programs.values() if not it.is_done]
        moments = []
        for program in waiting:
            op = program.ops[program.cursor]
            task = kernel.tasks[op.process]
            since = kernel.clock if task.waiting_since is None else task.waiting_since
            deadline = since + op.deadline_ms / 1000
            moments.append((min(program.until or deadline, deadline), deadline, program))
        moment, deadline, program = min(moments, key=lambda it: it[0])
        rings = alarms.next_moment(kernel)
        if rings is not None and rings < moment:
            kernel.clock = max(kernel.clock, rings)
            alarms.ring(kernel)
            return
        kernel.clock = max(kernel.clock, moment)
        if moment >= deadline:
            op = program.ops[program.cursor]
            life.kill(kernel, kernel.tasks[op.process])
            self._settle(program, op, wire.Record(wire.Status.HUNG, 0))

    def _advance(self, program: _Program) -> None:
        while not program.is_done:
            op = program.ops[program.cursor]
            try:
                record = self._performed(program, op)
            except Waits as wait:
                program.waits, program.until = True, wait.until
                return
            except Exception as error:
                self._programs.clear()
                raise AgentLostError(f"the model has a bug: {error!r}") from error
            program.waits, program.until = False, None
            self._settle(program, op, record)

    def _settle(self, program: _Program, op: wire.Op, record: wire.Record) -> None:
        program.records[program.cursor] = record
        if record.status is wire.Status.NOT_MODELLED:
            program.cursor = len(program.ops)
        elif record.failed and op.on_fail > program.cursor:
            program.cursor = op.on_fail
        else:
            program.cursor += 1

    def _performed(self, program: _Program, op: wire.Op) -> wire.Record:
        task = self.kernel.tasks.get(op.process)
        if op.kind is wire.OpKind.KILL:
            if task is not None:
                life.forget(self.kernel, task)
            return wire.Record(wire.Status.DONE, 0)
        if task is None or not task.is_alive:
            return wire.Record(wire.Status.DIED if program.waits else wire.Status.GONE, 0)
        buffers = [bytearray(it.data).ljust(it.size, b"\0") for it in op.buffers]
        places = _places(task, op, buffers)
        try:
            for fix in op.fixes:
                value = self._resolved(program, places, fix.source)
                data = (value & ((1 << 8 * fix.width) - 1)).to_bytes(fix.width, "little")
                buffers[fix.buffer][fix.offset : fix.offset + fix.width] = data
            arguments = [self._resolved(program, places, it) for it in op.args]
        except LookupError:
            return wire.Record(wire.Status.UNRESOLVED, 0)
        arguments += [0] * (6 - len(arguments))
        return self._made(task, op, arguments, buffers)

    def _made(
        self, task: Task, op: wire.Op, arguments: list[int], buffers: list[bytearray]
    ) -> wire.Record:
        """Let the task do it, and make a record of how that ended."""
        was, task.memory.buffers = task.memory.buffers, buffers
        value = 0
        try:
            try:
                value = self._value(task, op, arguments, buffers)
            finally:
                life.bury(self.kernel)
        except Errno as error:
            value = -error.number
        except NotModelled as limit:
            return wire.Record(wire.Status.NOT_MODELLED, 0, limit.what.encode())
        except Died:
            return wire.Record(wire.Status.DIED, 0)
        except Waits:
            if task.waiting_since is None:
                task.waiting_since = self.kernel.clock
            raise
        finally:
            task.memory.buffers = was
            while self.kernel.endings:
                self.kernel.endings.pop()(value)
            life.bury(self.kernel)
        task.waiting_since = None
        if not task.is_alive:
            return wire.Record(wire.Status.DIED, value)
        out = b"".join(
            bytes(data).ljust(wire.padded(len(data)), b"\0")
            for buffer, data in zip(op.buffers, buffers, strict=True)
            if buffer.flags & wire.BufferFlag.OUT
        )
        return wire.Record(wire.Status.DONE, value, out)

    def _value(
        self, task: Task, op: wire.Op, arguments: list[int], buffers: list[bytearray]
    ) -> int:
        kernel = self.kernel
        kernel.current = task
        if life.is_held(task):
            raise Waits
        match op.kind:
            case wire.OpKind.CALL:
                value = _called(kernel, task, op.nr, arguments)
            case wire.OpKind.PEEK | wire.OpKind.POKE:
                value = _touched(kernel, task, op.kind, arguments, buffers[0])
            case wire.OpKind.FORK if buffers:
                raise NotModelled("what is written around clone(2)")
            case wire.OpKind.FORK:
                value = forking.fork(kernel, task, arguments[0], arguments[1])
            case wire.OpKind.EXEC:
                value = executing.execute(kernel, task, *arguments[:5])
            case wire.OpKind.COUNT:
                raise NotModelled("the processor's counter")
            case _:
                value = life.give(kernel, task, arguments[0], arguments[1])
        return value

    def _resolved(self, program: _Program, places: list[int], source: wire.Source) -> int:
        """The value of a source; ``places``: the addresses of the operation's buffers.

        Raises:
            LookupError: It names a result that is none.
        """
        if isinstance(source, int):
            return source & _U64
        if isinstance(source, wire.Address):
            return places[source.buffer] + source.offset
        record = program.records.get(source.op)
        if record is None or record.failed:
            raise LookupError(source.op)
        if isinstance(source, wire.Result):
            return record.value + source.more & _U64
        raw = record.data[source.offset : source.offset + source.width]
        if len(raw) < source.width:
            raise LookupError(source.op)
        return int.from_bytes(raw, "little", signed=source.width == 4) & _U64


def _touched(
    kernel: Kernel, task: Task, kind: wire.OpKind, arguments: list[int], buffer: bytearray
) -> int:
    """Let a task read or write its memory by itself; a fault ends it."""
    try:
        if kind is wire.OpKind.POKE:
            task.memory.write(arguments[0], bytes(buffer))
            return len(buffer)
        buffer[:] = task.memory.read(arguments[0], len(buffer))
    except Errno as fault:
        signals.doom(kernel, task, SIGSEGV)
        raise Died from fault
    return int.from_bytes(buffer[:4], "little", signed=True) if arguments[2] else len(buffer)


def _places(task: Task, op: wire.Op, buffers: list[bytearray]) -> list[int]:
    """Where the buffers of an operation are.

    What a poke writes may point to others of its buffers, for a call that comes later (io_uring):
    so these stay, at addresses of their own.
    """
    if op.kind is wire.OpKind.POKE and len(buffers) > 1:
        return [task.memory.map(max(len(it), 1), READ | WRITE, it) for it in buffers]
    return [task.memory.address(it) for it in range(len(buffers))]


def _called(kernel: Kernel, task: Task, number: int, arguments: list[int]) -> int:
    name = _NAMES[task.arch].get(number, f"call {number}")
    if seccomp.filters(task) is not None:
        try:
            seccomp.check(task, number, arguments)
        except seccomp.Killed as killed:
            life.end_by_filter(kernel, task, whole=killed.whole)
            raise Died from killed
    handler = CALLS.get(name)
    if handler is None:
        raise NotModelled(name)
    return handler(kernel, task, arguments)
