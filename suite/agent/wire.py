# SPDX-License-Identifier: MIT
"""The agent's wire format: programs out, records back. Layouts are wire.h's.

All integers are in the agent's own byte order, which its first frame shows (``byte_order``): so it
takes a program as it lies in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Literal, NamedTuple, TypeAlias

VERSION = 2
MAX_FRAME = 64 << 20
MAX_PROCESS = 4095
CREDIT = 1024
"""Bytes after which the agent says that it has taken them, where the channel is paced."""
NEXT = 0
"""``on_fail``: go on with the next operation."""
END = 0xFFFF
"""``on_fail``: leave the rest of the program out."""

ByteOrder: TypeAlias = Literal["little", "big"]


class _Structs:
    """The structs of wire.h in a byte order."""

    def __init__(self, sign: str) -> None:
        self.frame = struct.Struct(f"{sign}IIII")
        self.op = struct.Struct(f"{sign}BBBBHHIi")
        self.source = struct.Struct(f"{sign}BBHHHQ")
        self.integer = struct.Struct(f"{sign}QQ")
        """A source that is an integer, as most are: its kind is 0, and all of its rest."""
        self.fix = struct.Struct(f"{sign}HHI")
        self.buffer = struct.Struct(f"{sign}II")
        self.record = struct.Struct(f"{sign}HHIq")
        self.hello = struct.Struct(f"{sign}HHI")


_STRUCTS: dict[ByteOrder, _Structs] = {"little": _Structs("<"), "big": _Structs(">")}
FRAME = _STRUCTS["little"].frame
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
    COUNT = 3
    """Read the processor's counter: the value."""
    FORK = 4
    """clone(2) with the flags of argument 1; the child serves as process argument 0.

    It may have three buffers: the first is written to the fd of argument 2 just before, and just
    behind it the second is read from the beginning of that file, and the third is written.
    """
    EXEC = 5
    """execveat(2) of the agent: directory fd, path, flags; the new image goes on serving."""
    GIVE = 6
    """Send the fd of argument 0 to process argument 1; the value is its number there."""
    KILL = 7
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
    """An integer in the out buffers of an earlier operation, in the target's byte order."""

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

    @property
    def room(self) -> int:
        """How many bytes its out buffers have, each padded to 8."""
        return sum(padded(it.size) for it in self.buffers if it.flags & BufferFlag.OUT)


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
    byte_order: ByteOrder = "little"


def padded(size: int) -> int:
    """``size`` rounded up to 8."""
    return (size + 7) & ~7


def _source(structs: _Structs, source: Source) -> bytes:
    if isinstance(source, int):
        return structs.integer.pack(0, int(source) & _U64)  # a flag of enum would take its time
    if isinstance(source, Result):
        return structs.source.pack(1, 0, source.op, 0, 0, source.more)
    if isinstance(source, Data):
        return structs.source.pack(2, source.width, source.op, 0, 0, source.offset)
    return structs.source.pack(3, 0, 0, source.buffer, 0, source.offset)


def encode_program(identity: int, ops: Sequence[Op], order: ByteOrder = "little") -> bytes:
    """A program frame for an agent of a byte order; the bytes of buffers go as they are."""
    structs = _STRUCTS[order]
    pack_op, pack_integer = structs.op.pack, structs.integer.pack
    parts = [b""]
    for op in ops:
        parts.append(
            pack_op(
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
                parts.append(pack_integer(0, source & _U64))
            else:
                parts.append(_source(structs, source))
        for fix in op.fixes:
            parts += (
                structs.fix.pack(fix.buffer, fix.width, fix.offset),
                _source(structs, fix.source),
            )
        for buffer in op.buffers:
            parts.append(structs.buffer.pack(buffer.flags, buffer.size))
            if int(buffer.flags) & _IN:
                parts.append(buffer.data.ljust(padded(buffer.size), b"\0"))
    size = FRAME.size - 4 + sum(map(len, parts))
    parts[0] = structs.frame.pack(size, identity, FrameKind.PROGRAM, len(ops))
    return b"".join(parts)


def byte_order(first_frame: bytes | bytearray) -> ByteOrder:
    """Of an agent, by the first byte that it ever sends: its first frame is a short one."""
    return "little" if first_frame[0] else "big"


def decode_frame(data: bytes | bytearray, order: ByteOrder) -> tuple[int, int, int, int]:
    """The head of a frame: size, program, kind, count."""
    size, identity, kind, count = _STRUCTS[order].frame.unpack_from(data)
    return size, identity, kind, count


def decode_hello(payload: bytes, order: ByteOrder = "little") -> Hello:
    """The payload of a hello frame; what another version's is too short for is 0."""
    structs = _STRUCTS[order]
    whole = payload.ljust(structs.hello.size, b"\0")
    version, pointer_bytes, page_bytes = structs.hello.unpack_from(whole)
    return Hello(version, pointer_bytes, page_bytes, order)


def decode_records(payload: bytes, order: ByteOrder = "little") -> Iterator[tuple[int, Record]]:
    """The payload of a results frame: (operation, record); operations left out have none.

    The agent cuts the zeros at the end of a record's data.
    """
    at, head = 0, _STRUCTS[order].record
    while at < len(payload):
        op, status, size, value = head.unpack_from(payload, at)
        at += head.size
        yield op, Record(_STATUSES[status], value, payload[at : at + size])
        at += padded(size)
