# SPDX-License-Identifier: MIT
"""Errors that end a run with one clear line, and the exit codes."""

from enum import IntEnum


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


class UsageError(LandproofError):
    """The user asked for something that does not exist or makes no sense."""

    exit = Exit.USAGE


class InfrastructureError(LandproofError):
    """This machine could not do it: no room, no network, no QEMU, a wrong checksum."""
