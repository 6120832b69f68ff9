# SPDX-License-Identifier: MIT
"""The wire format: both descriptions of it agree, and the bytes are what they say."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from suite.agent import wire
from suite.agent.wire import (
    Address,
    Buffer,
    BufferFlag,
    Data,
    Fix,
    FrameKind,
    Op,
    OpKind,
    Record,
    Result,
    Status,
)

HEADER = Path(wire.__file__).with_name("wire.h").read_text()


def c_enum(prefix: str) -> dict[str, int]:
    """The members of the enumeration in wire.h whose first member has this prefix."""
    body = next(b for b in re.findall(r"enum \{(.*?)\};", HEADER) if b.strip().startswith(prefix))
    members: dict[str, int] = {}
    for member in body.split(","):
        name, _, number = member.partition("=")
        value = int(number) if number else max(members.values(), default=-1) + 1
        members[name.strip().removeprefix(prefix)] = value
    return members


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [("FRAME_", FrameKind), ("OP_", OpKind), ("BUFFER_", BufferFlag), ("DONE", Status)],
)
def test_both_sides_number_alike(prefix: str, kind: type[IntEnum]) -> None:
    theirs = c_enum(prefix)
    names = [name or prefix for name in theirs]
    assert dict(zip(names, theirs.values(), strict=True)) == {m.name: m.value for m in kind}


def test_both_sides_are_of_one_version() -> None:
    assert f"VERSION = {wire.VERSION}," in HEADER
    assert f"MAX_FRAME = {wire.MAX_FRAME >> 20} << 20" in HEADER
    assert f"PROCESSES = {wire.MAX_PROCESS + 1} " in HEADER


def test_the_bytes_of_a_program() -> None:
    op = Op(
        OpKind.CALL,
        process=0x102,
        nr=257,
        args=[-100, Result(3), Data(2, 16, 4), Address(1, 8)],
        buffers=[Buffer(BufferFlag.IN, 3, b"abc"), Buffer(BufferFlag.OUT, 5)],
        fixes=[Fix(0, 8, 4, Result(1))],
        deadline_ms=0x1234,
        on_fail=wire.END,
    )
    body = bytes.fromhex(
        "00 04 02 01 0201 ffff 34120000 01010000"  # call, args, buffers, fixes, process, on_fail
        "00 00 0000 0000 0000 9cffffffffffffff"  # a literal
        "01 00 0300 0000 0000 0000000000000000"  # a result
        "02 04 0200 0000 0000 1000000000000000"  # data
        "03 00 0000 0100 0000 0800000000000000"  # an address
        "0000 0400 08000000"  # a fix: buffer, width, offset
        "01 00 0100 0000 0000 0000000000000000"  # its source
        "01000000 03000000 6162630000000000"  # an in buffer, padded
        "02000000 05000000"  # an out buffer
    )
    frame = bytes.fromhex("00000000 07000000 01000000 01000000")
    expected = (12 + len(body)).to_bytes(4, "little") + frame[4:] + body
    assert wire.encode_program(7, [op]) == expected


def test_every_part_is_a_multiple_of_eight() -> None:
    for size in range(17):
        buffer = Buffer(BufferFlag.IN, size, bytes(size))
        assert len(wire.encode_program(1, [Op(OpKind.CALL, 1, buffers=[buffer])])) % 8 == 0


def test_records_are_decoded_in_turn() -> None:
    payload = bytes.fromhex(
        "0000 0000 08000000 ffffffffffffffff 01020304050607080500 0400 00000000 0000000000000000"
    )
    assert list(wire.decode_records(payload)) == [
        (0, Record(Status.DONE, -1, bytes(range(1, 9)))),
        (5, Record(Status.GONE, 0)),
    ]


def test_what_counts_as_failed() -> None:
    done = [Record(Status.DONE, value).failed for value in (-4096, -4095, -1, 0, 1 << 47)]
    assert done == [False, True, True, False, False]
    assert all(Record(status, 0).failed for status in Status if status != Status.DONE)
