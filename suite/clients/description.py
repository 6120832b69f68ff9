# SPDX-License-Identifier: MIT
"""What a client is: a file that says how it is asked for a policy and how it starts a program.

docs/clients.md tells how to write one.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from suite.errors import UsageError
from suite.landlock.abi import FEATURES

KNOWN = Path(__file__).parent / "known"
"""The descriptions that landproof brings."""
SUFFIX = ".toml"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words about some rights."""

    rights: tuple[str, ...]
    """Labels such as ``fs.truncate``; ``fs.*`` is all of files, also those that are newer."""

    def covers(self, label: str) -> bool:
        """Whether a right is among them."""
        return any(fnmatchcase(label, pattern) for pattern in self.rights)


class Restrict(Row, frozen=True, forbid_unknown_fields=True):
    """How a client is made to handle some rights, or to leave them alone."""

    words: tuple[str, ...] = ()
    """Once, if a policy handles any of them; empty of what the client handles anyway."""
    each: tuple[str, ...] = ()
    """For each of them that a policy handles, in place of ``words``."""
    unless: tuple[str, ...] | None = None
    """If a policy handles none of them; None if the client handles them anyway."""

    @property
    def is_chosen(self) -> bool:
        """Whether nothing of it is handled unless that was asked for."""
        return bool(self.words or self.each or self.unless is not None)


class Allow(Row, frozen=True, forbid_unknown_fields=True):
    """How a client is told of a rule that allows these rights of a path or a port."""

    words: tuple[str, ...] = ()
    any: bool = False
    """Whether a rule may allow any of the rights; else it allows all of them."""
    join: str = ""
    """What stands between the paths (or ports) where all of them make one word."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a client comes from; all empty of one that this machine has."""

    suite: str = ""
    """Of Debian: its programs run in a tree of this suite."""
    packages: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    """Of PyPI, such as ``landlockpy==0.2.0``."""
    built: tuple[str, ...] = ()
    """What landproof builds for the tree."""


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One enforcer."""

    name: str
    summary: str
    """What it is, in a line."""
    command: tuple[str, ...]
    """The program and its first words. ``{here}`` is the folder of the description."""
    source: Source = Source()
    version_of: str = ""
    """The package or wheel whose version is the client's."""
    version: str = ""
    """Its version, where no package tells."""
    knows: int = 0
    """The newest ABI version that it knows, by its own words; 0 if it does not say."""
    modes: dict[str, tuple[str, ...]] = {}
    """Words for each way of being strict; each is a column of the report. None: it has one way."""
    end: tuple[str, ...] = ("--",)
    """What stands before the program."""
    always: tuple[str, ...] = ()
    """Words that it needs to start a program at all."""
    environment: dict[str, str] = {}
    restrict: tuple[Restrict, ...] = ()
    allow: tuple[Allow, ...] = ()
    protocol: bool = False
    """Whether it takes landproof's own words: `PROTOCOL_RESTRICT`, `PROTOCOL_ALLOW`."""
    is_canary: bool = False
    """Whether it restricts itself alone: all that is asked is whether it still works."""
    unfit: str = ""
    """What its output matches if the surroundings, and not the kernel, keep it from working."""
    says: str = r"(?i)landlock|abi\b|kernel|sandbox|not supported|unsupported|degrad|best.effort"
    """What its output matches if it tells that a kernel gave less than was asked for."""

    @property
    def restricts(self) -> tuple[Restrict, ...]:
        """How it is made to handle rights."""
        return (*self.restrict, *((PROTOCOL_RESTRICT,) if self.protocol else ()))

    @property
    def allows(self) -> tuple[Allow, ...]:
        """How it is told of rules."""
        return (*self.allow, *(PROTOCOL_ALLOW if self.protocol else ()))


PROTOCOL_RESTRICT = Restrict(rights=("*",), each=("--restrict", "{label}"), unless=())
PROTOCOL_ALLOW = (
    Allow(rights=("fs.*",), words=("--allow", "{labels}:{path}"), any=True),
    Allow(rights=("net.*",), words=("--port", "{labels}:{port}"), any=True),
)
"""landproof's protocol: ``CLIENT --restrict fs.truncate --allow fs.read_file,fs.read_dir:/srv
--port net.bind_tcp:80 --restrict scope.signal -- PROGRAM``."""


def read(path: Path) -> Client:
    """Read a description.

    Raises:
        UsageError: It can't be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
        client = msgspec.convert(tomllib.loads(text), Client)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} describes no client: {error}") from error
    rows: tuple[Row, ...] = (*client.restrict, *client.allow)
    for row in rows:
        _check(path, row)
    if not client.command:
        raise UsageError(f"{path} describes no client: its command is empty")
    return client


def _check(path: Path, row: Row) -> None:
    for pattern in row.rights:
        if not any(fnmatchcase(label, pattern) for label in FEATURES):
            raise UsageError(f"{path}: there is no right {pattern}; such as fs.truncate, net.*")


def parted(word: str) -> tuple[str, str]:
    """Which client a word means, by name or file, and in which mode: ``NAME[+MODE]``."""
    file, suffix, rest = word.rpartition(SUFFIX)
    if suffix:
        return f"{file}{suffix}", rest.removeprefix("+")
    name, _, mode = word.partition("+")
    return name, mode


def find(name: str) -> Path:
    """The description that a user means: a file, or the name of one that landproof brings.

    Raises:
        UsageError: There is none.
    """
    if name.endswith(SUFFIX) or "/" in name:
        return Path(name)
    path = KNOWN / f"{name}{SUFFIX}"
    if not path.is_file():
        raise UsageError(f"no client {name}; there are {', '.join(known())}, or give a .toml file")
    return path


def known() -> list[str]:
    """The names of the clients that landproof brings."""
    return sorted(it.stem for it in KNOWN.glob(f"*{SUFFIX}"))
