# SPDX-License-Identifier: MIT
"""The table of system calls: that its rows are right and don't contradict themselves."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest

from suite.process.memory import is_about_memory
from suite.process.syscalls import ARCHES, NUMBERS, SYSCALLS, Changes, Memory, Opens, Syscall, rows
from suite.process.target_order import OPEN_FLAGS

INCLUDE, GENERIC = Path("/usr/include"), "asm-generic/unistd.h"
SPEC = importlib.util.find_spec("ziglang")
ZIG = Path(SPEC.origin or "/").parent / "lib/libc/include" if SPEC else Path("/nowhere")
"""The compiler of the agent brings the kernel's headers of every architecture."""
HEADERS = {
    "x86_64": (INCLUDE / "x86_64-linux-gnu/asm/unistd_64.h", ZIG / "x86-linux-any/asm/unistd_64.h"),
    "i386": (INCLUDE / "x86_64-linux-gnu/asm/unistd_32.h", ZIG / "x86-linux-any/asm/unistd_32.h"),
    "aarch64": (INCLUDE / GENERIC, ZIG / "aarch64-linux-any/asm/unistd_64.h"),
    "s390x": (ZIG / "s390x-linux-any/asm/unistd_64.h",),
    "riscv64": (ZIG / "riscv-linux-any/asm/unistd_64.h",),
}
WELL_KNOWN = {
    "close": (Opens.NONE, Changes.FILES, Memory.NEVER),
    "openat": (Opens.ONE, Changes.FILES, Memory.NEVER),
    "socketpair": (Opens.TWO, Changes.FILES, Memory.NEVER),
    "dup3": (Opens.ONE, Changes.OWN, Memory.NEVER),
    "chdir": (Opens.NONE, Changes.OWN, Memory.NEVER),
    "landlock_restrict_self": (Opens.NONE, Changes.OWN, Memory.NEVER),
    "fcntl": (Opens.NONE, Changes.NAMED, Memory.NEVER),
    "kill": (Opens.NONE, Changes.NAMED, Memory.SOMETIMES),
    "ptrace": (Opens.NONE, Changes.NAMED, Memory.SOMETIMES),
    "mmap": (Opens.NONE, Changes.OWN, Memory.ALWAYS),
    "mlock": (Opens.NONE, Changes.OWN, Memory.ALWAYS),
    "mmap2": (Opens.NONE, Changes.OWN, Memory.ALWAYS),
    "execve": (Opens.NONE, Changes.OWN, Memory.ALWAYS),
    "process_vm_writev": (Opens.NONE, Changes.NAMED, Memory.ALWAYS),
    "pivot_root": (Opens.NONE, Changes.ANYTHING, Memory.NEVER),
    "vm86": (Opens.NONE, Changes.ANYTHING, Memory.UNKNOWN),
}


def test_a_call_has_one_row() -> None:
    names = Counter(row.name for row in rows())
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("arch", ARCHES)
def test_a_number_is_of_one_call(arch: str) -> None:
    numbers = Counter(NUMBERS[arch].values())
    assert [number for number, count in numbers.items() if count > 1] == []


@pytest.mark.parametrize("row", SYSCALLS.values(), ids=SYSCALLS)
def test_what_a_row_says_fits_together(row: Syscall) -> None:
    assert row.numbers, "of no architecture"
    if row.changes is Changes.FILES:
        assert row.memory is Memory.NEVER, "it does more than to open and close files"
    if row.memory is Memory.UNKNOWN:
        assert row.changes is Changes.ANYTHING, "memory is of its process, too"
    if row.changes is Changes.NAMED:
        assert row.opens is Opens.NONE, "in which process it opens one is not said"


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_well_known_calls(name: str) -> None:
    row = SYSCALLS[name]
    assert (row.opens, row.changes, row.memory) == WELL_KNOWN[name]


HARMLESS = {
    "ioctl": (0, 0),
    "kill": (1, 0),
    "membarrier": (1,),
    "pidfd_send_signal": (0, 0, 0, 0),
    "prctl": (38, 1),
    "ptrace": (16, 1),
    "rt_sigqueueinfo": (1, 0),
    "rt_tgsigqueueinfo": (1, 1, 0),
    "tgkill": (1, 1, 0),
    "tkill": (1, 0),
    "unshare": (1 << 30,),
}


def test_every_call_that_is_sometimes_about_memory_has_its_question() -> None:
    """It is never refused whatever its arguments are: that would be ALWAYS."""
    assert {row.name for row in rows() if row.memory is Memory.SOMETIMES} == set(HARMLESS)
    assert {name for name in HARMLESS if is_about_memory(name, HARMLESS[name])} == set()


@pytest.mark.parametrize("header", [(arch, it) for arch in ARCHES for it in HEADERS[arch]], ids=str)
def test_numbers_are_those_of_the_headers(header: tuple[str, Path]) -> None:
    """Whatever their age: what they define is what we say."""
    arch, path = header
    if not path.exists():
        pytest.skip(f"no {path}")
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^#define __NR_(\w+)\s+(\d+)$", text, re.MULTILINE)
    defined = {name: int(number) for name, number in found}
    if path.match(GENERIC):  # which has the calls of 32-bit architectures, too
        defined = {name: number for name, number in defined.items() if name in NUMBERS[arch]}
    assert len(defined) > 200
    assert defined.items() <= NUMBERS[arch].items()


def defined_flags(header: Path) -> dict[str, int]:
    """Those of our table that a header defines, be it in octal or as the number of a bit."""
    pattern = r"^#\s*define\s+(\w+)\s+(?:(0\d+)|\(1 << (\d+)\))"
    found = re.findall(pattern, header.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        name: int(octal, 8) if octal else 1 << int(bit)
        for name, octal, bit in found
        if name in OPEN_FLAGS[""]
    }


@pytest.mark.parametrize("arch", ["aarch64", "riscv64", "s390x", "x86_64"])
def test_flags_of_open_are_those_of_the_headers(arch: str) -> None:
    """What an architecture defines itself is in the table; the others have the generic numbers."""
    folder = {"riscv64": "riscv", "x86_64": "x86"}.get(arch, arch)
    if not ZIG.exists():
        pytest.skip("no ziglang")
    flags = defined_flags(ZIG / "any-linux-any/asm-generic/fcntl.h")
    own = ZIG / f"{folder}-linux-any/asm/fcntl.h"
    if own.exists():
        flags |= defined_flags(own)
    assert flags == OPEN_FLAGS.get(arch, OPEN_FLAGS[""])
