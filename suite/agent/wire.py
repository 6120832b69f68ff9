# SPDX-License-Identifier: MIT
"""The agent's wire format: programs out, records back. Layouts are wire.h's."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import NamedTuple, TypeAlias

VERSION = 1
MAX_FRAME = 64 << 20
MAX_PROCESS = 4095
CREDIT = 1024
"""Bytes after which the agent says that it has taken them, where the channel is paced."""
NEXT = 0
"""``on_fail``: go on with the next operation."""
END = 0xFFFF
"""``on_fail``: leave the rest of the program out."""

FRAME = struct.Struct("<IIII")
_OP = struct.Struct("<BBBBHHIi")
_SOURCE = struct.Struct("<BBHHHQ")
_INTEGER = struct.Struct("<QQ")
"""A ``_SOURCE`` that is an integer, as most are."""
_FIX = struct.Struct("<HHI")
_BUFFER = struct.Struct("<II")
_RECORD = struct.Struct("<HHIq")
_HELLO = struct.Struct("<HHI")
_U64 = (1 << 64) - 1


class FrameKind(IntEnum):
    """What a frame is."""

    HELLO = 0
    PROGRAM = 1
    RESULTS = 2
    ERROR = 3
    CREDIT = 4
    """The agent has taken ``CREDIT`` bytes more."""


class OpKind(IntEnum):
    """What an operation does."""

    CALL = 0
    """A system call."""
    PEEK = 1
    """Copy memory at argument 0 to buffer 0; with argument 2, its first 4 bytes are the value."""
    POKE = 2
    """Copy buffer 0 to memory at argument 0."""
    FORK = 3
    """clone(2) with the flags of argument 1; the child serves as process argument 0."""
    EXEC = 4
    """execveat(2) of the agent: directory fd, path, flags; the new image goes on serving."""
    GIVE = 5
    """Send the fd of argument 0 to process argument 1; the value is its number there."""
    KILL = 6
    """SIGKILL, and forget the process."""


class Status(IntEnum):
    """What became of an operation."""

    DONE = 0
    UNRESOLVED = 1
    """It names a result that was an error."""
    HUNG = 2
    """It outlived its deadline; its process was killed."""
    DIED = 3
    """Its process died in it."""
    GONE = 4
    """Its process was dead already."""
    NOT_MODELLED = 5
    """The target has no word for it; ``data`` may say of what. The agent in C never says so."""


_STATUSES = tuple(Status)


class BufferFlag(IntFlag):
    """Which way a buffer goes."""

    IN = 1
    OUT = 2


BOTH_WAYS = BufferFlag.IN | BufferFlag.OUT
_IN = int(BufferFlag.IN)


class Result(NamedTuple):
    """The value of an earlier operation of the program, or so much more."""

    op: int
    more: int = 0


class Data(NamedTuple):
    """A little-endian integer in the out buffers of an earlier operation."""

    op: int
    offset: int
    width: int


class Address(NamedTuple):
    """The address of a buffer of the operation itself."""

    buffer: int
    offset: int = 0


Source: TypeAlias = int | Result | Data | Address


@dataclass(slots=True)
class Buffer:
    """Memory that a call reads or writes; ``size`` bytes, given as ``data`` if it is read."""

    flags: BufferFlag
    size: int
    data: bytes = b""


class Fix(NamedTuple):
    """Put a value of ``width`` (4 or 8) bytes at ``offset`` of a buffer before the call."""

    buffer: int
    offset: int
    width: int
    source: Source


@dataclass(slots=True)
class Op:
    """One operation of a program."""

    kind: OpKind
    process: int
    nr: int = 0
    args: Sequence[Source] = ()
    buffers: Sequence[Buffer] = ()
    fixes: Sequence[Fix] = ()
    deadline_ms: int = 10_000
    on_fail: int = NEXT


@dataclass(slots=True)
class Record:
    """What an operation gave; ``data`` holds its out buffers, each padded to 8 bytes."""

    status: Status
    value: int
    data: bytes = field(default=b"", repr=False)

    @property
    def failed(self) -> bool:
        """Whether later operations can't build on it."""
        return self.status != Status.DONE or -4095 <= self.value < 0


class Hello(NamedTuple):
    """The agent's first frame."""

    version: int
    pointer_bytes: int
    page_bytes: int


def padded(size: int) -> int:
    """``size`` rounded up to 8."""
    return (size + 7) & ~7


def _source(source: Source) -> bytes:
    if isinstance(source, int):
        return _INTEGER.pack(0, int(source) & _U64)  # a flag of enum would take its time
    if isinstance(source, Result):
        return _SOURCE.pack(1, 0, source.op, 0, 0, source.more)
    if isinstance(source, Data):
        return _SOURCE.pack(2, source.width, source.op, 0, 0, source.offset)
    return _SOURCE.pack(3, 0, 0, source.buffer, 0, source.offset)


def encode_program(identity: int, ops: Sequence[Op]) -> bytes:
    """A program frame."""
    parts = [b""]
    for op in ops:
        parts.append(
            _OP.pack(
                op.kind,
                len(op.args),
                len(op.buffers),
                len(op.fixes),
                op.process,
                op.on_fail,
                op.deadline_ms,
                op.nr,
            )
        )
        for source in op.args:
            if type(source) is int:
                parts.append(_INTEGER.pack(0, source & _U64))
            else:
                parts.append(_source(source))
        for fix in op.fixes:
            parts += (_FIX.pack(fix.buffer, fix.width, fix.offset), _source(fix.source))
        for buffer in op.buffers:
            parts.append(_BUFFER.pack(buffer.flags, buffer.size))
            if int(buffer.flags) & _IN:
                parts.append(buffer.data.ljust(padded(buffer.size), b"\0"))
    size = FRAME.size - 4 + sum(map(len, parts))
    parts[0] = FRAME.pack(size, identity, FrameKind.PROGRAM, len(ops))
    return b"".join(parts)


def decode_hello(payload: bytes) -> Hello:
    """The payload of a hello frame; what another version's is too short for is 0."""
    return Hello(*_HELLO.unpack_from(payload.ljust(_HELLO.size, b"\0")))


def decode_records(payload: bytes) -> Iterator[tuple[int, Record]]:
    """The payload of a results frame: (operation, record); operations left out have none."""
    at = 0
    while at < len(payload):
        op, status, size, value = _RECORD.unpack_from(payload, at)
        at += _RECORD.size
        yield op, Record(_STATUSES[status], value, payload[at : at + size])
        at += padded(size)
