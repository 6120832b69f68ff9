# SPDX-License-Identifier: MIT
"""The packages of Debian in a tree: which ones, by apt, and how a tree is made of them.

They are unpacked and not configured: no script of a package is run, so that neither root nor
the tree's own shell is needed. What scripts would have left that programs need is made here.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from suite.errors import InfrastructureError, UsageError
from vm.apt_index import Index
from vm.archives import ARCHIVES, Archive, Part
from vm.catalogue import Package
from vm.kernel import sha256
from vm.source import Options, Report
from vm.tools import GoneError, streamed, tool

BASE = ("base-files", "base-passwd", "coreutils", "dash", "libc-bin")
"""What each tree has: the layout, users, a shell and its tools, what finds libraries."""
_LINKED = ("bin", "sbin", "lib", "lib64")
"""Links into /usr. Since Debian 13 a package brings them; before, packages have such folders."""
_URI = re.compile(r"'(\S+)' (\S+?)_(\S+)_[^_ ]+\.deb (\d+) SHA256:([0-9a-f]{64})")
_UNKNOWN = re.compile(r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation cand")
_COMPLAINT = ("error", "ERROR", "E: ")
"""How tools begin what matters."""
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


class Packages:
    """What Debian's archive has for this machine's architecture.

    Args:
        options: The store, and which mirror and keys.
    """

    def __init__(self, options: Options) -> None:
        self._archive = _of_this_machine()
        self._index = Index(Part(self._archive, self._archive.scheme), options)

    def ready(self, *, refresh: bool = False, report: Report | None = None) -> None:
        """Have lists that are younger than a day.

        Raises:
            InfrastructureError: No network, no room, no apt-get, no key.
            UsageError: No mirror is known.
        """
        self._index.available(refresh=refresh, report=report)

    def resolve(self, suite: str, names: Sequence[str], work: Path) -> list[Package]:
        """Return the packages that these need, themselves among them.

        Args:
            suite: Of Debian.
            names: Of packages; without what they merely recommend.
            work: A folder for what apt has to be told.

        Raises:
            InfrastructureError: They can't be had together.
            UsageError: There is no such suite or package.
        """
        known = self._archive.row.suites
        if suite not in known:
            raise UsageError(f"no suite {suite!r} of Debian; choose one of {', '.join(known)}")
        command = [*self._index.limited([suite], work), "-oAPT::Install-Recommends=false"]
        return _listed([*command, "-oDebug::NoLocking=true", "-y", "install"], suite, names)

    def alone(self, suite: str, name: str, work: Path) -> Package:
        """Return a package without what it needs; arguments and errors as of `resolve`."""
        (found,) = _listed([*self._index.limited([suite], work), "download"], suite, [name])
        return found

    def newest(self, suites: Sequence[str], start: str, work: Path) -> tuple[str, str]:
        """Return the package whose name begins so and ends in the highest version, and its suite.

        Raises:
            InfrastructureError: There is none.
        """
        pattern = re.compile(rf"{re.escape(start)}(\d+)\.(\d+)")
        found: list[tuple[tuple[int, int], str, str]] = []
        for suite in suites:
            into = work / suite
            command = self._index.limited([suite], into)
            for name in _names(command, start):
                if match := pattern.fullmatch(name):
                    found.append(((int(match[1]), int(match[2])), name, suite))
        if not found:
            raise InfrastructureError(f"Debian has no {start}… in {', '.join(suites)}")
        _, name, suite = max(found)
        return name, suite

    def download(
        self, suite: str, packages: Sequence[Package], into: Path, report: Report
    ) -> list[Path]:
        """Download packages into a folder; verified by apt, and by what `resolve` said.

        Raises:
            GoneError: One has left the archive since the lists were made.
            InfrastructureError: No network, no room, a wrong checksum.
        """
        named = [f"{it.name}={it.version}" for it in packages]
        size = sum(it.size for it in packages)
        command = [*self._index.limited([suite], into), "download", *named]
        self._index.fetch(command, into, f"{len(packages)} packages of {suite}", size, report)
        by_sum = {it.sha256: it for it in packages}
        found = sorted(into.glob("*.deb"))
        if {sha256(it) for it in found} != by_sum.keys():
            raise GoneError(
                "Debian's archive gave other packages than its index promised; fetch again"
            )
        return found


def unpack(debs: Sequence[Path], root: Path, report: Report) -> None:
    """Make a tree of packages.

    Raises:
        InfrastructureError: One is broken, there is no room, or a tool is missing.
    """
    total = sum(it.stat().st_size for it in debs)
    done = 0
    for deb in debs:
        run([tool("dpkg-deb"), "--extract", str(deb), str(root)], f"can't unpack {deb.name}")
        done += deb.stat().st_size
        report("unpack", done, total)
    for name in _LINKED:
        if not (root / name).is_symlink():
            _merge(root / name, root / "usr" / name)
            (root / name).symlink_to(f"usr/{name}")


def _merge(folder: Path, into: Path) -> None:
    """Move what a folder holds into another one, and remove it."""
    into.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        return
    for path in folder.iterdir():
        target = into / path.name
        if path.is_dir() and not path.is_symlink() and target.is_dir():
            _merge(path, target)
        elif not target.exists():
            path.rename(target)
    shutil.rmtree(folder)


def settle(root: Path) -> None:
    """Make what scripts of packages would have made: users, hosts, the cache of libraries.

    Raises:
        InfrastructureError: The tool for the latter is missing, or fails.
    """
    etc = root / "etc"
    for made, given in (
        ("passwd", "usr/share/base-passwd/passwd.master"),
        ("group", "usr/share/base-passwd/group.master"),
        ("nsswitch.conf", "usr/share/libc-bin/nsswitch.conf"),
    ):
        if not (etc / made).exists() and (root / given).exists():
            shutil.copyfile(root / given, etc / made)
    (etc / "hosts").write_text(_HOSTS, encoding="utf-8")
    # Python's ctypes finds libraries by this cache alone (find_library).
    run([tool("ldconfig"), "-r", str(root)], "can't make the tree's cache of libraries")


def run(command: Sequence[str], doing: str, cwd: Path | None = None) -> list[str]:
    """Run a command and return its lines.

    Args:
        command: Its argv.
        doing: How the error begins.
        cwd: Its current folder.

    Raises:
        InfrastructureError: It fails; with its first complaint, or its last words.
    """
    with streamed(command, cwd=cwd) as (process, said):
        lines = [line for line in said if line.strip()]
    if process.returncode != 0:
        why = next((it for it in lines if it.startswith(_COMPLAINT)), lines[-1] if lines else "")
        why = why.strip() or f"exit code {process.returncode}"
        raise InfrastructureError(f"{doing}: {why}")
    return lines


def _listed(command: Sequence[str], suite: str, names: Sequence[str]) -> list[Package]:
    """What apt-get would download, by its command without the names."""
    asking = [*command, "--print-uris", "-oAcquire::ForceHash=SHA256", *names]
    with streamed(asking) as (process, said):
        lines = list(said)
    if process.returncode != 0:
        for line in lines:
            if lacking := _UNKNOWN.search(line):
                raise UsageError(f"no package {lacking[1] or lacking[2]} in Debian {suite}")
        why = [it.strip() for it in lines if " : Depends: " in it or it.startswith("E: ")]
        raise InfrastructureError(
            f"can't have {' '.join(names)} of Debian {suite}: {why[0] if why else lines[-1]}"
        )
    found = (match for line in lines if (match := _URI.match(line)))
    packages = (Package(it[2], unquote(it[3]), it[5], int(it[4])) for it in found)
    return sorted(packages, key=lambda it: it.name)


def _names(command: Sequence[str], start: str) -> list[str]:
    """The names of packages that begin so; ``command`` is apt-get's, and apt-cache's likewise."""
    cache = [str(Path(command[0]).with_name("apt-cache")), *command[1:]]
    return run([*cache, "pkgnames", start], "can't read the package index")


def _of_this_machine() -> Archive:
    machine = platform.machine()
    for it in ARCHIVES:
        if it.row.name == "debian" and it.arch.machine == machine:
            return it
    raise InfrastructureError(f"no trees of Debian for {machine}: landproof has kernels of others")
