# SPDX-License-Identifier: MIT
"""Of which kernels something is asked: those of an ABI version, or of a release."""

import re
from dataclasses import dataclass

from reports.compat.document import Compat, Kernel
from suite.errors import UsageError
from suite.landlock.releases import Release, of_mainline, parse

_SHORT = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """Kernels of one ABI version, or one kernel."""

    abi: int
    """0 without Landlock."""
    kernel: str = ""
    """What it is called, such as ``Linux 6.12.80``; empty for all of an ABI version."""
    mainline: str = ""
    """The release of mainline; empty for all of an ABI version."""
    measured: str = ""
    """Its name in the data; empty if cases have not run on it."""
    newer: bool = False
    """Whether it is newer than the data, so that it may have more."""

    @property
    def where(self) -> str:
        """Where something is so: ``On ABI 2``."""
        how = "" if self.measured else " by its release"
        if not self.kernel:
            return f"On ABI {self.abi}"
        if not self.abi:
            return f"On {self.kernel}, which has no Landlock{how}"
        least = "at least " if self.newer else ""
        return f"On {self.kernel} ({least}ABI {self.abi}{how})"


def of_abi(compat: Compat, abi: int) -> Asked:
    """Kernels that report an ABI version.

    Raises:
        UsageError: The data do not know it.
    """
    newest = max(map(int, compat.abis))
    if not 0 <= abi <= newest:
        raise UsageError(
            f"no ABI {abi}: the data know ABI 1 to {newest}, and 0 for kernels without Landlock; "
            f"of a newer kernel, ask for ABI {newest}"
        )
    return Asked(abi)


def of_kernel(compat: Compat, text: str) -> Asked:
    """A kernel by its release, as ``uname -r`` or ``uname -rv`` prints it, or that of mainline.

    Raises:
        UsageError: A release like this does not tell what the kernel has.
    """
    said, _, version = text.removeprefix("v").partition(" ")
    if name := _measured(compat, said):
        kernel = compat.kernels[name]
        return Asked(kernel.abi or 0, f"Linux {kernel.release}", kernel.mainline, measured=name)
    short = _SHORT.fullmatch(said)
    release = Release(int(short[1]), int(short[2])) if short else of_mainline(said, version)
    if release is None:
        raise UsageError(
            f"{text!r} does not tell which ABI version it has: vendors choose what they backport; "
            "landproof check asks that kernel itself; here, give --abi, or what uname -rv prints"
        )
    firsts = {int(number): parse(abi.release) for number, abi in compat.abis.items()}
    abi = max((number for number, first in firsts.items() if first <= release), default=0)
    newer = release[:2] > max(firsts.values())[:2]
    return Asked(abi, f"Linux {release}", str(release), newer=newer)


def _measured(compat: Compat, said: str) -> str:
    """The kernel build that is meant by its whole release, or by all three of its numbers."""

    def means(kernel: Kernel) -> bool:
        return kernel.abi is not None and said in (kernel.release, kernel.mainline)

    return next((name for name, kernel in compat.kernels.items() if means(kernel)), "")
