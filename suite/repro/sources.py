# SPDX-License-Identifier: MIT
"""Which numbers in the arguments of calls came from earlier calls: they differ from run to run.

A promise says so by itself. What a case has computed from a value (a path in /proc, an address that
getsockname(2) gave) is a mere number or a string by now, and found again among what was given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from suite.agent.wire import OpKind, padded
from suite.process.kinds import outs, words_of
from suite.process.promise import Call
from suite.process.syscalls import SYSCALLS, Opens
from suite.values import Argument, Beyond, Int, Out, Pack, Promise

_IN_PROC = re.compile(r"(?<=/)\d+(?=/)|(?:(?<=proc/)|(?<=task/)|(?<=fd/)|(?<=fdinfo/))\d+$")
"""Where a path may have a number that is a process or one of its files, wherever proc is."""
_LEAST = 12
"""So many bytes are no coincidence."""
_PIDS = {"getpid", "gettid", "setsid", "getppid"}


@dataclass(frozen=True, slots=True)
class Slice:
    """A buffer that lies in what an earlier call has filled."""

    call: Call
    offset: int


@dataclass(frozen=True, slots=True)
class Formatted:
    """A string with the results of earlier calls in it, as printf(3) takes it."""

    format: str
    values: tuple[Promise | Int, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    """The negative result of an earlier call: a process group of kill(2)."""

    call: Call


Given: TypeAlias = "Argument | Slice | Formatted | Negative | GivenPack"


@dataclass(frozen=True, slots=True)
class GivenPack:
    """A ``Pack`` whose values were traced."""

    fields: tuple[bytes | tuple[int, Given], ...]


@dataclass(slots=True)
class Sources:
    """What the calls so far have given."""

    made: list[Call] = field(default_factory=list)
    place: str = ""
    """The folder of the cases' files, in which numbers are folders of the case."""

    def arguments(self, call: Call) -> list[Given]:
        """The arguments of the next call, traced."""
        plain = call.batch.ops[call.index].kind is OpKind.CALL
        words = words_of(call.name if plain else "", call.arguments, literal)
        traced = [
            self._traced(argument, word)
            for argument, word in zip(call.arguments, words, strict=True)
        ]
        self.made.append(call)
        return traced

    def _traced(  # noqa: PLR0911 (one a kind of argument)
        self, argument: Argument, word: str
    ) -> Given:
        match argument:
            case bool() | None:
                return argument
            case int() if word in ("fd", "at") and argument > 2:
                return self._fd(argument)
            case int() if word == "pid" and abs(argument) > 1:
                return self._pid(int(argument))
            case str() if "/" in argument:
                return self._path(argument)
            case bytes() if len(argument) >= _LEAST and any(argument):
                return self._slice(argument) or argument
            case Pack():
                return self._pack(argument)
            case _:
                return argument

    def _pack(self, pack: Pack) -> Given:
        fields: list[bytes | tuple[int, Given]] = []
        for item in pack.fields:
            fields.append(item if isinstance(item, bytes) else (item[0], self._traced(item[1], "")))
        traced = tuple(fields)
        return pack if traced == pack.fields else GivenPack(traced)

    def _fd(self, number: int) -> Given:
        for call in reversed(self.made):
            kind = call.batch.ops[call.index].kind
            if kind is OpKind.GIVE and call.known == number:
                return call
            if kind is not OpKind.CALL:
                continue
            opens = SYSCALLS[call.name].opens
            if opens is Opens.ONE and call.known == number:
                return call
            if opens is Opens.TWO and call.known_data:
                pair = [_integer(call, at) for at in (0, 4)]
                if number in pair:
                    return Int(call, 4 * pair.index(number))
        return number

    def _pid(self, number: int) -> Given:
        for call in reversed(self.made):
            forked = call.batch.ops[call.index].kind is OpKind.FORK
            if (forked or call.name in _PIDS) and call.known == abs(number):
                return call if number > 0 else Negative(call)
        return number

    def _path(self, path: str) -> Given:
        values: list[Promise | Int] = []

        def replaced(found: re.Match[str]) -> str:
            number = int(found[0])
            if path[: found.start()] == f"{self.place}/":
                return found[0]
            in_fds = path[: found.start()].endswith(("/fd/", "/fdinfo/"))
            source = self._fd(number) if in_fds else self._pid(number)
            if not isinstance(source, Promise | Int):
                return found[0]
            values.append(source)
            return "%ld"

        text = _IN_PROC.sub(replaced, path.replace("%", "%%"))
        return Formatted(text, tuple(values)) if values else path

    def _slice(self, data: bytes) -> Slice | None:
        for call in reversed(self.made):
            at = call.known_data.find(data)
            if at >= 0:
                return Slice(call, at)
        return None


def literal(argument: Argument) -> int | None:
    """A number that stands in the call itself; 0 for NULL."""
    if argument is None:
        return 0
    return int(argument) if isinstance(argument, int) else None


def _integer(call: Call, offset: int) -> int:
    return int.from_bytes(call.known_data[offset : offset + 4], "little")


def size_of_data(call: Call) -> int:
    """Bytes of all buffers that a call fills, each padded."""
    return sum(
        padded(it.size if isinstance(it, Out) else len(it.data)) for it in outs(call.arguments)
    )


def referred(arguments: Sequence[Given]) -> tuple[list[Call], list[Call]]:
    """The calls whose value, and those whose data, these arguments are made of."""
    values: list[Call] = []
    data: list[Call] = []
    for argument in arguments:
        inner: Sequence[Given] = ()
        match argument:
            case Call() | Negative(Call()) | Beyond(Call()):
                values.append(argument if isinstance(argument, Call) else _of(argument))
            case Slice() | Int():
                data.append(_of(argument))
            case Formatted(_, parts):
                inner = parts
            case Pack(fields) | GivenPack(fields):
                inner = [it[1] for it in fields if not isinstance(it, bytes)]
            case _:
                pass
        more_values, more_data = referred(inner) if inner else ((), ())
        values += more_values
        data += more_data
    return values, data


def _of(argument: Negative | Beyond | Slice | Int) -> Call:
    assert isinstance(argument.call, Call)  # noqa: S101 (there is no other promise)
    return argument.call
