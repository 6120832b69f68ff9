# SPDX-License-Identifier: MIT
"""All that a kernel can restrict, in one ruleset."""

from suite.case import FS, NET, SCOPE, Facts, Ruleset, known_bits


def whole(facts: Facts) -> Ruleset:
    """Handles every right and scope that the kernel knows, and allows none."""
    abi = max(facts.abi, 1)
    return Ruleset(fs=known_bits(FS, abi), net=known_bits(NET, abi), scope=known_bits(SCOPE, abi))
