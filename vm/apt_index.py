# SPDX-License-Identifier: MIT
"""The kernels of a part of an archive: an index of them, kept, and their packages, by apt-get.

apt has a private state folder. The machine's mirror, proxy and credentials are used; its package
lists, caches and pins are not touched. apt verifies the signatures of the indices and, through
them, the checksum of every package. Root is not needed.
"""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from filelock import FileLock

from suite import files
from suite.errors import InfrastructureError, UsageError
from vm import apt_says, apt_sources
from vm.archives import Part
from vm.catalogue import Build, merge
from vm.packaging import read_builds
from vm.source import LOG, Options, Report
from vm.stall import Patience
from vm.tools import apt_tool, output, streamed

INDEX_AGE_S = 24 * 3600
"""An index older than this is refreshed before something is downloaded by it."""
_HELPER = "/usr/lib/apt/apt-helper"
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


class _Index(msgspec.Struct, frozen=True):
    made_for: str
    builds: list[Build]


class Index:
    """What apt knows of a part of an archive, in a folder of the store (9 to 85 MB).

    Nothing is read or asked before a method is called.
    """

    def __init__(self, part: Part, options: Options) -> None:
        self._part = part
        self._options = options
        self._row = part.archive.row
        self._folder = index_folder(options, part.scheme)
        self._made_for = f"{options.mirror} {options.keyring} {part.suites}"
        self._sources = self._folder / f"{self._row.name}.sources"

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Return all its kernel builds, after refreshing an index older than a day.

        Suites that the mirror doesn't have are left out with a warning.

        Raises:
            InfrastructureError: No network, no room, no apt-get, no key.
            UsageError: No mirror is known.
        """
        files.make_folder(self._folder)
        with FileLock(self._folder / "lock"):
            index = self._read_index()
            if index is not None and not refresh and self._is_young():
                return index.builds
            return self._update(report)

    def remembered(self) -> list[Build]:
        """Return the builds of the index at hand, however old; empty without one."""
        index = self._read_index()
        return index.builds if index is not None else []

    def clear(self) -> int | None:
        """Remove the indices and return the bytes that this freed."""
        if not self._folder.exists():
            return None
        freed = 0
        with FileLock(self._folder / "lock"):
            for part in ("state", "cache"):
                folder = self._folder / part
                freed += sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
                shutil.rmtree(folder, ignore_errors=True)
            (self._folder / "index.json").unlink(missing_ok=True)
        return freed

    def download(self, build: Build, into: Path, report: Report) -> list[Path]:
        """Download the packages of a build into a folder; verified by apt.

        Raises:
            GoneError: A package has left the archive.
            InfrastructureError: No network, no room, a missing tool.
        """
        names = [f"{package.name}={package.version}" for package in build.packages]
        command = [*self.limited([build.suite], into), "download", *names]
        self.fetch(command, into, build.name, build.size, report)
        return [_deb(into, package.name) for package in build.packages]

    def limited(self, suites: Sequence[str], into: Path) -> list[str]:
        """Return apt-get's command that knows these suites alone, and downloads into a folder.

        apt reads all that it knows before it does anything; of one suite, that is soon done.
        """
        (into / "partial").mkdir(parents=True, exist_ok=True)
        known = self._sources.read_text(encoding="utf-8")
        limited = into / "suites.sources"
        text = "\n\n".join(apt_sources.of_suite(known, it) for it in suites)
        limited.write_text(text, encoding="utf-8")
        places = (f"-oDir::Cache::archives={into}/", f"-oDir::Etc::sourcelist={limited}")
        return self._command(*places)

    def fetch(
        self, command: Sequence[str], into: Path, name: str, size: int, report: Report
    ) -> None:
        """Have apt-get download packages.

        Args:
            command: Of `limited`, and what it is to do.
            into: The folder that it downloads into.
            name: What they are, in messages.
            size: How many bytes they have in all.
            report: Told how far it is.

        Raises:
            GoneError: A package has left the archive.
            InfrastructureError: No network, no room.
        """
        lines = []
        doing = f"can't download {name}"
        patience = Patience(doing, [into], lambda said: LOG.warning("%s: %s", name, said))
        with streamed(command, cwd=into) as (process, said):
            for line in said:
                patience.hear(line)
                if line.startswith("dlstatus:"):
                    part = float(line.split(":")[2]) / 100
                    report("download", round(part * size), size)
                lines.append(line)
        if process.returncode != 0:
            raise apt_says.failure(lines, doing, self._row)

    def _update(self, report: Report | None) -> list[Build]:
        text = apt_sources.sources(self._options.mirror, self._options.keyring, self._part)
        for part in ("state/lists/partial", "cache/archives/partial"):
            files.make_folder(self._folder / part)
        configuration = apt_sources.configuration(
            self._folder, self._sources, self._part.archive.arch.debian
        )
        files.write(self._folder / "apt.conf", configuration.encode())
        files.write(self._sources, text.encode())
        lines, done = [], 0
        doing = f"can't fetch the package index of {self._row.called}"
        patience = Patience(
            doing,
            [self._folder / "state/lists"],
            lambda said: LOG.warning("package index of %s: %s", self._row.called, said),
        )
        # Nobody would use the cache that apt makes at the end, which takes as long as all before.
        with streamed(self._command("-opkgCacheFile::Generate=false", "update")) as (process, said):
            for line in said:
                patience.hear(line)
                if size := re.match(r"Get:\d+ .*\[([\d.,]+) ([kMG]?)B\]", line):
                    done += round(float(size[1].replace(",", "")) * _UNITS[size[2]])
                    if report is not None:
                        report("index", done, 0)
                lines.append(line)
        lists = self._lists()
        if self._part.key and apt_says.missing(lines) == set(self._part.suites):
            raise self._no_such_part(text)
        if not lists or not any(line.startswith(("Get:", "Hit:")) for line in lines):
            raise apt_says.failure(lines, doing, self._row)
        if process.returncode != 0:
            apt_says.warn(lines, self._part.suites, lists, is_past=self._part.is_past)
        builds = merge(
            build
            for suite, path in lists.items()
            for build in read_builds(_kernels(path), suite, self._part)
        )
        files.write(
            self._folder / "index.json", msgspec.json.encode(_Index(self._made_for, builds))
        )
        return builds

    def _no_such_part(self, sources: str) -> UsageError:
        where = re.search(r"^URIs: (\S+)$", sources, re.MULTILINE)
        name = self._part.scheme.removesuffix("/")
        asked = f"{name}: {self._row.called} at {where[1] if where else ''} has nothing of it"
        if self._part.is_past:
            return UsageError(f"{asked}; choose a later date")
        return UsageError(f"{asked}; choose another, or a mirror that has it with --mirror URL")

    def _lists(self) -> dict[str, Path]:
        """Return the Packages file of each suite that was fetched, in the table's order."""
        listed = output(
            self._command(
                *("indextargets", "--no-release-info", "--format", "$(RELEASE) $(FILENAME)"),
                *("Identifier: Packages", f"Architecture: {self._part.archive.arch.debian}"),
            )
        )
        found = {}
        for suite, name in (line.split(" ", 1) for line in listed.decode().splitlines()):
            path = Path(name)
            # apt keeps indices compressed and names them without the ending.
            present = [p for p in path.parent.glob(f"{path.name}*") if p.stem == path.name]
            found.update({suite: present[0]} if present else {})
        return {suite: found[suite] for suite in self._part.suites if suite in found}

    def _command(self, *arguments: str) -> list[str]:
        return [
            *(apt_tool(), "-c", str(self._folder / "apt.conf")),
            *("-q", "-oAPT::Status-Fd=1", *arguments),
        ]

    def _read_index(self) -> _Index | None:
        try:
            index = msgspec.json.decode((self._folder / "index.json").read_bytes(), type=_Index)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        return index if index.made_for == self._made_for else None

    def _is_young(self) -> bool:
        age_s = time.time() - (self._folder / "index.json").stat().st_mtime
        return self._part.is_past or age_s < INDEX_AGE_S


def index_folder(options: Options, scheme: str) -> Path:
    """Where the store keeps what is known of the kernels whose names begin so."""
    return options.store / "apt" / scheme.replace(":", "/")


def _deb(into: Path, name: str) -> Path:
    found = list(into.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise InfrastructureError(
            f"apt-get left {len(found)} files for {name} in {into};"
            " run: landproof kernels prune, and fetch again"
        )
    return found[0]


def _kernels(path: Path) -> Iterator[str]:
    """Give the paragraphs of kernel packages of an index, however it is compressed."""
    text = output([apt_tool(_HELPER), "cat-file", str(path)])
    for stanza in text.split(b"\n\n"):
        if stanza.lstrip().startswith(b"Package: linux-"):
            yield stanza.decode("utf-8", "replace")
