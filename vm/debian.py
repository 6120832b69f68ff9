# SPDX-License-Identifier: MIT
"""Debian's kernels: suites, flavours, and how packages are called; pure functions."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from suite.errors import UsageError
from vm.architecture import DEFAULT, Architecture
from vm.catalogue import DEFAULT_FLAVOUR, MODULES, Build, Package, Wish, alternatives, parse_wish


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A Debian suite that carries kernels."""

    name: str
    security: bool = False
    """Lives in the security archive beside the main one."""


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel configuration that Debian builds."""

    name: str
    arch: str = DEFAULT.debian
    """The first one of an architecture is that of names that say none."""
    all_modules: bool = False
    """Whether it has so few that all are kept."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Prefixes of the modules to keep; all when empty."""
        return () if self.all_modules else MODULES


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    suites: list[Suite]
    flavours: list[Flavour]


_TABLE = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("debian.toml").read_text(encoding="utf-8")), _Table
)
SUITES: tuple[Suite, ...] = tuple(_TABLE.suites)
FLAVOURS: dict[str, Flavour] = {flavour.name: flavour for flavour in _TABLE.flavours}


def flavour_of(arch: Architecture, flavour: str) -> str:
    """The flavour of an architecture's names that say none: the one given, if it has that."""
    own = [it.name for it in FLAVOURS.values() if it.arch == arch.debian]
    return flavour if flavour in own else own[0]


def wish(name: str, flavour: str = DEFAULT_FLAVOUR, arch: Architecture = DEFAULT) -> Wish:
    """Read a name; ``flavour`` is for names without one, if the architecture has it.

    Nothing behind the scheme of an architecture, as in ``arm64/``, means its newest kernel.

    Raises:
        UsageError: It isn't a version, or the flavour doesn't exist.
    """
    if flavour not in FLAVOURS:
        known = ", ".join(FLAVOURS)
        raise UsageError(f"no kernel flavour {flavour!r}; choose one of {known}")
    own = [it.name for it in FLAVOURS.values() if it.arch == arch.debian]
    return parse_wish(name, arch.scheme, flavours=own, flavour=flavour_of(arch, flavour))


_IMAGE = re.compile(
    rf"linux-image-(?P<release>\d[^/]*?-(?P<flavour>{alternatives(FLAVOURS)}))(?P<unsigned>-unsigned)?"
)
_PART = re.compile(r"linux-(binary|modules|base)-\d")


def read_builds(stanzas: Iterable[str], suite: str, scheme: str = "") -> Iterator[Build]:
    """Give the kernel builds of one package index; the signed one of each pair of twins.

    Both packagings are known: ``linux-image-RELEASE`` with everything (up to 6.18), and an empty
    ``linux-image-RELEASE`` that depends on ``linux-binary-``, ``linux-modules-`` and
    ``linux-base-RELEASE`` of the same version. Of old builds the archive keeps the signed packages
    only: such a build comes without the modules and the configuration.

    Args:
        stanzas: Control paragraphs, as in a Packages file; only those of kernels matter.
        suite: The name of the suite, for the record.
        scheme: Of the architecture that the index is of.
    """
    packages: dict[tuple[str, str], Package] = {}
    images: list[tuple[re.Match[str], Package, list[str]]] = []
    for stanza in stanzas:
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", stanza, re.MULTILINE))
        package = Package(
            fields["Package"], fields["Version"], fields["SHA256"], int(fields["Size"])
        )
        packages[package.name, package.version] = package
        if match := _IMAGE.fullmatch(package.name):
            needs = re.split(r"\s*,\s*", fields.get("Depends", ""))
            images.append((match, package, [need.split(" ")[0] for need in needs]))
    found: dict[tuple[str, str], Build] = {}
    for match, image, needs in images:
        if any(need.startswith("linux-image-") for need in needs):
            continue  # linux-image-FLAVOUR and its like name the newest kernel and hold nothing
        parts = sorted(need for need in needs if _PART.match(need))
        split = [part for part in parts if part.startswith("linux-binary-")]
        # linux-base- sorts before linux-binary-, and is not worth a download without the latter.
        names = [*split, *(p for p in parts if p not in split)] if split else [image.name]
        wanted = [packages.get((name, image.version)) for name in names]
        if wanted[0] is None:
            continue
        release = match["release"]
        key = (release, image.version)
        if match["unsigned"] and key in found:
            continue
        held = tuple(package for package in wanted if package is not None)
        found[key] = Build(
            release,
            image.version,
            match["flavour"],
            suite,
            held,
            whole=len(held) == len(wanted),
            scheme=scheme,
        )
    yield from found.values()
