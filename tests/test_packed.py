# SPDX-License-Identifier: MIT
"""Structs that know their fields: what a target of the other byte order is given, and gives."""

import copy
import struct

import pytest

from suite.packed import Packed, from_target, joined, packed, turned, widths
from suite.process.target_order import adapted, as_ours, open_flags
from suite.values import InOut, Out, Pack

FORM, VALUES = "2IhBBQ4s", (1, 2, -3, 4, 5, 6, b"text")


def test_it_is_the_little_endian_struct() -> None:
    assert packed(FORM, *VALUES) == struct.pack(f"<{FORM}", *VALUES)


def test_turned_it_is_the_big_endian_struct() -> None:
    assert packed(FORM, *VALUES).turned() == struct.pack(f">{FORM}", *VALUES)


def test_halves_of_a_byte_change_places() -> None:
    """As the registers of a BPF instruction do (include/uapi/linux/bpf.h, struct bpf_insn)."""
    assert packed("BNhi", 0xBF, 0x16, 0, 1).turned() == b"\xbf\x61\0\0\0\0\0\1"


@pytest.mark.parametrize(
    ("whole", "theirs"),
    [
        (packed("H", 1) + b"ab", b"\0\1ab"),
        (b"ab" + packed("H", 1), b"ab\0\1"),
        (packed("H", 1) + packed("I", 2), b"\0\1\0\0\0\2"),
        (packed("H", 1).ljust(4, b"\0"), b"\0\1\0\0"),
        (packed("HI", 1, 2)[2:], b"\0\0\0\2"),
        (packed("HI", 1, 2)[:2], b"\0\1"),
        (packed("IH", 1, 2)[1:], b"\0\0\0\0\2"),
        (joined([packed("H", 1), b"x", packed("H", 2)]), b"\0\1x\0\2"),
        (copy.deepcopy(packed("H", 1)), b"\0\1"),
    ],
)
def test_it_stays_one_when_it_is_cut_and_put_together(whole: Packed, theirs: bytes) -> None:
    assert isinstance(whole, Packed)
    assert whole.turned() == theirs


def test_a_byte_of_it_is_a_number() -> None:
    assert packed("H", 1)[0] == 1


def test_what_a_target_left() -> None:
    raw = struct.pack(">IQ", 7, 9) + b"name"
    assert from_target(raw, "IQ") == struct.pack("<IQ", 7, 9) + b"name"
    assert from_target(raw, lambda data: f"I{len(data) - 4}s")[:4] == b"\7\0\0\0"
    assert from_target(raw, "") == raw


def test_a_buffer_that_ends_within_a_form() -> None:
    assert from_target(b"\0\0\0\1", "IQ") == b"\1\0\0\0"


def test_fields_of_a_form() -> None:
    assert widths("2IhN3sx") == (4, 4, 2, -1, 1, 1, 1, 1)
    assert turned(b"\1\2\3", (2,)) == b"\2\1\3"


def test_turning_does_not_cut_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cut looks for its fields from the first on: an attribute of 64 KiB took minutes."""
    long = packed("Q", 1).ljust(1 << 16, b"\0")
    monkeypatch.setattr(Packed, "__getitem__", None)
    assert long.turned() == (1).to_bytes(8).ljust(1 << 16, b"\0")


def test_the_buffers_of_a_call() -> None:
    """Each as its form says, padded to 8 bytes, also where a struct points to it."""
    arguments = (1, Out(4, "i"), InOut(packed("HH", 0, 0)), Pack(((8, Out(8)), (4, 1))))
    data = struct.pack(">i4x", -1) + struct.pack(">HH4x", 1, 2) + b"as it is"
    assert as_ours(arguments, data) == struct.pack("<i4xHH4x", -1, 1, 2) + b"as it is"


def test_one_of_several_buffers_is_handed_on() -> None:
    """As name_to_handle_at(2) gives a handle besides a mount, to open_by_handle_at(2)."""
    arguments = (InOut(packed("Ii", 0, 0) + bytes(8)), Out(4))
    theirs = struct.pack(">Ii", 8, 1) + b"a handle"
    handle = as_ours(arguments, theirs + bytes(8))[:16]
    assert handle == struct.pack("<Ii", 8, 1) + b"a handle"
    assert isinstance(handle, Packed)
    assert handle.turned() == theirs


def test_arguments_that_differ() -> None:
    """Source: arch/s390/kernel/syscall.c, arch/{s390,arm64}/include/uapi/asm."""
    whole = (0, 4096, 3, 0x22, -1, 0)
    assert adapted("mmap", whole, "s390x") == (Pack(tuple((8, it) for it in whole)),)
    assert adapted("mmap", whole, "aarch64") == whole
    assert adapted("ioctl", (3, 0x5460, 0), "s390x") == (3, 0x545E, 0)
    assert adapted("ioctl", (3, 0x5460, 0), "aarch64") == (3, 0x5460, 0)
    directory, nofollow = 0o200000, 0o400000  # of x86_64, as of every host that tests run on
    assert adapted("openat", (-100, "x", directory | 1, 0), "aarch64")[2] == 0o40001
    assert open_flags(nofollow | 0o2000000, "aarch64") == 0o2100000
    assert open_flags(nofollow, "riscv64") == nofollow
    how = packed("3Q", directory, 0, 8)
    changed = adapted("openat2", (-100, "x", how, 24), "aarch64")[2]
    assert changed == struct.pack("<3Q", 0o40000, 0, 8)
