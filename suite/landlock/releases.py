# SPDX-License-Identifier: MIT
"""Releases of the kernel: only for what is said of a bug that was seen, never for a verdict."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_DEBIAN_PACKAGE = re.compile(r"\bDebian (\d+)\.(\d+)\.(\d+)-")
"""In uname(2)'s version, as release 6.1.0-57-amd64 does not tell that it is of 6.1.192."""
_PLAIN = re.compile(r"(\d+)\.(\d+)\.(\d+)(\+deb\d+(u\d+)?-[a-z0-9-]+)?")


class Release(NamedTuple):
    """A release of mainline or of a stable series."""

    major: int
    minor: int
    patch: int = 0

    @property
    def series(self) -> str:
        """Such as ``6.12``."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return self.series + (f".{self.patch}" if self.patch else "")


def of_mainline(release: str, version: str) -> Release | None:
    """The release that a kernel is built from, by its uname(2).

    None if that can't be told: candidates, own builds and the kernels of distributions whose
    releases do not name the one that theirs are level with. Those of Debian do.
    """
    found = _DEBIAN_PACKAGE.search(version) or _PLAIN.fullmatch(release)
    return Release(*map(int, found.groups()[:3])) if found else None


def parse(text: str) -> Release:
    """Of ``6.12`` or ``6.12.117``."""
    return Release(*map(int, text.split(".")))


def carries(firsts: Iterable[str], kernel: Release) -> bool:
    """Whether a kernel has a change: ``firsts`` are the first releases with it, one a series."""
    series = {first[:2]: first for first in map(parse, firsts)}
    first = series.get(kernel[:2])
    return kernel >= first if first else kernel[:2] > max(series)
