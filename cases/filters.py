# SPDX-License-Identifier: MIT
"""Filters of seccomp that refuse one system call, or have a tracer asked, for good."""

import errno

from suite.case import Process
from suite.packed import joined, packed
from suite.process.uapi import SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO

LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
FILTERED = "ENOANO"
"""What Landlock never gives."""


def answer(process: Process, name: str, action: int) -> bytes:
    """A filter that answers a system call so, and allows all others."""
    steps = (
        (LOAD_NUMBER, 0, 0, 0),
        (JUMP_IF_EQUAL, 0, 1, process.session.numbers[name]),
        (RETURN, 0, 0, action),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )
    return joined(packed("HBBI", *step) for step in steps)


def refuse(process: Process, name: str) -> bytes:
    """A filter that refuses a system call alone."""
    return answer(process, name, SECCOMP_RET_ERRNO | getattr(errno, FILTERED))


def install(process: Process, refused: str, flags: int = 0) -> None:
    process.no_new_privs()
    process.seccomp(refuse(process, refused), flags)
