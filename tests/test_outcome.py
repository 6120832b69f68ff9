# SPDX-License-Identifier: MIT
"""Outcomes: how they print, and what is none."""

import errno

import pytest

from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen, errno_name

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


@pytest.mark.parametrize("number", [*errno.errorcode, 512, 524])
def test_whatever_a_kernel_answers_is_an_errno(number: int) -> None:
    assert Denied(errno_name(number)).errno == errno_name(number)


@pytest.mark.parametrize("text", ["", "no error", "EACCESS", "eacces", "EWOULDBLOCK", "-13"])
def test_what_is_no_errno_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is no errno"):
        Denied(text)
