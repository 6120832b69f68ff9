# SPDX-License-Identifier: MIT
"""The table of the ABI as it was at ABI 11, which the tests of reports are about.

Golden files and sentences in tests tell of the newest ABI version and of every feature: with a
table of their own they stay as they are when landproof learns a new right. Reports read the table
through its module, so that this one can stand in its place.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from suite.landlock import abi

NEWEST = 11
ABIS = {version: row for version, row in abi.ABIS.items() if version <= NEWEST}
FEATURES = {label: bit for label, bit in abi.FEATURES.items() if bit.since <= NEWEST}
ERRATA = {number: fix for number, fix in abi.ERRATA.items() if number <= 4}
BUG_NAMES = ("cred-transfer", "tcp-fast-open-bypass", *(fix.bug.name for fix in ERRATA.values()))
ALL_BUGS = {name: abi.ALL_BUGS[name] for name in BUG_NAMES}
"""A few: golden files stay as they are when landproof learns of another."""
LIMITS = {name: limit for name, limit in abi.LIMITS.items() if limit.since <= NEWEST}


@contextmanager
def at_abi_11() -> Iterator[None]:
    """Let reports know this table; for tests, the fixture ``abi_11`` does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abi, "NEWEST", NEWEST)
        patch.setattr(abi, "ABIS", ABIS)
        patch.setattr(abi, "FEATURES", FEATURES)
        patch.setattr(abi, "ERRATA", ERRATA)
        patch.setattr(abi, "LIMITS", LIMITS)
        patch.setattr(abi, "ALL_BUGS", ALL_BUGS)
        yield
