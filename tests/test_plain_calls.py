# SPDX-License-Identifier: MIT
"""The tables of plain calls leave no cell of the compatibility data out."""

from suite.landlock import abi as table
from tests.plain_features import ASKED
from tests.plain_limits import ERRATA, LIMITS, UNSHOWN


def test_every_feature_has_its_calls() -> None:
    assert ASKED.keys() == table.FEATURES.keys()


def test_every_limit_and_erratum_has_its_calls() -> None:
    assert LIMITS.keys() | UNSHOWN == table.LIMITS.keys()
    assert ERRATA.keys() == {str(int(number)) for number in table.ERRATA}
