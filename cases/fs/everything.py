# SPDX-License-Identifier: MIT
"""Every right on files: those of all kernels with Landlock, and those that one kernel knows."""

from suite.case import FS, Facts, Ruleset, known_bits

EVERYTHING = known_bits(FS, 1)


def everything(facts: Facts) -> Ruleset:
    """Handles every right that the kernel knows, and allows none."""
    return Ruleset(fs=known_bits(FS, max(facts.abi, 1)))
