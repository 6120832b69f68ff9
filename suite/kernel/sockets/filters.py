# SPDX-License-Identifier: MIT
"""Filters of sockets: programs of classic BPF, of which a few instructions are known.

Source: Documentation/networking/filter.rst; net/core/filter.c.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.tasks import Task

_LOAD_HALF, _IF_EQUAL, _RETURN = 0x28, 0x15, 0x06
"""BPF_LD | BPF_H | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K."""
_MOST = 4096
"""BPF_MAXINSNS."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A struct sock_filter."""

    code: int
    if_true: int
    """How many instructions are left out then."""
    if_false: int
    operand: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A program that looks at each message."""

    program: tuple[Instruction, ...]

    def takes(self, message: bytes) -> bool:
        """Whether a message is to be received."""
        accumulator, at = 0, 0
        while True:
            it = self.program[at]
            at += 1
            if it.code == _RETURN:
                return bool(it.operand)
            if it.code == _IF_EQUAL:
                at += it.if_true if accumulator == it.operand else it.if_false
            elif it.operand + 2 > len(message):
                return False
            else:
                accumulator = int.from_bytes(message[it.operand : it.operand + 2], "big")


def filter_of(task: Task, value: bytes) -> Filter:
    """The program of SO_ATTACH_FILTER, whose value is a struct sock_fprog.

    Raises:
        Errno: EINVAL, EFAULT.
        NotModelled: It has other instructions, or does not end in what returns.
    """
    if len(value) != 16:
        raise Errno(errno.EINVAL)
    count, at = int.from_bytes(value[:2], "little"), int.from_bytes(value[8:], "little")
    if not 0 < count <= _MOST:
        raise Errno(errno.EINVAL)
    raw = task.memory.read(at, 8 * count)
    program = tuple(
        Instruction(
            int.from_bytes(raw[it : it + 2], "little"),
            raw[it + 2],
            raw[it + 3],
            int.from_bytes(raw[it + 4 : it + 8], "little"),
        )
        for it in range(0, len(raw), 8)
    )
    known = all(it.code in (_LOAD_HALF, _IF_EQUAL, _RETURN) for it in program)
    jumps = (
        n + max(it.if_true, it.if_false) for n, it in enumerate(program, 2) if it.code == _IF_EQUAL
    )
    if not known or program[-1].code != _RETURN or any(it > count for it in jumps):
        raise NotModelled("sockets: instructions of filters")
    return Filter(program)
