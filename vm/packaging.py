# SPDX-License-Identifier: MIT
"""Which packages of an archive's index are kernels; pure functions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vm.archives import DEBIAN, Archive, Packaging, Part
from vm.catalogue import Build, Package, alternatives, version_key

_NEED = re.compile(r"([^ ,|:]+)(?::\S+)?(?: \(= ([^)]+)\))?")
Needs = Mapping[str, str]
"""The packages that one depends on, each with its version if that is stated, else nothing."""


def read_builds(stanzas: Iterable[str], suite: str, part: Part = DEBIAN) -> Iterator[Build]:
    """Give the kernel builds of one package index; the better one of each pair of twins.

    Debian has two packagings: ``linux-image-RELEASE`` with everything (up to 6.18), and an empty
    ``linux-image-RELEASE`` that depends on ``linux-binary-``, ``linux-modules-`` and
    ``linux-base-RELEASE`` of the same version. Of old builds the archive keeps the signed packages
    only: such a build comes without the modules and the configuration. Ubuntu's images have the
    kernel alone, and depend on ``linux-modules-RELEASE``, which has the configuration, too.

    Args:
        stanzas: Control paragraphs, as in a Packages file; only those of kernels matter.
        suite: The name of the suite, for the record.
        part: What the index is of.
    """
    packaging = part.archive.packaging
    patterns = _patterns(part.archive)
    images: list[tuple[int, re.Match[str], Package, Needs]] = []
    known = _Packages()
    own = _Own(part.archive)
    for stanza in stanzas:
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", stanza, re.MULTILINE))
        package = Package(
            fields["Package"], fields["Version"], fields["SHA256"], int(fields["Size"])
        )
        needs = _needs(fields.get("Depends", ""))
        known.add(package)
        own.hear(package, needs)
        for rank, pattern in enumerate(patterns):
            if match := pattern.fullmatch(package.name):
                images.append((rank, match, package, needs))
                break
    found: dict[tuple[str, str], Build] = {}
    for _, match, image, needs in sorted(images, key=lambda it: it[0]):
        if any(name.startswith("linux-image-") for name in needs):
            continue  # linux-image-FLAVOUR and its like name the newest kernel and hold nothing
        release = match["release"]
        names = _names(packaging, image.name, needs)
        wanted = [known.find(name, image.version, needs.get(name, "")) for name in names]
        if wanted[0] is None:
            continue
        extras = [
            known.find(it.format(release=release), image.version, "") for it in packaging.extras
        ]
        build = Build(
            release,
            image.version,
            match["flavour"],
            suite,
            tuple(package for package in [*wanted, *extras] if package is not None),
            whole=None not in wanted,
            scheme=part.scheme,
            named=release in own.releases,
        )
        found.setdefault((release, image.version), build)
    yield from found.values()


class _Packages:
    """The packages of an index."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[str, Package]] = {}

    def add(self, package: Package) -> None:
        self._by_name.setdefault(package.name, {})[package.version] = package

    def find(self, name: str, version: str, stated: str) -> Package | None:
        """The one of the version that is stated; else of this version, or the newest one.

        A release names one build of Ubuntu, though its signed image may have been made again.
        """
        versions = self._by_name.get(name, {})
        if stated or version in versions:
            return versions.get(stated or version)
        return versions[max(versions, key=version_key)] if versions else None


class _Own:
    """Which kernels an archive names as its release's own, by a package that depends on one."""

    def __init__(self, archive: Archive) -> None:
        name = archive.packaging.named_by
        self._names = {name.format(flavour=it) for it in archive.flavours} if name else set()
        self._image = archive.packaging.images[0].partition("{release}")[0]
        self._newest: dict[str, tuple[str, list[str]]] = {}

    def hear(self, package: Package, needs: Needs) -> None:
        if package.name not in self._names:
            return
        before = self._newest.get(package.name)
        if before is None or version_key(before[0]) < version_key(package.version):
            held = [it.removeprefix(self._image) for it in needs if it.startswith(self._image)]
            self._newest[package.name] = package.version, held

    @property
    def releases(self) -> set[str]:
        return {release for _, held in self._newest.values() for release in held}


def _patterns(archive: Archive) -> list[re.Pattern[str]]:
    """What images are called."""
    flavours = alternatives(archive.flavours)
    release = f"(?P<release>{archive.packaging.number}-(?P<flavour>{flavours}))"
    parts = [it.split("{release}") for it in archive.packaging.images]
    return [re.compile(release.join(map(re.escape, it))) for it in parts]


def _needs(field: str) -> Needs:
    found = (_NEED.match(it) for it in re.split(r"\s*,\s*", field.strip()))
    return {it[1]: it[2] or "" for it in found if it}


def _names(packaging: Packaging, image: str, needs: Iterable[str]) -> Sequence[str]:
    """The packages that a kernel is made of; the first one has the kernel itself."""
    parts = sorted(it for it in needs if _begins(it, packaging.parts))
    if not packaging.split:
        return [image, *parts]
    own = [it for it in needs if _begins(it, [packaging.split])]
    # Before there was one, what an image depends on was not worth a download.
    return [*own, *parts] if own else [image]


def _begins(name: str, starts: Iterable[str]) -> bool:
    """Whether a package's name is one of these and a release."""
    return any(name.startswith(it) and name[len(it) :][:1].isdigit() for it in starts)
