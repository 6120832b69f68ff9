# SPDX-License-Identifier: MIT
"""Calls as strace(1) prints them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from suite.judge.outcome import errno_name
from suite.process.kinds import Asked, nodes, outs
from suite.process.nodes import Array, Bytes, Ending, Node, Note, Raw, Ref, Struct, Text
from suite.process.quoting import quoted
from suite.process.symbols import SYMBOLS, Word
from suite.values import Argument, Beyond, InOut, Int, Out, Pack, Promise

_MOST = 32
"""Bytes of a buffer that are shown, as strace does by default."""
_PIECE = 8
"""Buffers are padded to this many bytes in a call's data."""


def shown(
    name: str,
    arguments: Sequence[Argument],
    result: int | None = None,
    data: bytes = b"",
) -> str:
    """A call with its arguments.

    Args:
        name: Of the system call, or of an operation of the agent.
        arguments: What it was asked to do; promises are shown by what they came to.
        result: What it gave, if it did.
        data: What it left in its buffers, each padded to 8 bytes.
    """
    if name in _SPECIAL and len(arguments) < 5:
        return _SPECIAL[name](arguments)
    filled = list(_filled(arguments, data)) if data else list(arguments)
    asked = Asked(filled, _number, result)
    parts = [_text(node) for node in nodes(name, filled, asked) if node is not None]
    return f"{name}({', '.join(parts)})"


def ending(value: int) -> str:
    """What a system call gave: ``3``, or ``-1 EACCES (Permission denied)``."""
    if -4095 <= value < 0:
        return f"-1 {errno_name(-value)} ({os.strerror(-value)})"
    return hex(value) if value >> 32 else str(value)


def _number(argument: Argument) -> int | None:
    match argument:
        case int():
            return int(argument)
        case None:
            return 0
        case Promise():
            return argument.known
        case Beyond(call, offset):
            return None if call.known is None else call.known + offset
        case Int(call, offset, width):
            return call.integer(offset, width)
        case _:
            return None


def _filled(arguments: Sequence[Argument], data: bytes) -> Iterator[Argument]:
    """The arguments with what the call has left in its buffers in place of these."""
    at = 0
    for argument in arguments:
        sizes = [it.size if isinstance(it, Out) else len(it.data) for it in outs([argument])]
        yield data[at : at + sizes[0]] if isinstance(argument, Out | InOut) else argument
        at += sum(-(-size // _PIECE) * _PIECE for size in sizes)


def _text(node: Node) -> str:  # noqa: PLR0911 (one a kind of node)
    match node:
        case Word(text) | Note(text):
            return text
        case Text(text):
            return quoted(text.encode())
        case Bytes(data):
            return quoted(data, _MOST)
        case Struct(_, fields):
            return "{" + ", ".join(_field(name, it) for name, it in fields) + "}"
        case Array(items):
            return "[" + ", ".join(map(_text, items)) + "]"
        case Ending():
            return "..."
        case Ref(argument) | Raw(argument):
            return _raw(argument)


def _field(name: str, node: Node) -> str:
    return f"{name}={_text(node)}" if name else _text(node)


def _raw(argument: Argument) -> str:  # noqa: PLR0911 (one a kind of argument)
    number = _number(argument)
    if number is not None:
        return hex(number) if number > 9 else str(number)
    match argument:
        case str():
            return quoted(argument.encode())
        case bytes() | InOut():
            return quoted(argument if isinstance(argument, bytes) else argument.data, _MOST)
        case Pack():
            values = (it if isinstance(it, bytes) else it[1] for it in argument.fields)
            return "{" + ", ".join(map(_raw, values)) + "}"
        case Out():
            return f"<{argument.size} bytes>"
        case Promise():
            return f"<{argument.name}>"
        case Beyond() | Int():
            return f"<{argument.call.name}>"
        case _:
            return "NULL"


def _clone(arguments: Sequence[Argument]) -> str:
    """The agent's fork: clone(2), or clone3(2) where its flags need that."""
    flags = _number(arguments[1]) or 0
    if flags >> 32:
        without = SYMBOLS["clone"].word(flags & ~0xFF).text
        end = SYMBOLS["sig"].word(flags & 0xFF).text
        return f"clone3({{flags={without}, exit_signal={end}, stack=NULL}}, 64)"
    return f"clone(child_stack=NULL, flags={SYMBOLS['clone'].word(flags).text})"


def _exec(arguments: Sequence[Argument]) -> str:
    at, path, flags = arguments
    rest: tuple[Argument, ...] = (0, 0, flags)
    parts = nodes("execveat", [at, path, *rest], Asked((), _number))
    place, name, _, _, last = [_text(node) for node in parts if node is not None]
    return f'execveat({place}, {name}, ["landproof-agent"], [...], {last})'


def _give(arguments: Sequence[Argument]) -> str:
    """A descriptor is passed over a socket that the agent has."""
    fd, receiver = arguments
    return f"give({_raw(fd)}, [{_number(receiver)}])"


_SPECIAL = {
    "fork": _clone, "vfork": _clone, "thread": _clone, "execveat": _exec, "give": _give,
}  # fmt: skip
"""Operations of the agent; execveat(2) as a plain system call has five arguments."""
