# SPDX-License-Identifier: MIT
"""How a record travels: with pytest's report of a test, as a user property."""

from __future__ import annotations

import msgspec
import pytest

from suite.judge.records import Envelope

RECORD = "landproof"
"""The name of the property."""


def enclose(report: pytest.TestReport, envelope: Envelope) -> None:
    """Attach an envelope, in place of one that is there."""
    others = [(key, value) for key, value in report.user_properties if key != RECORD]
    report.user_properties[:] = [*others, (RECORD, msgspec.json.encode(envelope).decode())]


def opened(report: pytest.TestReport) -> Envelope | None:
    """The envelope that travelled with a report; None if the report is not about a case."""
    # The report on a file that can't be collected has no properties.
    for key, text in getattr(report, "user_properties", ()):
        if key == RECORD:
            return msgspec.json.decode(text, type=Envelope)
    return None
