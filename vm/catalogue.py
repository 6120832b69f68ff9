# SPDX-License-Identifier: MIT
"""The catalogue: which kernel builds exist, and which one a name means.

Pure functions over package metadata; nothing here touches the network or the store.

A wish is a version or a release, whole or cut off at a component, with an optional flavour:
``6.12``, ``6.12.43``, ``6.1.0-50``, ``7.3-rc7``, ``6.12+amd64``, ``6.12.43+deb12-rt-amd64``.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from suite.errors import UsageError


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A Debian suite that carries kernels."""

    name: str
    security: bool = False
    """Lives in the security archive beside the main one."""


class Flavour(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel configuration that Debian builds."""

    name: str
    modules: list[str] = []
    """Prefixes of the modules to keep, under ``lib/modules/RELEASE/kernel``; all when empty."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default: list[str]
    suites: list[Suite]
    flavours: list[Flavour]


_TABLE = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("kernels.toml").read_text(encoding="utf-8")), _Table
)
DEFAULT_SET: tuple[str, ...] = tuple(_TABLE.default)
"""Names of the kernels that are taken when none is named, oldest first."""
SUITES: tuple[Suite, ...] = tuple(_TABLE.suites)
FLAVOURS: dict[str, Flavour] = {flavour.name: flavour for flavour in _TABLE.flavours}
DEFAULT_FLAVOUR = _TABLE.flavours[0].name


@dataclass(frozen=True, slots=True)
class Package:
    """A binary package, as the signed index states it."""

    name: str
    version: str
    sha256: str
    size: int
    """Bytes to download."""


@dataclass(frozen=True, slots=True)
class Build:
    """One kernel build that an archive offers."""

    release: str
    """What uname(2) will say, such as ``6.12.43+deb12-cloud-amd64``."""
    version: str
    """The package version, such as ``6.12.43-1~bpo12+1``."""
    flavour: str
    suite: str
    packages: tuple[Package, ...]
    """All that must be unpacked; the first one holds the vmlinuz."""
    stored: bool = False
    whole: bool = True
    """Whether the archive still has the modules and the configuration."""

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    @property
    def series(self) -> str:
        """The first two numbers of the version, such as ``6.12``."""
        return ".".join(re.findall(r"\d+", self.version)[:2])

    @property
    def upstream(self) -> str:
        """The kernel's own version, as a name to ask for: ``6.12.43``, ``7.3-rc7``."""
        return self.version.partition("-")[0].replace("~rc", "-rc")

    @property
    def candidate(self) -> bool:
        """Whether it is a release candidate."""
        return "~rc" in self.version


@dataclass(frozen=True, slots=True)
class Wish:
    """A kernel that was asked for by name."""

    text: str
    """As it was asked for."""
    version: str
    """Without the flavour."""
    flavour: str

    def matches(self, build: Build) -> bool:
        """Whether the build is one of those that the wish names."""
        if build.release == self.text:
            return True
        return build.flavour == self.flavour and any(
            _begins(whole, self.version)
            for whole in (build.version, build.release.removesuffix(f"-{build.flavour}"))
        )


_FLAVOUR = "|".join(re.escape(name) for name in sorted(FLAVOURS, key=len, reverse=True))


def parse_wish(text: str, flavour: str = DEFAULT_FLAVOUR) -> Wish:
    """Read a name such as ``6.12`` or ``6.12+amd64``; ``flavour`` is for names without one.

    Raises:
        UsageError: It isn't a version, or the flavour doesn't exist.
    """
    if flavour not in FLAVOURS:
        known = ", ".join(FLAVOURS)
        raise UsageError(f"no kernel flavour {flavour!r}; choose one of {known}")
    match = re.fullmatch(rf"(?P<version>\d.*?)(?:[-+](?P<flavour>{_FLAVOUR}))?", text)
    if match is None or not re.fullmatch(r"[\w.+~-]+", text, re.ASCII):
        raise UsageError(
            f"{text!r} is not a kernel name; write a version such as 6.12 or 6.12.43+amd64,"
            " path:FOLDER or host"
        )
    # The kernel writes 7.3-rc7 where Debian writes 7.3~rc7.
    version = re.sub(r"-rc(?=\d)", "~rc", match["version"])
    return Wish(text=text, version=version, flavour=match["flavour"] or flavour)


def resolve(builds: Iterable[Build], wish: Wish) -> Build | None:
    """Return the newest build that the wish names; a release candidate only if nothing else does.

    A whole release or package version names that build even where newer ones begin likewise.
    """
    found = [build for build in builds if wish.matches(build)]
    exact = [build for build in found if wish.text == build.release]
    exact = exact or [build for build in found if wish.version == build.version]
    return max(exact or found, key=_rank, default=None)


def unknown(builds: Sequence[Build], wish: Wish) -> UsageError:
    """Return the error for a wish that no build satisfies; it says which near names exist."""
    mine = [build for build in builds if build.flavour == wish.flavour]
    major = wish.version.split(".")[0]
    series = sorted({build.series for build in mine}, key=version_key)
    inside = [build for build in mine if wish.version.startswith(f"{build.series}.")]
    if inside:
        near = [build.upstream for build in sorted(inside, key=_rank)]
    else:
        near = [name for name in series if name.split(".")[0] == major] or series
    names = ", ".join(dict.fromkeys(near)) or "none"
    return UsageError(f"no {wish.flavour} kernel {wish.text!r}; there are: {names}")


def newest(builds: Iterable[Build]) -> list[Build]:
    """Return the newest build of each series and flavour, oldest series first."""
    best: dict[tuple[str, str], Build] = {}
    for build in builds:
        key = (build.series, build.flavour)
        if key not in best or _rank(build) > _rank(best[key]):
            best[key] = build
    return sorted(best.values(), key=_rank)


def ordered(builds: Iterable[Build]) -> list[Build]:
    """Return the builds by version, oldest first; release candidates before their release."""
    return sorted(builds, key=lambda build: (version_key(build.version), build.release))


def version_key(version: str) -> tuple[object, ...]:
    """Return a sort key that orders versions as dpkg does.

    Source: Debian Policy, 5.6.12 "Version"
    """
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return (int(epoch or 0), _part_key(upstream), _part_key(revision))


def _part_key(part: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    return tuple(
        # A zero ends each run of non-digits: "~" sorts before it, everything else after it.
        ((*map(_character_key, text), 0), int(digits or 0))
        for text, digits in re.findall(r"(\D*)(\d*)", part)
    )


def _character_key(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _rank(build: Build) -> tuple[bool, tuple[object, ...], str]:
    return (not build.candidate, version_key(build.version), build.release)


def _begins(whole: str, start: str) -> bool:
    """Whether ``start`` is ``whole`` cut off between two components: 6.1 doesn't begin 6.12."""
    return whole.startswith(start) and not whole[len(start) : len(start) + 1].isalnum()


_IMAGE = re.compile(rf"linux-image-(?P<release>\d[^/]*-(?:{_FLAVOUR}))(?P<unsigned>-unsigned)?")
_PART = re.compile(r"linux-(binary|modules|base)-\d")


def read_builds(stanzas: Iterable[str], suite: str) -> Iterator[Build]:
    """Give the kernel builds of one package index; the signed one of each pair of twins.

    Both packagings are known: ``linux-image-RELEASE`` with everything (up to 6.18), and an empty
    ``linux-image-RELEASE`` that depends on ``linux-binary-``, ``linux-modules-`` and
    ``linux-base-RELEASE`` of the same version. Of old builds the archive keeps the signed packages
    only: such a build comes without the modules and the configuration.

    Args:
        stanzas: Control paragraphs, as in a Packages file; only those of kernels matter.
        suite: The name of the suite, for the record.
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
        flavour = next(f for f in sorted(FLAVOURS, key=len, reverse=True) if release.endswith(f))
        held = tuple(package for package in wanted if package is not None)
        found[key] = Build(
            release, image.version, flavour, suite, held, whole=len(held) == len(wanted)
        )
    yield from found.values()


def merge(builds: Iterable[Build]) -> list[Build]:
    """Return the builds without repetition: a build in several suites stays in the first one."""
    unique: dict[tuple[str, str], Build] = {}
    for build in builds:
        unique.setdefault((build.release, build.version), build)
    return ordered(unique.values())


def with_stored(builds: Iterable[Build], stored: Iterable[tuple[str, str]]) -> list[Build]:
    """Return the builds, those marked that are stored: pairs of release and package version."""
    have = set(stored)
    return [replace(b, stored=True) if (b.release, b.version) in have else b for b in builds]
