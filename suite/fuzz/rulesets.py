# SPDX-License-Identifier: MIT
"""Rulesets as words: ``fs=read_file,write_file a:read_file port0:bind_tcp scope=signal x=15``.

``fs=``, ``net=`` and ``scope=`` say what is handled, ``PLACE:`` what a rule on a path or a port
allows, ``flags=`` is of landlock_restrict_self(2), and ``x=`` is how often it is enforced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from suite.errors import UsageError
from suite.fuzz.run import AGENT, DEVICE, Run
from suite.landlock.abi import FS, MAX_LAYERS, NET, RESTRICT, SCOPE, Feature, known_bits
from suite.landlock.ruleset import Ruleset

_F = TypeVar("_F", bound=Feature)
HANDLED: dict[str, type[Feature]] = {"fs": FS, "net": NET, "scope": SCOPE, "flags": RESTRICT}
"""By how a word begins."""
TIMES = "x"
PORT = "port"
PORTS = tuple(f"{PORT}{it}" for it in range(3))
HOME_PLACES = ("a", "b", ".", "a/d", "/", "a/f", "b/f", AGENT, DEVICE)
"""Paths that rules are about, as they are from the folder of a program."""
INNER_PLACES = (".", "/", "f", "../b", AGENT, DEVICE)
"""The same from elsewhere."""
PLACES = tuple(dict.fromkeys((*HOME_PLACES, *INNER_PLACES)))
FILE_PLACES = frozenset({"a/f", "b/f", "f", AGENT, DEVICE})
"""Those that are no folders, so that rules on them allow fewer rights."""

_FORM = f"fs=, net=, scope=, flags=, x=, port0:, port1:, port2:, {':, '.join(PLACES)}:"


@dataclass(frozen=True, slots=True)
class Enforced:
    """What is enforced, and how."""

    ruleset: Ruleset
    flags: RESTRICT
    times: int


def enforced(run: Run, words: Iterable[str]) -> Enforced:
    """What words say, but for what the target's ABI version does not know.

    Raises:
        UsageError: A word says nothing.
    """
    abi = run.trial.stage.abi
    handled: dict[str, Feature] = {}
    ruleset, times = Ruleset(), 1
    for word in words:
        place, colon, rights = word.partition(":")
        key, _, value = word.partition("=")
        if colon and place in PORTS:
            ruleset = ruleset.allow_port(port_of(run, place), bits(NET, rights, abi))
        elif colon and place in PLACES:
            ruleset = ruleset.allow(run.path(place), bits(FS, rights, abi))
        elif key in HANDLED:
            handled[key] = bits(HANDLED[key], value, abi)
        elif key == TIMES and value.isdecimal() and int(value) <= MAX_LAYERS:
            times = int(value)
        else:
            raise UsageError(f"no word of a ruleset: {word!r}; there is {_FORM}")
    # A rule without rights, as of an ABI version that knows none of them, would be refused.
    ruleset = Ruleset(
        FS(handled.get("fs", 0)),
        NET(handled.get("net", 0)),
        SCOPE(handled.get("scope", 0)),
        tuple((place, rights) for place, rights in ruleset.paths if rights),
        tuple((port, rights) for port, rights in ruleset.ports if rights),
    )
    return Enforced(ruleset, RESTRICT(handled.get("flags", 0)), times)


def bits(kind: type[_F], names: str, abi: int) -> _F:
    """The bits of names such as ``read_file,write_file``, of those that an ABI version knows.

    Raises:
        UsageError: There is no such name.
    """
    found = kind(0)
    for name in filter(None, names.split(",")):
        if name.upper() not in kind.__members__:
            known = ", ".join(kind.__members__).lower()
            raise UsageError(f"there is no {name!r} (there is {known})")
        found |= kind[name.upper()]
    return found & known_bits(kind, abi)


def names(value: Feature) -> str:
    """The names of bits, as `bits` reads them."""
    return ",".join(str(bit.name).lower() for bit in type(value) if bit in value)


def port_of(run: Run, word: str) -> int:
    """The number of a port: ``port0``."""
    return run.port(int(word.removeprefix(PORT)))
