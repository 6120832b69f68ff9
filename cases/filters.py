# SPDX-License-Identifier: MIT
"""Filters of seccomp that refuse one system call, for good."""

import errno

from suite.case import Process
from suite.packed import joined, packed
from suite.process.uapi import SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO

LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
FILTERED = "ENOANO"
"""What Landlock never gives."""


def refuse(process: Process, name: str) -> bytes:
    """A filter that refuses a system call alone."""
    steps = (
        (LOAD_NUMBER, 0, 0, 0),
        (JUMP_IF_EQUAL, 0, 1, process.session.numbers[name]),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | getattr(errno, FILTERED)),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )
    return joined(packed("HBBI", *step) for step in steps)


def install(process: Process, refused: str, flags: int = 0) -> None:
    process.no_new_privs()
    process.seccomp(refuse(process, refused), flags)
