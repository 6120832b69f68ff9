# SPDX-License-Identifier: MIT
"""See the arguments of a tracepoint: what BPF programs get, and trace events need not print.

Source: Documentation/bpf/standardization/instruction-set.rst; include/uapi/linux/bpf.h,
BPF_RAW_TRACEPOINT_OPEN and the helpers' numbers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from suite.errors import LandproofError
from suite.judge.outcome import Allowed, Denied, Outcome, Seen
from suite.packed import joined, packed
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import BPF_PROG_TYPE_RAW_TRACEPOINT

_LOOKUP, _PROBE_READ_KERNEL, _CURRENT_TASK = 1, 113, 35
_MOVE, _ADD, _CALL, _EXIT, _IF_NOT_0 = 0xBF, 0x07, 0x85, 0x95, 0x55
_SET, _STORE_WORD, _LOAD, _STORE, _LOAD_MAP = 0xB7, 0x62, 0x79, 0x7B, 0x18
_MAP_FD, _FRAME = 1, 10
_POINTED = 32
"""Bytes that are read through an argument."""


def _op(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return packed("BNhi", code, to | source << 4, offset, value)


def _program(map_fd: int, count: int, pointer: int | None) -> bytes:
    """Copy the current task, the arguments, and what one of them points to, into the map."""
    parts = [
        _op(_MOVE, 6, 1),
        _op(_STORE_WORD, _FRAME, offset=-4),
        _op(_LOAD_MAP, 1, _MAP_FD, value=map_fd),
        _op(0),  # its upper half
        _op(_MOVE, 2, _FRAME),
        _op(_ADD, 2, value=-4),
        _op(_CALL, value=_LOOKUP),
        _op(_IF_NOT_0, 0, offset=1),
        _op(_EXIT),
        _op(_MOVE, 8, 0),
        _op(_CALL, value=_CURRENT_TASK),
        _op(_STORE, 8, 0),
    ]
    for number in range(count):
        parts += [_op(_LOAD, 1, 6, 8 * number), _op(_STORE, 8, 1, 8 + 8 * number)]
    if pointer is not None:
        parts += [
            _op(_MOVE, 1, 8),
            _op(_ADD, 1, value=8 + 8 * count),
            _op(_SET, 2, value=_POINTED),
            _op(_LOAD, 3, 6, 8 * pointer),
            _op(_CALL, value=_PROBE_READ_KERNEL),
        ]
    return joined([*parts, _op(_SET), _op(_EXIT)])


@dataclass(frozen=True, slots=True)
class Hit:
    """The last time that a tracepoint was passed; all zero if it was not."""

    task: int
    """The address of the task that passed it."""
    arguments: tuple[int, ...]
    pointed: bytes
    """What the argument that was asked for points to."""


@dataclass(frozen=True, slots=True)
class Spy:
    """A program on a tracepoint, until its process ends."""

    process: Process
    map: Call
    count: int
    form: str
    """Of what an argument points to; see `suite.packed`."""
    lacking: str
    """The tracepoint, if the kernel lacks it: its program is never run then."""

    def told(self, outcome: Outcome) -> Outcome:
        """What a case came to, which was to show something of the tracepoint."""
        return Seen(f"no tracepoint {self.lacking}") if self.lacking else outcome

    def last(self) -> Hit:
        """What the tracepoint was last given."""
        size = _size(self.count)
        data = self.process.look_up(self.map, size, f"{1 + self.count}Q{self.form}").data
        numbers = struct.unpack_from(f"<{1 + self.count}Q", data)
        return Hit(numbers[0], numbers[1:], data[8 + 8 * self.count : size])


def spy(
    process: Process, tracepoint: str, count: int, pointer: int | None = None, form: str = ""
) -> Spy:
    """Attach a program to a tracepoint with this many arguments; one may be a pointer to a form.

    Raises:
        LandproofError: It can't be attached, though the kernel doesn't say that it lacks it.
    """
    values = process.make_map(_size(count))
    program = _program(values.value, count, pointer)
    loaded = process.load_program(BPF_PROG_TYPE_RAW_TRACEPOINT, program)
    attached = process.observe(Process.open_tracepoint, tracepoint, loaded).outcome
    lacks = attached == Denied("ENOENT")
    if not lacks and attached != Allowed():
        raise LandproofError(f"a program can't be attached to {tracepoint}: {attached}")
    return Spy(process, values, count, form, tracepoint if lacks else "")


def _size(count: int) -> int:
    return 8 + 8 * count + _POINTED
