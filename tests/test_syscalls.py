# SPDX-License-Identifier: MIT
"""The table of system calls: that its rows are right and don't contradict themselves."""

import re
from collections import Counter
from pathlib import Path

import pytest

from suite.process.memory import is_about_memory
from suite.process.syscalls import ARCHES, NUMBERS, SYSCALLS, Changes, Memory, Opens, Syscall, rows

INCLUDE, GENERIC = Path("/usr/include"), "asm-generic/unistd.h"
HEADERS = {
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"),
    "i386": ("x86_64-linux-gnu/asm/unistd_32.h", "asm/unistd_32.h"),
    "aarch64": ("aarch64-linux-gnu/asm/unistd_64.h", GENERIC),
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


@pytest.mark.parametrize("arch", ARCHES)
def test_numbers_are_those_of_the_installed_headers(arch: str) -> None:
    """Whatever their age: what they define is what we say."""
    header = next((it for it in HEADERS[arch] if (INCLUDE / it).exists()), None)
    if header is None:
        pytest.skip(f"no {' or '.join(HEADERS[arch])} in {INCLUDE}")
    text = (INCLUDE / header).read_text(encoding="utf-8")
    found = re.findall(r"^#define __NR_(\w+)\s+(\d+)$", text, re.MULTILINE)
    defined = {name: int(number) for name, number in found}
    if header == GENERIC:  # which has the calls of 32-bit architectures, too
        defined = {name: number for name, number in defined.items() if name in NUMBERS[arch]}
    assert len(defined) > 200
    assert defined.items() <= NUMBERS[arch].items()
