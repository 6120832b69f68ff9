# SPDX-License-Identifier: MIT
"""What a source of kernels is: the seam between the store and where kernels come from.

A source is a class in one file, registered by one line: of ours in `vm/registry.py`, of another
package by an entry point in the group ``landproof.kernels``. Its rules:

- *Names.* All names of a source begin with its scheme, and with that of no other. A scheme ends in
  a colon or a slash and more follows (``path:FOLDER``, ``arm64/6.12``), or it is the whole name
  (``host``). One source,
  Debian's archive, has none: plain versions are its own.
- *Builds.* A source that has builds to bring carries its scheme in each of them, and behind it what
  of the source they are of if it has parts (``ubuntu:noble/``). The scheme and the release of a
  build name it. What the build is made of is in its packages: the store keeps builds
  apart by their checksums and brings none twice, so the source brings what they say or nothing.
- *In place.* A kernel that is on this machine already may be used where it is. It isn't a build.
- *Failing.* Every error ends in one line that says what to do: a UsageError when there is no such
  kernel, an InfrastructureError when this machine could not do it. `vm.tools` has those after which
  the store does more than to pass it on. OSErrors may pass: the store makes a line of them.
- *Locks.* `bring` is called for one build at a time, by one process; all else has to bear others.

By default a source has nothing: it defines what it has.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from vm import catalogue
from vm.catalogue import DEFAULT_FLAVOUR, Build, Wish
from vm.kernel import Kernel

LOG = logging.getLogger("landproof.kernels")
Stage = Literal["index", "download", "unpack"]
Report = Callable[[Stage, int, int], None]
"""Takes how far a fetch is: bytes done, and bytes in all, or 0 while they are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user says about sources; each takes what concerns it."""

    store: Path
    """The folder of the store. A source may keep an index of its own in there."""
    flavour: str = DEFAULT_FLAVOUR
    """Of names that say none."""
    mirror: str | None = None
    """URL of an archive; None for that of this machine's configuration."""
    keyring: Path | None = None
    """Keys that the archive is signed with; None for its own."""


class Source:
    """A source of kernels, with nothing in it."""

    name: ClassVar[str]
    """In the records of its kernels, ``NAME:SUITE``."""
    scheme: ClassVar[str]
    is_listed: ClassVar[bool] = True
    """Whether its list is downloaded for who asks what there is, and not for its names alone."""

    def __init__(self, options: Options) -> None:
        """Nothing is read or asked before a method is called."""
        self.options = options

    def check(self, name: str) -> None:
        """Refuse a name that makes no sense on any machine, without looking at this one.

        Raises:
            UsageError: It makes none.
        """
        self.wish(name)

    def wish(self, name: str) -> Wish:
        """Read a name: the store looks by it among the builds that it has; no network.

        Raises:
            UsageError: It can't be the name of a build.
        """
        raise catalogue.not_a_name(name)

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Return all builds that can be had, as far as they can be listed.

        Args:
            refresh: Ask for newer ones, however young the list at hand is.
            report: Called now and then while the list is downloaded.

        Raises:
            InfrastructureError: No network, no room, a missing tool.
            UsageError: It isn't known where to ask.
        """
        del refresh, report
        return []

    def remembered(self) -> list[Build]:
        """Return the builds of the last list, however old; no network."""
        return []

    def resolve(self, name: str, *, refresh: bool = False, report: Report | None = None) -> Build:
        """Return the build that a name means.

        Raises:
            InfrastructureError: As `available`.
            UsageError: There is none; says which near ones there are.
        """
        return catalogue.choose(
            self.listed([name], refresh=refresh, report=report), self.wish(name)
        )

    def listed(
        self, names: Sequence[str], *, refresh: bool = False, report: Report | None = None
    ) -> list[Build]:
        """Return all builds among which names choose; arguments and errors as of `available`."""
        del names
        return self.available(refresh=refresh, report=report)

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Bring a build, verified by the checksums of its packages.

        Args:
            build: One that `resolve` gave.
            work: An empty folder on the store's disk; what is left in it goes.
            report: Called now and then.

        Returns:
            The work folder or one in it, with ``vmlinuz``; ``config`` if it can be had; and, if it
            has modules, ``lib/modules/RELEASE``, decompressed and indexed (`vm.unpack` does that).

        Raises:
            GoneError: It isn't there any more; the store resolves the name once more.
            InfrastructureError: No network, no room, a wrong checksum, a missing tool.
        """
        raise NotImplementedError(f"{self.name} brings no builds")

    def in_place(self, name: str) -> Kernel | None:
        """Return a kernel that is used where it is, its modules as they are found; no network.

        None if the name means a build.

        Raises:
            InfrastructureError: It should be on this machine and isn't.
            UsageError: There is no such kernel.
        """
        del name
        return None

    def clear(self) -> int | None:
        """Remove what `remembered` goes by; return the bytes that this freed, None without one."""
        return None
