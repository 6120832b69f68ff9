# SPDX-License-Identifier: MIT
"""Sources of kernels that are archives of Debian packages: one for each row of `archives.toml`."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from suite.errors import InfrastructureError
from vm import archives, unpack
from vm.apt_index import Index, index_folder
from vm.archives import Archive, Part
from vm.catalogue import Build, Wish
from vm.kernel import sha256
from vm.source import Report, Source


class AptArchive(Source):
    """An archive, read by apt."""

    archive: ClassVar[Archive]

    def wish(self, name: str) -> Wish:
        """Read a version or a release, with or without a flavour."""
        return self.archive.wish(name, self.options.flavour)

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Return all kernel builds of the archive; of one that has parts, those of known parts.

        Raises:
            InfrastructureError: No network, no room, no apt-get, no key.
            UsageError: No mirror is known.
        """
        return [
            build
            for index in self._indices()
            for build in index.available(refresh=refresh, report=report)
        ]

    def remembered(self) -> list[Build]:
        """Return the builds of the indices at hand, however old."""
        return [build for index in self._indices() for build in index.remembered()]

    def listed(
        self, names: Sequence[str], *, refresh: bool = False, report: Report | None = None
    ) -> list[Build]:
        """Return the builds of the parts that the names are about."""
        if not self.archive.row.part:
            return self.available(refresh=refresh, report=report)
        indices = [self._index(it) for it in sorted({self._part(it).scheme for it in names})]
        return [it for index in indices for it in index.available(refresh=refresh, report=report)]

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Download, verify and unpack the packages of a build.

        Raises:
            GoneError: A package has left the archive.
            InfrastructureError: No network, no room, a wrong checksum, a missing tool.
        """
        debs = self._index(build.scheme).download(build, work / "debs", report)
        for deb, package in zip(debs, build.packages, strict=True):
            if sha256(deb) != package.sha256:
                deb.unlink()
                raise InfrastructureError(
                    f"{deb.name}: its checksum is not what the signed index says; fetch again"
                )
        root = work / "root"
        root.mkdir()
        unpack.unpack(
            debs,
            root,
            build.release,
            self.archive.flavours[build.flavour].modules,
            lambda done: report("unpack", min(done, build.size), build.size),
        )
        return root

    def clear(self) -> int | None:
        """Remove the indices and return the bytes that this freed."""
        freed = [it for index in self._indices() if (it := index.clear()) is not None]
        return sum(freed) if freed else None

    def _index(self, name: str) -> Index:
        return Index(self._part(name), self.options)

    def _part(self, name: str) -> Part:
        part, _ = self.archive.part(name)
        return part

    def _indices(self) -> list[Index]:
        """That of the archive, or those of all parts that anybody has named."""
        if not self.archive.row.part:
            return [self._index(self.scheme)]
        folder = index_folder(self.options, self.scheme)
        known = sorted(it.parent.name for it in folder.glob("*/lock"))
        return [self._index(f"{self.scheme}{it}") for it in known]


def source_of(archive: Archive) -> type[AptArchive]:
    """The source of an archive: all but Debian's are listed for who names one of their kernels."""
    other = f"_{archive.arch.debian}" if archive.arch.scheme else ""
    members = {
        "name": archive.row.name,
        "scheme": archive.scheme,
        "archive": archive,
        "is_listed": not archive.scheme,
    }
    return type(f"{archive.row.name.title()}Archive{other}", (AptArchive,), members)


ARCHIVES: tuple[type[Source], ...] = tuple(source_of(it) for it in archives.ARCHIVES)
