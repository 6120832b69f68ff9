# SPDX-License-Identifier: MIT
"""Outcomes: how they print."""

import pytest

from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen

PRINTED: dict[str, Outcome] = {
    "allowed": Allowed(),
    "allowed(0)": Allowed(0),
    "EACCES": Denied("EACCES"),
    "512": Denied("512"),
    "create_ruleset: EINVAL": Rejected("create_ruleset", "EINVAL"),
    "seen(EACCES, no record)": Seen("EACCES, no record"),
}


@pytest.mark.parametrize(("text", "outcome"), PRINTED.items(), ids=PRINTED.keys())
def test_an_outcome_prints_as_reports_write_it(text: str, outcome: Outcome) -> None:
    assert str(outcome) == text
