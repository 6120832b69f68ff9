# SPDX-License-Identifier: MIT
"""The source of plain versions: a Debian archive, through the machine's own apt-get.

apt has a private state folder. The machine's mirror, proxy and credentials are used; its package
lists, caches and pins are not touched. apt verifies the signatures of the indices and, through
them, the checksum of every package. Root is not needed.
"""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
from filelock import FileLock

from suite import files
from suite.errors import InfrastructureError
from vm import apt_sources, debian, unpack
from vm.architecture import ARCHITECTURES, DEFAULT, Architecture
from vm.catalogue import Build, Wish, merge
from vm.debian import FLAVOURS, SUITES, read_builds
from vm.kernel import sha256
from vm.source import LOG, Options, Report, Source
from vm.stall import Patience
from vm.tools import FullError, GoneError, UnreachableError, apt_tool, output, streamed

INDEX_AGE_S = 24 * 3600
"""An index older than this is refreshed before something is downloaded by it."""
_HELPER = "/usr/lib/apt/apt-helper"
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


class _Index(msgspec.Struct, frozen=True):
    made_for: str
    builds: list[Build]


class DebianArchive(Source):
    """A Debian archive, with a private apt state in a folder of the store (about 85 MB)."""

    name = "debian"
    scheme = ""
    arch: ClassVar[Architecture] = DEFAULT

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._folder = options.store / "apt" / self.scheme
        self._made_for = f"{options.mirror} {options.keyring} {[suite.name for suite in SUITES]}"

    def wish(self, name: str) -> Wish:
        """Read a version or a release, with or without a flavour."""
        return debian.wish(name, self.options.flavour, self.arch)

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Return all kernel builds of the archive, after refreshing an index older than a day.

        Suites that the mirror doesn't have are left out with a warning.

        Raises:
            InfrastructureError: No network, no room, no apt-get, no key.
            UsageError: No mirror is known.
        """
        files.make_folder(self._folder)
        with FileLock(self._folder / "lock"):
            index = self._read_index()
            if index is not None and not refresh and self._age_s() < INDEX_AGE_S:
                return index.builds
            return self._update(report)

    def remembered(self) -> list[Build]:
        """Return the builds of the index at hand, however old; empty without one."""
        index = self._read_index()
        return index.builds if index is not None else []

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Download, verify and unpack the packages of a build.

        Raises:
            GoneError: A package has left the archive.
            InfrastructureError: No network, no room, a wrong checksum, a missing tool.
        """
        debs = self._download(build, work / "debs", report)
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
            FLAVOURS[build.flavour].modules,
            lambda done: report("unpack", min(done, build.size), build.size),
        )
        return root

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

    def _download(self, build: Build, into: Path, report: Report) -> list[Path]:
        (into / "partial").mkdir(parents=True, exist_ok=True)
        names = [f"{package.name}={package.version}" for package in build.packages]
        # apt reads all that it knows before it downloads; of one suite, that is soon done.
        known = (self._folder / "debian.sources").read_text(encoding="utf-8")
        of_suite = into / "suite.sources"
        of_suite.write_text(apt_sources.of_suite(known, build.suite), encoding="utf-8")
        command = self._command(
            *(f"-oDir::Cache::archives={into}/", f"-oDir::Etc::sourcelist={of_suite}"),
            *("download", *names),
        )
        lines = []
        doing = f"can't download {build.release}"
        patience = Patience(doing, [into], lambda said: LOG.warning("%s: %s", build.release, said))
        with streamed(command, cwd=into) as (process, said):
            for line in said:
                patience.hear(line)
                if line.startswith("dlstatus:"):
                    part = float(line.split(":")[2]) / 100
                    report("download", round(part * build.size), build.size)
                lines.append(line)
        if process.returncode != 0:
            raise _failure(lines, doing)
        return [_deb(into, package.name) for package in build.packages]

    def _update(self, report: Report | None) -> list[Build]:
        arch = self.arch.debian
        text = apt_sources.sources(self.options.mirror, self.options.keyring, arch)
        for part in ("state/lists/partial", "cache/archives/partial"):
            files.make_folder(self._folder / part)
        configuration = apt_sources.configuration(self._folder, arch)
        files.write(self._folder / "apt.conf", configuration.encode())
        files.write(self._folder / "debian.sources", text.encode())
        lines, done = [], 0
        doing = "can't fetch the package index"
        patience = Patience(
            doing,
            [self._folder / "state/lists"],
            lambda said: LOG.warning("package index: %s", said),
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
        if not lists or not any(line.startswith(("Get:", "Hit:")) for line in lines):
            raise _failure(lines, doing)
        if process.returncode != 0:
            _warn(lines, lists)
        builds = merge(
            build
            for suite, path in lists.items()
            for build in read_builds(_kernels(path), suite, self.scheme)
        )
        files.write(
            self._folder / "index.json", msgspec.json.encode(_Index(self._made_for, builds))
        )
        return builds

    def _lists(self) -> dict[str, Path]:
        """Return the Packages file of each suite that was fetched, in the table's order."""
        listed = output(
            self._command(
                *("indextargets", "--no-release-info", "--format", "$(RELEASE) $(FILENAME)"),
                *("Identifier: Packages", f"Architecture: {self.arch.debian}"),
            )
        )
        found = {}
        for suite, name in (line.split(" ", 1) for line in listed.decode().splitlines()):
            path = Path(name)
            # apt keeps indices compressed and names them without the ending.
            present = [p for p in path.parent.glob(f"{path.name}*") if p.stem == path.name]
            found.update({suite: present[0]} if present else {})
        return {suite.name: found[suite.name] for suite in SUITES if suite.name in found}

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

    def _age_s(self) -> float:
        return time.time() - (self._folder / "index.json").stat().st_mtime


def _of(arch: Architecture) -> type[DebianArchive]:
    """The source of another architecture's kernels: its list is for who names one of them."""
    members = {"scheme": arch.scheme, "arch": arch, "is_listed": False}
    return type(f"DebianArchive_{arch.debian}", (DebianArchive,), members)


ARCHIVES: tuple[type[Source], ...] = (
    DebianArchive,
    *(_of(it) for it in ARCHITECTURES.values() if it is not DEFAULT),
)
"""One source for each architecture."""


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


_CAUSES: tuple[tuple[str, type[InfrastructureError], str], ...] = (
    (
        r"No space left|enough free space",
        FullError,
        "no room left; free some, or set LANDPROOF_STORE to a folder on a larger disk",
    ),
    (
        r"Hash Sum mismatch|unexpected size|Hashes of (?:expected|received)",
        InfrastructureError,
        "its checksum is not what the signed index says; try --refresh or another --mirror",
    ),
    (
        r"NO_PUBKEY|not signed|signatures? (?:couldn't|were)|EXPKEYSIG|BADSIG",
        InfrastructureError,
        "its signature can't be verified; run: apt-get install debian-archive-keyring",
    ),
    (
        r"resolv|[Cc]onnect|timed out|Network is unreachable",
        UnreachableError,
        "no network; check it and the proxy, or name a mirror with --mirror URL",
    ),
    (
        r"\b404\b|was not found|Unable to locate|File not found|No such file",
        GoneError,
        "it is not in the archive (any more); try --refresh or another --mirror",
    ),
)


def _failure(lines: Sequence[str], doing: str) -> InfrastructureError:
    """Return what went wrong as one line, from apt-get's lines; the first known cause wins."""
    said = [line for line in lines if not line.startswith(("dlstatus:", "Get:", "Ign:"))]
    for pattern, error, advice in _CAUSES:
        for line in said:
            if re.search(pattern, line):
                return error(f"{doing}: {advice} ({_plain(line)})")
    last = said[-1] if said else "apt-get said nothing"
    return InfrastructureError(f"{doing}: {_plain(last)}")


def _plain(line: str) -> str:
    return re.sub(r"^(?:E:|W:|Err:\d+)\s*", "", line.strip())


def _warn(lines: Sequence[str], lists: dict[str, Path]) -> None:
    """Say in one line which suites are missing, and in one which are not today's."""
    text = "\n".join(lines)
    failed = [
        suite.name
        for suite in SUITES
        if re.search(rf"(?:/dists/{suite.name}/\S* |^Err:\d+ \S+ {suite.name} )", text, re.M)
    ]
    why = _plain(next((line for line in lines if line.startswith("E:")), lines[-1]))
    for what, names in (
        ("suites that this mirror lacks are skipped", [f for f in failed if f not in lists]),
        ("suites could not be refreshed", [f for f in failed if f in lists]),
    ):
        if names:
            LOG.warning("%s: %s (%s)", what, ", ".join(names), why)
