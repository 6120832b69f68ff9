# SPDX-License-Identifier: MIT
"""Arguments of system calls as expressions of C."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field

from suite.agent.wire import padded
from suite.process.kinds import Asked, nodes
from suite.process.nodes import Array, Bytes, Ending, Node, Note, Raw, Ref, Struct, Text
from suite.process.promise import Call
from suite.process.quoting import quoted
from suite.process.symbols import SYMBOLS, Word
from suite.repro.sources import Formatted, Given, GivenPack, Negative, Slice, literal
from suite.values import Argument, Beyond, InOut, Int, Out, Pack, Promise

_TYPES = {1: "uint8_t", 2: "uint16_t", 4: "uint32_t", 8: "uint64_t"}
_MEMBERS = {
    "struct sockaddr_in": {"sa_family": "sin_family", "sin_addr": "sin_addr.s_addr"},
    "struct sockaddr_in6": {"sa_family": "sin6_family", "": "sin6_addr.s6_addr"},
    "struct sockaddr_nl": {"sa_family": "nl_family"},
    "struct sockaddr_un": {"sa_family": "sun_family"},
}
"""Where C has another name for a member than strace."""
_EMBEDDED = {"it_interval", "it_value", "msg_hdr"}
"""Members that are structs, not addresses of structs."""
_READ_ONLY = {"bind", "connect", "pwrite64", "send", "sendto", "write"}
"""Calls that don't write to what they read, so that it may be a string literal."""
_SIGNALS = re.compile(r"\[(?:(?!RT_)[A-Z0-9]+ ?)*\]")
"""A set of signals that have names in C."""
_INET6 = re.compile(r'inet_pton\(AF_INET6, "(.*)", .*\)')


@dataclass(slots=True)
class Expressions:
    """Writes arguments, and keeps which names that takes."""

    place: str
    """The folder that is the macro PLACE."""
    variables: dict[int, str]
    """The names of values, by the id of the call that gives it."""
    buffers: dict[int, str]
    """The names of what calls fill, where that is used later on."""
    pairs: set[int] = field(default_factory=set)
    """Of these calls, those that fill two integers, which are a member of this kind."""
    names: dict[str, int] = field(default_factory=dict)
    """The constants so far."""
    tags: set[str] = field(default_factory=set)
    scratch: int = 8
    """The bytes that calls fill whose data nobody uses."""
    _fill_at: int = 0
    _call: Call | None = None

    def arguments(self, call: Call, given: list[Given]) -> list[str]:
        """The arguments of a call."""
        # What the kinds have no word for is written from what was traced.
        plain: list[Argument] = [
            old if isinstance(new, Slice | Formatted | Negative | GivenPack) else new
            for old, new in zip(call.arguments, given, strict=True)
        ]
        self._fill_at = 0
        self._call = call
        known = nodes(call.name, plain, Asked(plain, literal))
        while known and known[-1] is None and isinstance(given[len(known) - 1], int | None):
            known.pop()  # strace leaves out what has no meaning, and the file's CALL adds zeros
        return [self._written(it, node) for it, node in zip(given, known, strict=False)]

    def value(self, argument: Given) -> str:
        """One argument of an operation that is no system call."""
        return self._raw(argument)

    @property
    def quoted_place(self) -> str:
        """What the macro PLACE stands for."""
        return _literal_of(self.place.encode())

    def flags(self, number: int) -> str:
        """The flags of clone(2)."""
        word = SYMBOLS["clone"].word(number)
        self.names |= word.names
        return word.text.replace("|", " | ")

    def exec_arguments(self, call: Call, given: list[Given]) -> list[str]:
        """The folder, the path and the flags with which a program is executed."""
        at, path, flags = given
        plain: list[Argument] = [call.arguments[0], "", 0, 0, call.arguments[2]]
        known = nodes("execveat", plain, Asked(plain, literal))
        return [self._written(at, known[0]), self._raw(path), self._written(flags, known[4])]

    def memory(self, call: Call, given: list[Given]) -> str:
        """What the agent does to memory itself."""
        self._fill_at, self._call = 0, call
        address = self._raw(given[0])
        if call.name == "result_at":
            return f"result_at({address})"
        if call.name == "peek":
            size = sum(it.size for it in call.arguments if isinstance(it, Out))
            return f"peek({self._raw(given[1])}, {address}, {size})"
        data = call.arguments[1]
        size = data.size if isinstance(data, Pack) else len(data) if isinstance(data, bytes) else 0
        return f"poke({address}, {self._raw(given[1])}, {size})"

    def text(self, text: str) -> str:
        """A string literal."""
        parts = re.split(rf"{re.escape(self.place)}(?![^/:,\s])", text)
        literals = [_literal_of(it.encode()) if it else "" for it in parts]
        return " PLACE ".join(literals).strip() or '""'

    def _written(  # noqa: PLR0911 (one a kind of node)
        self, argument: Given, node: Node | None
    ) -> str:
        if isinstance(argument, Slice | Formatted | Negative | GivenPack | Out | InOut):
            return self._raw(argument)
        match node:
            case Word(text, names):
                self.names |= names
                return text.replace("|", " | ")
            case Ref(it):
                return self._raw(it)
            case Text(text):
                return self.text(text)
            case Struct(tag, fields) if tag and _is_whole(fields):
                return self._struct(tag, fields)
            case Array((Struct(tag, fields),)) if tag and _is_whole(fields):
                return self._struct(tag, fields)
            case Array((Word(text, _),)) if isinstance(argument, bytes):
                return f"(&(int){{ {text} }})"
            case Bytes(data):
                return self._bytes(data)
            case Note(text) if _SIGNALS.fullmatch(text):
                return f"(&(uint64_t){{ {_mask(text)} }})"
            case None if isinstance(argument, int) and argument > 9:
                return f"0{int(argument):o}"  # a mode without a meaning
            case Raw(it):
                return self._raw(it)
            case _:
                return self._raw(argument)

    def _struct(self, tag: str, fields: tuple[tuple[str, Node], ...]) -> str:
        self.tags.add(tag)
        members = _MEMBERS.get(tag, {})
        parts = [
            f".{members.get(name, name)} = {self._member_of(name, node)}"
            for name, node in fields
            if not _is_zero(node)
        ]
        content = f"{{ {', '.join(parts)} }}" if parts else "{ 0 }"
        return f"(&({tag}){content})"

    def _member_of(self, name: str, node: Node) -> str:
        """A member, where strace has it otherwise than C."""
        match node:
            case Struct("struct msghdr" | "struct timeval") if name in _EMBEDDED:
                return self._written(None, node).partition("){")[2].join(["{", ""])[:-1]
            case Word(text) if found := _INET6.fullmatch(text):
                raw = socket.inet_pton(socket.AF_INET6, found[1])
                return f"{{ {', '.join(map(_byte, raw))} }}"
            case Word(text) if text.startswith('@"'):
                return f'"\\0" {text[1:]}'
            case Bytes(data) if name == "sa_data":
                return _literal_of(data.rstrip(b"\0"))
            case _:
                return self._written(None, node)

    def _raw(  # noqa: PLR0911, PLR0912 (one a kind of argument)
        self, argument: Given
    ) -> str:
        match argument:
            case None:
                return "NULL"
            case Negative(call):
                return f"-{self._variable(call)}"
            case Promise():
                return self._variable(argument)
            case Beyond(call, offset):
                return f"{self._variable(call)} + {offset}"
            case Int(call, offset, width):
                if id(call) in self.pairs:
                    return f"{self._buffer(call)}[{offset // 4}]"
                return f"get({self._buffer(call)} + {offset}, {width})"
            case Slice(call, offset):
                return f"{self._buffer(call)} + {offset}"
            case Formatted(form, values):
                parts = ", ".join(self._raw(it) for it in values)
                return f"path({_literal_of(form.encode())}, {parts})"
            case int():
                return str(int(argument)) if argument < 1 << 31 else hex(argument)
            case str():
                return self.text(argument)
            case bytes():
                return self._bytes(argument)
            case Out(size):
                return self._filled(size)
            case InOut(data):
                some = data.rstrip(b"\0") or b"\0"
                place = self._filled(len(data))
                return f"filled({place}, {len(data)}, {_literal_of(some)}, {len(some)})"
            case Pack(fields) | GivenPack(fields):
                return self._pack(fields)

    def _bytes(self, data: bytes) -> str:
        """A buffer; writable, if its call may write to what it reads."""
        text = _literal_of(data)
        if self._call is not None and self._call.name in _READ_ONLY:
            return text
        return f"((char[]){{ {text} }})"

    def _filled(self, size: int) -> str:
        at, self._fill_at = self._fill_at, self._fill_at + padded(size)
        name = self.buffers.get(id(self._call))
        if name is None:
            self.scratch = max(self.scratch, self._fill_at)
            return f"scratch + {at}" if at else "scratch"
        if id(self._call) in self.pairs:
            return f"v->{name}"
        return f"v->{name} + {at}" if at else f"v->{name}"

    def _variable(self, call: object) -> str:
        return f"v->{self.variables[id(call)]}"

    def _buffer(self, call: object) -> str:
        return f"v->{self.buffers[id(call)]}"

    def _pack(self, fields: tuple[bytes | tuple[int, Given], ...]) -> str:
        """A buffer as a struct of its own, since its members may be values and addresses."""
        members, values = [], []
        for index, item in enumerate(it for it in fields if it):
            if isinstance(item, bytes):
                members.append(f"uint8_t f{index}[{len(item)}];")
                content = ", ".join(map(str, item)) if any(item) else "0"
                values.append(f"{{ {content} }}")
                continue
            width, value = item
            members.append(f"{_TYPES[width]} f{index};")
            values.append(self._member(width, value))
        struct = f"struct __attribute__((packed)) {{ {' '.join(members)} }}"
        return f"(&({struct}){{ {', '.join(values)} }})"

    def _member(self, width: int, value: Given) -> str:
        if value is None:
            return "0"
        if isinstance(value, int):
            number = value & (1 << 8 * width) - 1
            return str(number) if number < 1 << 31 else hex(number)
        written = self._raw(value)
        return (
            written
            if isinstance(value, Promise | Int | Beyond | Negative)
            else (f"(uintptr_t)({written})")
        )


def _literal_of(data: bytes) -> str:
    return quoted(data).replace("??", "?\\?")


def _mask(text: str) -> str:
    """A set of signals, from how strace writes it."""
    names = [f"SIG{it}" for it in text.strip("[]").split()]
    return " | ".join(f"1ULL << ({it} - 1)" for it in names) or "0"


def _is_whole(fields: tuple[tuple[str, Node], ...]) -> bool:
    """Whether the struct is known up to its last byte."""
    return not any(isinstance(node, Ending | Raw) for _, node in fields)


def _is_zero(node: Node) -> bool:
    """Whether a member may be left out, since C fills structs with zeros."""
    match node:
        case Word(text):
            return (
                text in ("0", "NULL", "htons(0)", "htonl(0)", "00000000")
                or '(AF_INET6, "::",' in text
            )
        case _:
            return False


def _byte(number: int) -> str:
    return hex(number) if number > 9 else str(number)
