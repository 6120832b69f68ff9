# SPDX-License-Identifier: MIT
"""The source of ``mainline:v6.6``: Ubuntu's builds of plain kernels, by virtme-ng's downloader.

virtme-ng has a cache of its own, in which a package that was cut short counts as complete for ever:
such folders are cleared here. Neither it nor we verify a signature or a checksum; what was
downloaded is as good as https and the server are, and is unpacked as packages of the user's are.
"""

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError, LandproofError, UsageError
from vm import bundle, catalogue, unpack
from vm.bundle import Bundle
from vm.catalogue import MODULES, Build, Wish
from vm.command import find_vng
from vm.source import LOG, Report, Source
from vm.stall import WAITING, Patience
from vm.tools import FullError, UnreachableError, streamed, tool

PLACE = "https://kernel.ubuntu.com/mainline"
"""Where they are; said to users, and virtme-ng's own affair."""
_TAG = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:[-~]rc(\d{1,2}))?", re.ASCII)
_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)-\d+(?:rc(\d+))?-generic", re.ASCII)
_ARCH = "amd64"
_LOOK_S = 0.2
_YOUNG_S = 60.0
"""A file that was written to since may be on its way: virtme-ng waits 30 s for the next byte."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A version of Linux, as its tag in git has it."""

    major: int
    minor: int
    patch: int
    candidate: int
    """0 if it is a release."""

    def __str__(self) -> str:
        patch = f".{self.patch}" if self.patch else ""
        return f"v{self.major}.{self.minor}{patch}" + (
            f"-rc{self.candidate}" if self.candidate else ""
        )

    @property
    def release(self) -> str:
        """What uname(2) says of its build: ``6.12.0-061200rc3-generic``."""
        digits = f"{self.major:02}{self.minor:02}{self.patch:02}"
        candidate = f"rc{self.candidate}" if self.candidate else ""
        return f"{self.major}.{self.minor}.{self.patch}-{digits}{candidate}-generic"

    @property
    def version(self) -> str:
        """Of the build; it begins no other one's, as 6.6 would that of 6.6.1."""
        return f"{str(self)[1:].replace('-rc', '~rc')}-mainline"


class Mainline(Source):
    """Ubuntu's builds of all versions of Linux; each name means one of them and no newer one."""

    name = "mainline"
    scheme = "mainline:"
    is_listed = False

    def wish(self, name: str) -> Wish:
        """Read a tag, with or without its ``v``, or a release."""
        return Wish(name, self.scheme, self._tag(name).version, "")

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Refuse: virtme-ng has no list of them.

        Raises:
            UsageError: Always.
        """
        del refresh, report
        raise UsageError(
            f"there is no list of the builds of {PLACE}; name those to choose from, in order, as"
            " with --kernels mainline:v6.6,mainline:v6.7,mainline:v6.8"
        )

    def resolve(self, name: str, *, refresh: bool = False, report: Report | None = None) -> Build:
        """Return the build; whether there is one is known when it is asked for."""
        del refresh, report
        tag = self._tag(name)
        return Build(tag.release, tag.version, "", str(tag), (), scheme=self.scheme)

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Download a build, unless virtme-ng has it already, and unpack it.

        Raises:
            InfrastructureError: No network, no room, no dpkg, or what came is broken.
            UsageError: There is no such build.
        """
        tool("dpkg-deb")  # without it, all would look broken
        cache = Path.home() / ".cache/virtme-ng" / build.suite / _ARCH
        try:
            found = _look_into(cache, build)
        except LandproofError:
            _clear(cache, build.suite)
            try:
                found = _downloaded(build, cache, work, report)
            except BaseException:
                # The next one would take it for complete.
                shutil.rmtree(cache, ignore_errors=True)
                raise
        debs = _debs(cache)
        size = sum(deb.stat().st_size for deb in debs)
        root = work / "root"
        root.mkdir()
        unpack.unpack(
            debs,
            root,
            build.release,
            MODULES,
            lambda done: report("unpack", min(done, size), size),
            image=found.image,
        )
        return root

    def _tag(self, name: str) -> Tag:
        text = name.removeprefix(self.scheme)
        if found := _TAG.fullmatch(text) or _RELEASE.fullmatch(text):
            tag = Tag(*(int(it or 0) for it in found.groups()))
            if _TAG.fullmatch(text) or tag.release == text:
                return tag
        raise catalogue.not_a_name(name)


def _debs(cache: Path) -> list[Path]:
    """The packages of the one flavour that all of them have."""
    return sorted(cache.glob("*-generic_*.deb"))


def _look_into(cache: Path, build: Build) -> Bundle:
    """What virtme-ng has of a build.

    Raises:
        InfrastructureError: It is broken, or of another release.
        UsageError: Something is missing.
    """
    debs = _debs(cache)
    if not debs:
        raise UsageError(f"{build.suite}: there is no package in {cache}")
    found = bundle.look_into(debs)
    if found.release != build.release:
        raise InfrastructureError(
            f"{build.suite}: the packages are of {found.release}, and not of {build.release}; try"
            " another version"
        )
    if not found.has_modules:
        raise UsageError(f"{build.suite}: no package has its modules; try another version")
    return found


def _clear(cache: Path, tag: str) -> None:
    """Remove what an earlier download left, unless it goes on elsewhere.

    Raises:
        InfrastructureError: It does.
    """
    if not cache.exists():
        return
    written = max(path.lstat().st_mtime for path in (cache, *_debs(cache)))
    if abs(time.time() - written) < _YOUNG_S:
        raise InfrastructureError(
            f"{cache} is not whole: virtme-ng may be downloading {tag} now; try again in a minute,"
            " or remove that folder"
        )
    LOG.warning("%s: an earlier download was cut short; %s is fetched anew", tag, cache)
    shutil.rmtree(cache)


def _downloaded(build: Build, cache: Path, work: Path, report: Report) -> Bundle:
    """Have virtme-ng download a build into its cache.

    Raises:
        InfrastructureError: It could not.
        UsageError: There is none.
    """
    tag = build.suite
    # Nobody's configuration of virtme-ng is asked, but its cache is where it always is.
    home = work / "home"
    cache.parents[1].mkdir(parents=True, exist_ok=True)
    (home / ".cache").mkdir(parents=True)
    (home / ".cache" / cache.parents[1].name).symlink_to(cache.parents[1])
    ask = [
        *(find_vng(), "--dry-run", "--name", "landproof", "--run", tag),
        *("--arch", _ARCH, "--root", ".", "--force-9p", "--skip-modules", "--disable-monitor"),
    ]
    patience = Patience(
        f"can't download {tag}",
        [cache],
        lambda said: LOG.warning("mainline:%s: %s", tag, said),
        otherwise="check the network",
    )
    with streamed(ask, cwd=home, environment={"HOME": str(home)}) as (process, said):
        # It prints too little to fill the pipe, and nothing at all before it has ended.
        while process.poll() is None:
            patience.hear(WAITING)
            report("download", sum(deb.stat().st_size for deb in _debs(cache)), 0)
            time.sleep(_LOOK_S)
        lines = list(said)
    # How it ended says nothing: it goes on to compose QEMU's command line, for which it may lack
    # what we don't need.
    try:
        return _look_into(cache, build)
    except LandproofError as error:
        raise _failure(lines, tag) or error from error


_CAUSES: tuple[tuple[str, type[LandproofError], str], ...] = (
    (
        r"No space left",
        FullError,
        "no room left in ~/.cache/virtme-ng; free some",
    ),
    (
        r"failed to retrieve content, error: 404",
        UsageError,
        f"there is no such version; {PLACE} lists those that there are",
    ),
    (
        r"could not find kernel packages",
        UsageError,
        f"it was not built for {_ARCH}, as happens; choose another version of {PLACE}",
    ),
    (
        r"error: \d{3}$",
        InfrastructureError,
        "the server refuses; try later",
    ),
    (
        r"SSLError|CERTIFICATE_VERIFY_FAILED",
        InfrastructureError,
        "the server's certificate can't be verified; check the clock, or name the proxy's authority"
        " by REQUESTS_CA_BUNDLE=FILE",
    ),
    (
        r"ProxyError",
        UnreachableError,
        "the proxy does not let it through; check HTTPS_PROXY",
    ),
    (
        r"ChunkedEncodingError|IncompleteRead|Connection broken",
        UnreachableError,
        "the connection broke; try again",
    ),
    (
        r"ConnectionError|ConnectTimeout|ReadTimeout|resolve|unreachable",
        UnreachableError,
        "no network; check it, and HTTPS_PROXY",
    ),
)


def _failure(lines: Sequence[str], tag: str) -> LandproofError | None:
    """What went wrong, from virtme-ng's lines, as far as that is known."""
    for pattern, error, advice in _CAUSES:
        for line in lines:
            if re.search(pattern, line):
                return error(f"can't download {tag}: {advice} ({line.strip()[:200]})")
    return None
