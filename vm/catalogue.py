# SPDX-License-Identifier: MIT
"""The catalogue: builds of kernels in order, and which one a name means, whatever their source.

Pure functions over what sources say of their builds; nothing here touches the network or the store.

A name is a version or a release, whole or cut off at a component, behind the scheme of its source
and before a flavour if the source has any: ``6.12``, ``6.12.43``, ``6.1.0-50``, ``7.3-rc7``,
``6.12+amd64``, ``6.12.43+deb12-rt-amd64``.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from suite.errors import UsageError


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default: list[str]
    flavour: str
    modules: list[str]


_TABLE = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("kernels.toml").read_text(encoding="utf-8")), _Table
)
DEFAULT_SET: tuple[str, ...] = tuple(_TABLE.default)
"""Names of the kernels that are taken when none is named, oldest first."""
DEFAULT_FLAVOUR = _TABLE.flavour
"""Of names that say none."""
MODULES: tuple[str, ...] = tuple(_TABLE.modules)
"""What to keep of a kernel that has drivers for everything: prefixes of paths of modules, under
``lib/modules/RELEASE/kernel``."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a build is made of, as its source states it."""

    name: str
    version: str
    sha256: str
    size: int
    """Bytes to download."""


@dataclass(frozen=True, slots=True)
class Build:
    """One kernel build that a source offers."""

    release: str
    """What uname(2) will say, such as ``6.12.43+deb12-cloud-amd64``."""
    version: str
    """The package version, such as ``6.12.43-1~bpo12+1``."""
    flavour: str
    """The configuration, if its source builds several: ``cloud-amd64``."""
    suite: str
    """The part of its source that has it, such as a suite of an archive."""
    packages: tuple[Package, ...]
    """All that it is made of; their checksums tell builds of one release apart."""
    stored: bool = False
    whole: bool = True
    """Whether its source still has the modules and the configuration."""
    scheme: str = ""
    """What its names begin with: the scheme of its source, and the part of it if that has parts."""
    named: bool = False
    """Whether its source has a name for it without a version: the release's own kernel."""
    machine: str = ""
    """What it is for, as uname(2) says it, if the scheme does not tell."""

    @property
    def name(self) -> str:
        """What to ask for it by."""
        return f"{self.scheme}{self.release}"

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
        """The kernel's own version, as a name to ask for: ``6.12.43``, ``7.3-rc7``.

        Where a package version goes on where the release ends, as in 6.8.0-45.45, all builds have
        the same: then it is the release without the flavour, ``6.8.0-45``.
        """
        number = self.release.removesuffix(f"-{self.flavour}")
        if self.version.startswith(f"{number}.") and "-" in number:
            return number
        return self.version.partition("-")[0].replace("~rc", "-rc")

    @property
    def candidate(self) -> bool:
        """Whether it is a release candidate."""
        return "~rc" in self.version


@dataclass(frozen=True, slots=True)
class Wish:
    """A name that was read: it chooses among builds."""

    name: str
    scheme: str
    version: str
    """What is between the scheme and the flavour."""
    flavour: str
    made_of: frozenset[str] = frozenset()
    """Checksums of the packages that the name itself names: then nothing else matters."""
    named: bool = False
    """Whether it means only builds that are the release's own kernel."""

    def matches(self, build: Build) -> bool:
        """Whether the build is one of those that the name means."""
        if self.made_of:
            made_of = frozenset(package.sha256 for package in build.packages)
            return (build.scheme, made_of) == (self.scheme, self.made_of)
        if self.named and not build.named:
            return False
        if build.name == self.name:
            return True
        return (build.scheme, build.flavour) == (self.scheme, self.flavour) and any(
            _begins(whole, self.version)
            for whole in (build.version, build.release.removesuffix(f"-{build.flavour}"))
        )


def parse_wish(
    name: str, scheme: str = "", *, flavours: Collection[str] = (), flavour: str = ""
) -> Wish:
    """Read a name such as ``6.12`` or ``6.12+amd64``.

    Args:
        name: With its scheme.
        scheme: Of its source.
        flavours: Those that the name may end in.
        flavour: Of names that end in none.

    Raises:
        UsageError: It isn't a version.
    """
    text = name.removeprefix(scheme)
    pattern = r"(?P<version>\d.*?)"
    if scheme.endswith("/"):
        pattern += "?"
    if flavours:
        pattern += rf"(?:[-+](?P<flavour>{alternatives(flavours)}))?"
    match = re.fullmatch(pattern, text)
    if match is None or not re.fullmatch(r"[\w.+~-]*", text, re.ASCII):
        raise not_a_name(name)
    # The kernel writes 7.3-rc7 where packages are called 7.3~rc7.
    version = re.sub(r"-rc(?=\d)", "~rc", match["version"] or "")
    return Wish(name, scheme, version, match.groupdict().get("flavour") or flavour)


def not_a_name(name: str) -> UsageError:
    """Return the error for a name that is none of a build."""
    return UsageError(
        f"{name!r} is not a kernel name; write a version such as 6.12 or 6.12.43+amd64,"
        " ubuntu:noble, snapshot:2024-07-01/6.8, arm64/6.12, mainline:v6.6, path:FOLDER, ./FOLDER,"
        " a package's file, installed or host"
    )


def alternatives(flavours: Iterable[str]) -> str:
    """Return a pattern of flavours; one that ends like another comes first."""
    return "|".join(re.escape(name) for name in sorted(flavours, key=len, reverse=True))


def resolve(builds: Iterable[Build], wish: Wish) -> Build | None:
    """Return the newest build that the name means; a release candidate only if nothing else does.

    A whole release or package version names that build even where newer ones begin likewise.
    """
    found = [build for build in builds if wish.matches(build)]
    exact = [build for build in found if wish.name == build.name]
    exact = exact or [build for build in found if wish.version == build.version]
    return max(exact or found, key=_rank, default=None)


def choose(builds: Sequence[Build], wish: Wish) -> Build:
    """Return what `resolve` does.

    Raises:
        UsageError: The name means none of the builds; says which near names exist.
    """
    found = resolve(builds, wish)
    if found is not None:
        return found
    mine = [b for b in builds if (b.scheme, b.flavour) == (wish.scheme, wish.flavour)]
    major = wish.version.split(".")[0]
    series = sorted({build.series for build in mine}, key=version_key)
    inside = [build for build in mine if wish.version.startswith(f"{build.series}.")]
    if inside:
        near = [build.upstream for build in sorted(inside, key=_rank)]
    else:
        near = [name for name in series if name.split(".")[0] == major] or series
    names = ", ".join(f"{wish.scheme}{name}" for name in dict.fromkeys(near)) or "none"
    what = f"{wish.flavour} kernel".lstrip()
    raise UsageError(f"no {what} {wish.name!r}; there are: {names}")


def newest(builds: Iterable[Build]) -> list[Build]:
    """Return the newest build of each source's series and flavours, oldest series first."""
    best: dict[tuple[str, str, str], Build] = {}
    for build in builds:
        key = (build.scheme, build.series, build.flavour)
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
    if not start:
        return True
    return whole.startswith(start) and not whole[len(start) : len(start) + 1].isalnum()


def merge(builds: Iterable[Build]) -> list[Build]:
    """Return the builds without repetition: a build in several suites stays in the first one."""
    unique: dict[tuple[str, str], Build] = {}
    for build in builds:
        unique.setdefault((build.name, build.version), build)
    return ordered(unique.values())


def with_stored(builds: Iterable[Build], stored: Iterable[Build]) -> list[Build]:
    """Return the builds, those marked that are stored."""
    have = {(build.name, build.version) for build in stored}
    return [replace(b, stored=True) if (b.name, b.version) in have else b for b in builds]
