# SPDX-License-Identifier: MIT
"""A kernel that can be booted."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from suite.judge.records import KernelBuild
from vm.architecture import DEFAULT, Architecture


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel unpacked in the store (or on the machine)."""

    build: KernelBuild
    vmlinuz: Path
    modules: Path | None
    """``lib/modules/RELEASE``, decompressed and indexed; None if all that is needed is built in."""
    config: Path | None
    """The Kconfig (``CONFIG_X=y`` lines)."""
    arch: Architecture = DEFAULT
    """What machine it is for."""


def is_release(text: str) -> bool:
    """Whether a kernel can be called so: the name of a folder, and not the way to another one."""
    return re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._+~:-]*", text) is not None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal: by it kernels and packages are told apart."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
