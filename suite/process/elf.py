# SPDX-License-Identifier: MIT
"""ELF files that are just large enough to be executed: the guest has no program but the agent."""

import struct

HEADER = 20
"""As many bytes of an ELF file tell for what architecture it is."""
_X86_64 = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack("<HH", 2, 62)
_ELFCLASS64, _LITTLE, _ET_EXEC, _ET_DYN, _PT_LOAD, _PT_INTERP, _READ_EXECUTE = 2, 1, 2, 3, 1, 3, 5
_BASE = 0x400000
_ALIGN = 0x10000  # no architecture's pages are larger
_REGISTERS = (b"\x48\xb8", b"\x48\xbf", b"\x48\xbe", b"\x48\xba")  # mov to rax, rdi, rsi, rdx
_SYSCALL = b"\x0f\x05"
_CALL_SIZE = len(_REGISTERS) * 10 + len(_SYSCALL)


def linked(header: bytes, interpreter: str) -> bytes:
    """A program that names its ELF interpreter, for the architecture of that header."""
    return _image(header, interpreter.encode() + b"\0", interpreted=True)


def calling(*calls: tuple[int | str, ...]) -> bytes:
    """A program for x86_64 that makes system calls, each its number and up to three arguments."""
    code, strings = b"", b""
    start = _BASE + len(_image(_X86_64, b"")) + len(calls) * _CALL_SIZE
    for call in calls:
        for register, value in zip(_REGISTERS, (*call, *[0] * 4), strict=False):
            address = start + len(strings)
            if isinstance(value, str):
                strings += value.encode() + b"\0"
            code += register + struct.pack("<q", address if isinstance(value, str) else value)
        code += _SYSCALL
    return _image(_X86_64, code + strings)


def _image(header: bytes, payload: bytes, *, interpreted: bool = False) -> bytes:
    wide, order = header[4] == _ELFCLASS64, "<" if header[5] == _LITTLE else ">"
    base, kind = (0, _ET_DYN) if interpreted else (_BASE, _ET_EXEC)
    head, entry = (64, 56) if wide else (52, 32)
    start = head + (1 + interpreted) * entry
    size = start + len(payload)

    def segment(kind: int, at: int, length: int, align: int) -> bytes:
        place = (at, base + at, base + at, length, length)
        if wide:
            return struct.pack(f"{order}II6Q", kind, _READ_EXECUTE, *place, align)
        return struct.pack(f"{order}8I", kind, *place, _READ_EXECUTE, align)

    segments = segment(_PT_LOAD, 0, size, _ALIGN)
    if interpreted:
        segments = segment(_PT_INTERP, start, len(payload), 1) + segments
    return (
        header[:16]
        + struct.pack(f"{order}H2sI", kind, header[18:20], 1)
        + struct.pack(f"{order}3Q" if wide else f"{order}3I", base + start, head, 0)
        + struct.pack(f"{order}I6H", 0, head, entry, 1 + interpreted, 0, 0, 0)
        + segments
        + payload
    )
