# SPDX-License-Identifier: MIT
"""A kernel that can be booted."""

from dataclasses import dataclass
from pathlib import Path

from suite.judge.records import KernelBuild


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel unpacked in the store (or on the machine)."""

    build: KernelBuild
    vmlinuz: Path
    modules: Path | None
    """``lib/modules/RELEASE``, decompressed and indexed; None if all that is needed is built in."""
    config: Path | None
    """The Kconfig (``CONFIG_X=y`` lines)."""
