# SPDX-License-Identifier: MIT
"""How a call's arguments and answers differ on the target from what they are on the host.

On the host, all is as on x86_64: integers are little-endian, flags of open(2) have the numbers of
the host's headers. A target has its own: it is told by one table for each thing that differs.

Source: arch/*/include/uapi/asm/fcntl.h, arch/s390/include/uapi/asm/ioctls.h,
arch/s390/kernel/syscall.c (sys_old_mmap()).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from suite.packed import Packed, from_target, joined
from suite.process.calls.ioctls import FIOQSIZE
from suite.process.kinds import outs
from suite.process.syscalls import SYSCALLS
from suite.values import Argument, InOut, Out, Pack

BIG_ENDIAN = frozenset({"s390x"})
"""Architectures, as ``ARCHES`` has them; the others are little-endian."""
OPEN_FLAGS: dict[str, dict[str, int]] = {
    "aarch64": {
        "O_DIRECTORY": 0o40000, "O_NOFOLLOW": 0o100000, "O_DIRECT": 0o200000,
        "O_LARGEFILE": 0o400000,
    },
    "": {
        "O_DIRECTORY": 0o200000, "O_NOFOLLOW": 0o400000, "O_DIRECT": 0o40000,
        "O_LARGEFILE": 0o100000,
    },
}  # fmt: skip
"""By architecture, those that differ; the others have the numbers of asm-generic/fcntl.h."""
IOCTLS: dict[str, dict[int, int]] = {"s390x": {FIOQSIZE: 0x545E}}
"""By architecture, commands of ioctl(2) whose numbers differ from asm-generic/ioctls.h."""
_PIECE = 8
"""Buffers are padded to this many bytes in a call's data."""


def as_ours(arguments: Sequence[Argument], data: bytes) -> bytes:
    """What a call has left in its buffers on a big-endian target, its integers little-endian.

    It keeps its form, and so can be handed to another call, as file handles are.
    """
    parts, at = [], 0
    for buffer in outs(arguments):
        size = buffer.size if isinstance(buffer, Out) else len(buffer.data)
        whole = at + -(-size // _PIECE) * _PIECE
        parts.append(_turned(buffer, data[at:whole]))
        at = whole
    return parts[0] if len(parts) == 1 else joined([*parts, data[at:]])


def _turned(buffer: Out | InOut, data: bytes) -> bytes:
    if isinstance(buffer, Out):
        return from_target(data, buffer.form)
    if isinstance(buffer.data, Packed):
        return Packed(Packed(data, buffer.data.widths).turned(), buffer.data.widths)
    return data


@cache
def open_flags_at(name: str) -> tuple[int, ...]:
    """Which arguments of a system call are flags of open(2)."""
    kinds = SYSCALLS[name].kinds
    return tuple(at for at, kind in enumerate(kinds) if kind in ("open", "how"))


@cache
def _bits(arch: str) -> tuple[tuple[int, int], ...]:
    """Flags of open(2) that differ: the host's number, and the target's."""
    theirs = OPEN_FLAGS.get(arch, OPEN_FLAGS[""])
    ours = {name: getattr(os, name, theirs[name]) for name in theirs}
    ours["O_LARGEFILE"] = OPEN_FLAGS.get(os.uname().machine, OPEN_FLAGS[""])["O_LARGEFILE"]
    return tuple((ours[it], theirs[it]) for it in theirs if ours[it] != theirs[it])


def open_flags(flags: int, arch: str) -> int:
    """Flags of open(2) with the target's numbers."""
    changed = flags
    for ours, _ in _bits(arch):
        changed &= ~ours
    for ours, theirs in _bits(arch):
        if flags & ours:
            changed |= theirs
    return changed


def adapts(arch: str) -> bool:
    """Whether any call is made with other arguments there."""
    return arch == "s390x" or bool(_bits(arch))


def adapted(name: str, arguments: tuple[Argument, ...], arch: str) -> tuple[Argument, ...]:
    """The arguments of a system call as the target's kernel takes them."""
    if name == "mmap" and arch == "s390x":
        return (Pack(tuple((8, it) for it in arguments)),)
    if name == "ioctl" and isinstance(arguments[1], int):
        fd, command, *rest = arguments
        return (fd, IOCTLS.get(arch, {}).get(arguments[1], command), *rest)
    if not _bits(arch) or not (places := open_flags_at(name)):
        return arguments
    return tuple(_with_flags(it, arch) if at in places else it for at, it in enumerate(arguments))


def _with_flags(argument: Argument, arch: str) -> Argument:
    match argument:
        case int():
            return open_flags(int(argument), arch)
        case bytes() if len(argument) >= _PIECE:  # a struct open_how begins with them
            flags = open_flags(int.from_bytes(argument[:_PIECE], "little"), arch)
            return flags.to_bytes(_PIECE, "little") + argument[_PIECE:]
    return argument
