# SPDX-License-Identifier: MIT
"""The strictest layer on files that a kernel can have."""

from suite.abi import FS, known
from suite.records import Facts
from suite.ruleset import Ruleset


def everything(facts: Facts) -> Ruleset:
    """Handles every right that the kernel knows, and allows none."""
    return Ruleset(fs=known(FS, max(facts.abi, 1)))
