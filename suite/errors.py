# SPDX-License-Identifier: MIT
"""Errors that end a run with one clear line, and the exit codes."""

import os
import sys
from enum import IntEnum

TRACEBACK = "LANDPROOF_TRACEBACK"
"""The environment variable that shows where an internal fault came from."""
_NO_MEMORY = (
    "memoryerror",
    "cannot allocate memory",
    "failed to map segment",
    "can't start new thread",
)


class Exit(IntEnum):
    """Exit codes of the command line."""

    CONFORMS = 0
    DEVIATES = 1
    USAGE = 2
    INFRASTRUCTURE = 3
    INTERRUPTED = 4
    NO_LANDLOCK = 5
    """Nothing could be checked: no target has Landlock, or something hides it."""


class LandproofError(Exception):
    """Base of every error that the command line prints as one line: what was wrong, what to do."""

    exit = Exit.INFRASTRUCTURE
    told = False
    """Whether the line was printed already."""
    is_final = False
    """Whether trying once more would come to the same."""


class UsageError(LandproofError):
    """The user asked for something that does not exist or makes no sense."""

    exit = Exit.USAGE


class InfrastructureError(LandproofError):
    """This machine could not do it: no room, no network, no QEMU, a wrong checksum."""


def told_fault(error: BaseException) -> str:
    """What an exception that nobody expected comes to, in one line; its traceback if asked for."""
    if os.environ.get(TRACEBACK):
        sys.excepthook(type(error), error, error.__traceback__)
    said = " ".join(str(error).strip().rpartition("\n")[2].split())
    if isinstance(error, MemoryError) or any(it in said.lower() for it in _NO_MEMORY):
        return "out of memory; give it more (ulimit -v, or the limit of the container)"
    if isinstance(error, OSError):
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or said}"
    kind = type(error).__name__
    return (
        f"internal fault: {kind}{f': {said}' if said else ''}; run again with {TRACEBACK}=1"
        " and report it"
    )
