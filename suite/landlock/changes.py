# SPDX-License-Identifier: MIT
"""Where what a kernel owes may change: with a new bit, a new ABI version, or a row of this table.

No expectation begins or ends at a bare number: a number would not say who made it so, and what
another part of the kernel decides must never be keyed by an ABI version of Landlock.
"""

from dataclasses import dataclass
from typing import TypeAlias

from suite.landlock.abi import ERRATA_PROMISED, RESTRICT, Abi, Feature


@dataclass(frozen=True, slots=True)
class Change:
    """What Landlock does otherwise since a release, though no bit tells of it."""

    since: int
    """The lowest ABI version of which every kernel has it."""
    release: str
    """The first of mainline that has it."""
    commit: str
    """Of security/landlock."""
    subject: str


Start: TypeAlias = Feature | Abi | Change
"""Where a clause may begin or end."""

ERRATA_INTERFACE = Change(
    ERRATA_PROMISED, "6.15", "15383a0d63db", "landlock: Add the errata interface"
)
FLAGS_FIRST = Change(
    RESTRICT.NO_NEW_PRIVS.since,
    "7.3",
    "c2fe8b60b8e4",
    "landlock: Check landlock_restrict_self(2)'s flags before privileges",
)
OPENER_CREDENTIALS = Change(
    5,  # 6.9 has the change, and the ABI version of 6.8
    "6.9",
    "63817febd1f3",
    "landlock: Use f_cred in security_file_open() hook",
)
LOGGING = Change(
    RESTRICT.LOG_SAME_EXEC_OFF.since,
    "6.15",
    "33e65b0d3add",
    "landlock: Add AUDIT_LANDLOCK_ACCESS and log ptrace denials",
)
"""The first of several: the others follow it in the same release."""
RIGHT_OF_CALL = Change(
    7,
    "6.15",
    "93f33f0cb2f0",
    "landlock: Prepare to use credential instead of domain for network",
)
"""A call looks only for layers that handle its own right, no longer for any right on ports."""
