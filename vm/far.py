# SPDX-License-Identifier: MIT
"""Modules that QEMU runs wrong: of s390x, those that reach per-CPU variables by a relative address.

QEMU before 8.1 computes that address 4 GB too low if it is 2 GB or more ahead. Modules lie in the
2 GB below the kernel, and per-CPU variables at its end. The modules of Linux 6.12 look such
addresses up in a table, those of 7.2 do not.

Sources: "target/s390x: Fix relative long instructions with large offsets" (QEMU 8.1; since 7.2.3,
gen_ri2() in target/s390x/tcg/translate.c); arch/s390/boot/startup.c, setup_kernel_memory_layout().
"""

from __future__ import annotations

import logging
import re
import struct
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from vm.architecture import Architecture
from vm.command import find_qemu

LOG = logging.getLogger("landproof.kernels")
_MENDED = 8, 1
_SYMBOLS, _RELOCATIONS = 2, 4
"""Types of sections (SHT_*)."""
_PC32DBL = 19
"""R_390_PC32DBL, as of LARL."""
_PER_CPU = b".data..percpu\0"


def sound(name: str, images: Iterable[bytes], arch: Architecture) -> Iterator[bytes]:
    """The images of a module and of what it needs; none if QEMU runs one wrong, which is told.

    Raises:
        InfrastructureError: QEMU is not installed.
    """
    if arch.machine != "s390x" or _version(find_qemu(arch)) >= _MENDED:
        return iter(images)
    whole = list(images)
    if not any(map(reaches_far, whole)):
        return iter(whole)
    _tell(name)
    return iter(())


def reaches_far(image: bytes) -> bool:
    """Whether a module of s390x, as an ELF file, has a relative address of such a variable."""
    (headers,) = struct.unpack_from(">Q", image, 0x28)
    size, count, names_index = struct.unpack_from(">3H", image, 0x3A)
    sections = [struct.unpack_from(">IIQQQQ", image, headers + at * size) for at in range(count)]
    names = sections[names_index][4]
    per_cpu = {at for at, it in enumerate(sections) if image.startswith(_PER_CPU, names + it[0])}
    contents = [(kind, image[at : at + length]) for _, kind, _, _, at, length in sections]
    symbols = [
        section
        for kind, content in contents
        if kind == _SYMBOLS
        for _, _, _, section, _, _ in struct.iter_unpack(">IBBHQQ", content)
    ]
    return any(
        info & 0xFFFFFFFF == _PC32DBL and symbols[info >> 32] in per_cpu
        for kind, content in contents
        if kind == _RELOCATIONS and per_cpu
        for _, info, _ in struct.iter_unpack(">QQq", content)
    )


@cache
def _tell(name: str) -> None:
    """Say it once."""
    LOG.warning("%s is not loaded, for QEMU before 8.1 would run it wrong", name)


@cache
def _version(qemu: Path) -> tuple[int, int]:
    """As it says; older than any if it doesn't."""
    said = subprocess.run(  # noqa: S603 (an argv list, no shell)
        [qemu, "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"version (\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
