# SPDX-License-Identifier: MIT
"""The archives of Debian packages that kernels come from: what `archives.toml` says of each.

Nothing here looks at this machine, but for its clock, or asks an archive.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

import msgspec

from suite.errors import UsageError
from vm.architecture import ARCHITECTURES, DEFAULT, Architecture
from vm.catalogue import DEFAULT_FLAVOUR, MODULES, Wish, parse_wish

_BY_DEBIAN = {it.debian: it for it in ARCHITECTURES.values()}


class Flavour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel configuration that a distribution builds."""

    name: str
    arch: str = DEFAULT.debian
    """The first one of an architecture is that of names that say none."""
    all_modules: bool = False
    """Whether it has so few that all are kept."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Prefixes of the modules to keep; all when empty."""
        return () if self.all_modules else MODULES


class Packaging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which packages a distribution makes of a kernel; ``{release}`` is as uname(2) says it."""

    name: str
    images: list[str]
    """What the packages with the kernel are called; of twins, the first one is taken."""
    number: str
    """A pattern of what stands before the flavour in a release."""
    split: str = ""
    """How the package begins that has the kernel itself if the image depends on one."""
    parts: list[str] = []
    """How the packages begin that the image depends on and that a whole kernel has."""
    extras: list[str] = []
    """Packages with more modules, which it doesn't depend on and which may not be there."""
    named_by: str = ""
    """The package that depends on a release's own kernel; ``{flavour}`` is of the kernel."""
    flavours: list[Flavour]


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An archive, as the table has it."""

    name: str
    called: str
    packaging: str
    scheme: str = ""
    """What all its names begin with; without one they are versions."""
    part: Literal["", "release", "moment"] = ""
    """What of it a name says behind the scheme, if anything: each has an index of its own."""
    began: date = date.min
    """Before that there is no moment of it."""
    examples: list[str] = []
    """Names of its kernels."""
    architectures: tuple[str, ...] = (DEFAULT.debian,)
    suites: list[str]
    """Those that may have kernels; ``{part}`` is what the name says."""
    beside: str = ""
    """How the suites end that live in an archive beside it, whose address has that ending, too."""
    mirrors_end: str = ""
    mirrors_have: list[str] = []
    """How a mirror is told among the addresses of this machine's apt: by the end of its address, or
    by one of these suites or of those above."""
    mirrors_prove: str = ""
    """How one of its suites ends, too."""
    address: str | None = None
    """Where it is if this machine's apt has no mirror of it; a moment has one nowhere else."""
    keyrings: list[list[str]]
    """Files with keys in ``/usr/share/keyrings``: of each list, the first one that is there."""
    keyring_package: str
    keyring_hint: str = ""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    archives: list[Row]
    packagings: list[Packaging]


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive's kernels of one architecture."""

    row: Row
    packaging: Packaging
    arch: Architecture = DEFAULT

    @property
    def scheme(self) -> str:
        """What all names of its kernels begin with."""
        return self.row.scheme or self.arch.scheme

    @property
    def flavours(self) -> Mapping[str, Flavour]:
        """By name; the first one is that of names that say none."""
        return {it.name: it for it in self.packaging.flavours if it.arch == self.arch.debian}

    def flavour_of(self, flavour: str) -> str:
        """The flavour of names that say none: the one given, if the archive has that."""
        return flavour if flavour in self.flavours else next(iter(self.flavours))

    def wish(self, name: str, flavour: str = DEFAULT_FLAVOUR) -> Wish:
        """Read a name; ``flavour`` is for names without one, if the archive has it.

        No version, as in ``arm64/`` and ``ubuntu:noble``, means the newest kernel; if the archive
        names a release's own kernels, the newest one of them.

        Raises:
            UsageError: It isn't a version, or the flavour doesn't exist.
        """
        if flavour not in FLAVOURS:
            raise UsageError(f"no kernel flavour {flavour!r}; choose one of {', '.join(FLAVOURS)}")
        own = self.flavour_of(flavour)
        part, within = self.part(name)
        if (said := within.partition("+")) and not said[0] and said[2] not in ("", *self.flavours):
            raise UsageError(
                f"no kernel flavour {said[2]!r} in {self.row.called};"
                f" choose one of {', '.join(self.flavours)}"
            )
        wish = parse_wish(
            f"{part.scheme}{within}", part.scheme, flavours=self.flavours, flavour=own
        )
        return replace(wish, named=bool(self.packaging.named_by) and not wish.version)

    def part(self, name: str) -> tuple[Part, str]:
        """Return what of the archive a name is about, and the rest of the name.

        Raises:
            UsageError: It is about nothing that the archive could have.
        """
        within = name.removeprefix(self.scheme)
        if not self.row.part:
            return Part(self, self.scheme), within
        match = re.fullmatch(r"([^/+]*)(?:/(.*)|(\+.*))?", within, re.DOTALL)
        assert match  # noqa: S101 (every text is one)
        read = _release if self.row.part == "release" else _moment
        key, written = read(self.row, match[1], name)
        return Part(self, f"{self.scheme}{written}/", key), match[2] or match[3] or ""


@dataclass(frozen=True, slots=True)
class Part:
    """What of an archive one index is of: all of it, a release, a moment."""

    archive: Archive
    scheme: str
    """What all names of its builds begin with."""
    key: str = ""
    """What the archive calls it."""

    @property
    def suites(self) -> list[str]:
        """The suites that may have kernels, those that are preferred first."""
        return [it.format(part=self.key) for it in self.archive.row.suites]

    @property
    def is_past(self) -> bool:
        """Whether it is of a moment of the past: it never changes, and is not valid any more."""
        return self.archive.row.part == "moment"


def _release(row: Row, text: str, name: str) -> tuple[str, str]:
    if text in _BY_DEBIAN and text not in row.architectures:
        raise UsageError(
            f"{name!r}: of {row.called}, landproof takes kernels of {DEFAULT.debian} alone;"
            f" Debian's of {text} are called {text}/6.12"
        )
    if not re.fullmatch(r"[a-z]+", text):
        raise UsageError(
            f"{name!r} does not begin with a release's name; write {_either(row.examples)}"
        )
    return text, text


_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)Z)?", re.ASCII)


def _moment(row: Row, text: str, name: str) -> tuple[str, str]:
    match = _MOMENT.fullmatch(text)
    try:
        digits = f"{''.join(it or '00' for it in match.groups())}Z" if match else ""
        when = datetime.strptime(digits, "%Y%m%d%H%M%S%z") if match else None
    except ValueError:
        when = None
    if when is None:
        raise UsageError(f"{name!r} does not begin with a date; write {_either(row.examples)}")
    if when.date() < row.began:
        raise UsageError(f"{name!r}: {row.called} begins at {row.began}; choose a later date")
    if when > datetime.now(UTC):
        raise UsageError(f"{name!r}: that is still to come; choose a date of the past")
    stamp = when.strftime("%Y%m%dT%H%M%SZ")
    return stamp, f"{when.date()}" if when.time() == time() else stamp


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


_TABLE = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("archives.toml").read_text(encoding="utf-8")), _Table
)
_PACKAGINGS = {it.name: it for it in _TABLE.packagings}
FLAVOURS: Mapping[str, Flavour] = {it.name: it for p in _TABLE.packagings for it in p.flavours}
ARCHIVES: tuple[Archive, ...] = tuple(
    Archive(row, _PACKAGINGS[row.packaging], _BY_DEBIAN[arch])
    for row in _TABLE.archives
    for arch in row.architectures
)
DEBIAN = Part(ARCHIVES[0], ARCHIVES[0].scheme)
"""What plain versions are of."""


def archive(scheme: str) -> Archive:
    """Return the archive whose names begin so."""
    return next(it for it in ARCHIVES if it.scheme == scheme)
