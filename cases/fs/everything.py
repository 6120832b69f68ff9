# SPDX-License-Identifier: MIT
"""The strictest layer on files that a kernel can have."""

from suite.case import FS, Facts, Ruleset, known_bits


def everything(facts: Facts) -> Ruleset:
    """Handles every right that the kernel knows, and allows none."""
    return Ruleset(fs=known_bits(FS, max(facts.abi, 1)))
