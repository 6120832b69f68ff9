# SPDX-License-Identifier: MIT
"""The tables of plain calls leave no cell of the compatibility data out."""

from suite.landlock import abi as table
from tests.plain_features import ASKED
from tests.plain_limits import ERRATA, LIMITS, UNSHOWN


def test_every_feature_has_its_calls() -> None:
    """But what no release has, which the data leave out."""
    released = {name for name, bit in table.FEATURES.items() if bit.since <= table.RELEASED}
    assert ASKED.keys() == released


def test_every_limit_and_erratum_has_its_calls() -> None:
    assert LIMITS.keys() | UNSHOWN == table.LIMITS.keys()
    assert ERRATA.keys() == {str(int(number)) for number in table.ERRATA}
