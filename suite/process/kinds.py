# SPDX-License-Identifier: MIT
"""What the arguments of system calls mean: from an argument to nodes that know names and fields.

A row of ``syscalls.py`` names the kind of each argument by a word. Here is what each word means,
once for all who write calls down: as strace(1) prints them (``strace.py``), or in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from suite.landlock.calls import RULE_TYPES
from suite.process.addresses import sockaddr
from suite.process.layouts import LAYOUTS, Layout
from suite.process.nodes import Array, Bytes, Ending, Node, Note, Raw, Ref, Struct, Text
from suite.process.symbols import SIGNALS, SYMBOLS, Word
from suite.process.syscalls import SYSCALLS
from suite.process.uapi import AT_FDCWD
from suite.values import Argument, Beyond, InOut, Int, Out, Pack, Promise

_O_CREAT, _O_TMPFILE = 0o100, 0o20000000
_DEVICES = (0o060000, 0o020000)
_INTEGER = 8
"""Bytes of the longest one; what is longer is a struct in a struct."""
_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a kind may look at besides its argument."""

    arguments: Sequence[Argument]
    """Of the call."""
    number: Callable[[Argument], int | None]
    """What an argument comes to; None of a promise that is not to be resolved."""
    result: int | None = None
    """What the call gave."""


Kind: TypeAlias = Callable[[Argument, Asked], Node | None]
"""None: strace leaves the argument out."""


def nodes(name: str, arguments: Sequence[Argument], asked: Asked) -> list[Node | None]:
    """The nodes of a call's arguments, in order."""
    words = words_of(name, arguments, asked.number)
    return [KINDS[word](argument, asked) for word, argument in zip(words, arguments, strict=True)]


def words_of(
    name: str, arguments: Sequence[Argument], number: Callable[[Argument], int | None]
) -> list[str]:
    """The kinds of a call's arguments; ``any`` where nobody has said it."""
    kinds = SYSCALLS[name].kinds if name in SYSCALLS else ()
    words = [*kinds, *["any"] * len(arguments)][: len(arguments)]
    return [_chosen(word, arguments, number) for word in words]


def outs(arguments: Sequence[Argument]) -> Iterator[Out | InOut]:
    """The buffers that a call fills, in the order in which its data has them."""
    for argument in arguments:
        if isinstance(argument, Out | InOut):
            yield argument
        elif isinstance(argument, Pack):
            values = [it[1] for it in argument.fields if not isinstance(it, bytes)]
            yield from outs(values)


def _chosen(
    word: str, arguments: Sequence[Argument], number: Callable[[Argument], int | None]
) -> str:
    """The kind of an argument, where another one decides it."""
    word, _, index = word.partition("@")
    if not index:
        return word
    decides = number(arguments[int(index)])
    return _BY_ARGUMENT[word].get(-1 if decides is None else decides, "any")


_BY_ARGUMENT: dict[str, dict[int, str]] = {
    "rule": {it.value: name for name, it in RULE_TYPES.items()},
    "fcntlarg": {
        1: "none", 3: "none", 9: "none", 11: "none", 0: "dec", 2: "dec", 4: "open_status",
        8: "pid", 10: "sig", 15: "owner_ex", 1024: "lease", 1025: "none", 1026: "dnotify",
        1030: "dec",
    },
    "prarg": {1: "sig", 4: "dec", 15: "str", 36: "dec", 38: "dec", 39: "dec"},
    "prrest": {1: "none", 4: "none", 15: "none", 36: "none", 38: "dec", 39: "dec"},
    "sockopt": {0: "sol_ip", 1: "sol_socket", 6: "sol_tcp", 41: "sol_ipv6", 132: "sol_sctp"},
    "ipproto": {2: "ipproto", 10: "ipproto"},
    "bpfattr": {0: "bpfmap", 6: "bpfpin", 7: "bpfpin"},
}  # fmt: skip


def _numeric(show: Callable[[int], Word]) -> Callable[[Argument, Asked], Node]:
    def kind(argument: Argument, asked: Asked) -> Node:
        number = asked.number(argument)
        if number is not None:
            return show(number)
        return Ref(argument) if isinstance(argument, Promise | Int | Beyond) else Raw(argument)

    return kind


def _plain(text: str) -> Word:
    return Word(text, {})


def _signed(number: int) -> int:
    """As a C int, where its sign was lost."""
    low = number & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 and number in (low, low | _U64 ^ 0xFFFFFFFF) else number


def _any(number: int) -> Word:
    """A number that nothing is known of, as strace prints it."""
    return _plain(hex(number) if number > 9 else str(number))


def _limit(number: int) -> Word:
    infinity = "RLIM64_INFINITY"
    return Word(infinity, {infinity: _U64}) if number == _U64 else _plain(str(number))


def _fd(number: int) -> Word:
    number = _signed(number)
    if number == AT_FDCWD:
        return Word("AT_FDCWD", {"AT_FDCWD": AT_FDCWD})
    return _plain(str(number))


def _pointer(argument: Argument, asked: Asked) -> Node:
    number = asked.number(argument)
    if number is None:
        return Raw(argument)
    return _plain(hex(number & _U64)) if number else Word("NULL", {})


def _text(argument: Argument, asked: Asked) -> Node:
    """A path or a name, which strace does not shorten."""
    if isinstance(argument, bytes):
        return Bytes(argument)
    return Text(argument) if isinstance(argument, str) else _pointer(argument, asked)


def _data(argument: Argument, asked: Asked) -> Node:
    return Bytes(argument) if isinstance(argument, bytes) else _pointer(argument, asked)


def _whatever(argument: Argument, asked: Asked) -> Node:
    if isinstance(argument, str | bytes):
        return _text(argument, asked)
    return _numeric(_any)(argument, asked)


def _got(argument: Argument, asked: Asked) -> Node:
    """What a call such as read(2) has filled: so many bytes as it says."""
    if isinstance(argument, bytes) and asked.result is not None:
        return Bytes(argument[: max(asked.result, 0)])
    return _data(argument, asked)


def _mode(number: int) -> Word:
    return _plain(f"0{number:03o}")


def _creation_mode(argument: Argument, asked: Asked) -> Node | None:
    """Of open(2): it has no meaning unless a file is made."""
    flags = asked.number(asked.arguments[-2]) or 0
    creates = flags & _O_CREAT or flags & _O_TMPFILE == _O_TMPFILE
    return _numeric(_mode)(argument, asked) if creates else None


def _file_mode(number: int) -> Word:
    kind = SYMBOLS["mkmode"].word(number & 0o170000)
    if not number & 0o170000:
        return _mode(number)
    return Word(f"{kind.text}|{number & 0o7777:#05o}".replace("0o", "0"), kind.names)


def _device(argument: Argument, asked: Asked) -> Node | None:
    mode = asked.number(asked.arguments[-2]) or 0
    if mode & 0o170000 not in _DEVICES:
        return None
    return _numeric(lambda it: _plain(f"makedev({it >> 8:#x}, {it & 0xFF:#x})"))(argument, asked)


def _pair(argument: Argument, asked: Asked) -> Node:
    """Two file descriptors."""
    if isinstance(argument, bytes):
        first, second = (int.from_bytes(argument[at : at + 4], "little") for at in (0, 4))
        return Array((_plain(str(first)), _plain(str(second))))
    return _pointer(argument, asked)


def _option(argument: Argument, asked: Asked) -> Node:
    """What may point to an integer, such as the value of an option of a socket."""
    if isinstance(argument, bytes) and len(argument) == 4:
        return Array((_plain(str(int.from_bytes(argument, "little", signed=True))),))
    return _whatever(argument, asked)


def _status(argument: Argument, asked: Asked) -> Node:
    """Of wait4(2)."""
    if not isinstance(argument, bytes):
        return _pointer(argument, asked)
    status = int.from_bytes(argument[:4], "little")
    low = status & 0x7F
    if not low:
        text = f"WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}"
    elif status & 0xFF == 0x7F:
        text = f"WIFSTOPPED(s) && WSTOPSIG(s) == {SYMBOLS['sig'].word(status >> 8 & 0xFF).text}"
    else:
        core = " && WCOREDUMP(s)" if status & 0x80 else ""
        text = f"WIFSIGNALED(s) && WTERMSIG(s) == {SYMBOLS['sig'].word(low).text}{core}"
    return Array((_plain("{" + text + "}"),))


def _signals(argument: Argument, asked: Asked) -> Node:
    """A sigset_t: ``[IO USR1]``."""
    if not isinstance(argument, bytes) or len(argument) != 8:
        return _pointer(argument, asked)
    mask = int.from_bytes(argument, "little")
    names = {number: name.removeprefix("SIG") for name, number in SIGNALS.items()}
    members = [names.get(it, f"RT_{it - 32}") for it in range(1, 65) if mask >> it - 1 & 1]
    return Note(f"[{' '.join(members)}]")


def _capabilities(argument: Argument, asked: Asked) -> Node:
    """What capset(2) sets, of version 3: two structs, each with the half of three masks."""
    raw = _flat(argument, asked)
    if raw is None or len(raw) != 24:
        return _pointer(argument, asked)
    halves = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, 24, 4)]
    masks = [halves[at] | halves[at + 3] << 32 for at in range(3)]
    names = ("effective", "permitted", "inheritable")
    fields = (
        f"{name}={mask:#x}" if mask else f"{name}=0"
        for name, mask in zip(names, masks, strict=True)
    )
    return Note("{" + ", ".join(fields) + "}")


def _strings(argument: Argument, asked: Asked) -> Node:
    """An array of strings that ends with NULL."""
    if not isinstance(argument, Pack):
        return _pointer(argument, asked)
    items = [it if isinstance(it, bytes) else it[1] for it in argument.fields]
    if not items or items.pop() not in (0, None, bytes(8)):
        return Raw(argument)
    return Array(tuple(_text(it, asked) for it in items))


def _address(argument: Argument, asked: Asked) -> Node:
    """A struct sockaddr, whatever family it is of."""
    raw = _flat(argument, asked)
    return _pointer(argument, asked) if raw is None else sockaddr(raw) or Raw(argument)


def _flat(argument: Argument, asked: Asked) -> bytes | None:
    """The bytes of a buffer that holds no pointer and, if so asked, no promise."""
    if isinstance(argument, bytes):
        return argument
    if not isinstance(argument, Pack):
        return None
    parts: list[bytes] = []
    for item in argument.fields:
        if isinstance(item, bytes):
            parts.append(item)
            continue
        number = asked.number(item[1])
        if number is None:
            return None
        parts.append((number & (1 << 8 * item[0]) - 1).to_bytes(item[0], "little"))
    return b"".join(parts)


def _struct(layout: Layout) -> Kind:
    def kind(argument: Argument, asked: Asked) -> Node:
        if not isinstance(argument, bytes | Pack):
            return _pointer(argument, asked)
        size = argument.size if isinstance(argument, Pack) else len(argument)
        whole = list(_fields(argument, size, layout, asked))
        if not whole or size < layout.least:
            return Raw(argument)
        known = sum(field.width for field in layout.fields[: len(whole)])
        fields = [(name, node) for name, node in whole if node is not None]
        if size > known and not layout.has_more:
            fields.append(("", Ending()))
        struct = Struct(layout.tag if size == known else "", tuple(fields))
        return Array((struct,)) if layout.in_array else struct

    return kind


def _fields(
    buffer: bytes | Pack, size: int, layout: Layout, asked: Asked
) -> Iterator[tuple[str, Node | None]]:
    """The fields that lie in the buffer as a whole, as far as each begins where it should."""
    at = 0
    for field in layout.fields:
        value = _at(buffer, at, field.width)
        if at + field.width > size or value is None:
            return
        yield field.name, KINDS[field.kind](value, asked)
        at += field.width


def _at(buffer: bytes | Pack, offset: int, width: int) -> Argument:
    """The field of a buffer; None if no field begins and ends there."""
    if isinstance(buffer, bytes):
        piece = buffer[offset : offset + width]
        return piece if width > _INTEGER else int.from_bytes(piece, "little")
    at, inner = 0, []
    for item in buffer.fields:
        size = len(item) if isinstance(item, bytes) else item[0]
        if offset <= at and at + size <= offset + width and width > _INTEGER:
            inner.append(item)
            if at + size == offset + width:
                return Pack(tuple(inner))
        elif at <= offset and offset + width <= at + size:
            if isinstance(item, bytes):
                return int.from_bytes(item[offset - at : offset - at + width], "little")
            if (at, size) == (offset, width):
                return 0 if item[1] is None else item[1]
        at += size
    return None


KINDS: dict[str, Kind] = {
    **{word: _numeric(symbols.word) for word, symbols in SYMBOLS.items()},
    **{word: _struct(layout) for word, layout in LAYOUTS.items()},
    "any": _whatever,
    "at": _numeric(_fd),
    "buf": _data,
    "capdata": _capabilities,
    "creatmode": _creation_mode,
    "dec": _numeric(lambda number: _plain(str(_signed(number)))),
    "dev": _device,
    "fd": _numeric(_fd),
    "fds": _pair,
    "filemode": _numeric(_file_mode),
    "got": _got,
    "howmode": lambda argument, asked: (
        None if asked.number(argument) == 0 else _numeric(_mode)(argument, asked)
    ),
    "limit": _numeric(_limit),
    "mode": _numeric(_mode),
    "none": lambda argument, asked: None if asked.number(argument) == 0 else Raw(argument),
    "option": _option,
    "open_status": _numeric(SYMBOLS["open"].word),
    "pid": _numeric(lambda number: _plain(str(_signed(number)))),
    "ptr": _pointer,
    "sigset": _signals,
    "sockaddr": _address,
    "status": _status,
    "str": _text,
    "strs": _strings,
}  # fmt: skip
"""By word."""
