# SPDX-License-Identifier: MIT
"""A case under a client: run once more, in the domains that the client makes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from suite.judge.enforced import ClientRecord, Enforced, Seen
from suite.judge.outcome import Outcome
from suite.judge.records import Envelope
from suite.process.process import Enforcer
from suite.run.envelopes import enclose, opened
from suite.run.surroundings import CAME_TO, ENFORCER, JUDGEMENT, LOST
from suite.targets.client import Client

Run = Callable[[], object]
"""Runs the item."""


def look(
    item: pytest.Item, by: Client, abi: int, reports: list[pytest.TestReport], run: Run
) -> None:
    """Add to a case's record what the client makes of it."""
    envelopes = [(report, envelope) for report in reports if (envelope := opened(report))]
    for report, envelope in envelopes:
        enclose(report, _with(envelope, _record(item, by, abi, run)))


def _with(envelope: Envelope, record: ClientRecord) -> Envelope:
    case = msgspec.structs.replace(envelope.case, client=record)
    return msgspec.structs.replace(envelope, case=case)


def _record(item: pytest.Item, by: Client, abi: int, run: Run) -> ClientRecord:
    judgement = item.stash.get(JUDGEMENT, None)
    if judgement is None or not judgement.verdict.judged:
        return ClientRecord(enforced=Enforced.NOT_SHOWN)
    assert judgement.expected is not None  # noqa: S101 (it was judged)
    assert judgement.observed is not None  # noqa: S101 (it was judged)
    by.begin()
    came = _came_to(item, by, run)
    if item.stash.get(LOST, False):
        del item.stash[LOST]
        return ClientRecord(enforced=Enforced.NOT_SHOWN, reason="the target was lost meanwhile")
    again = by.again()
    seen = Seen(
        expected=judgement.expected,
        own=judgement.observed,
        came=came,
        abi=abi,
        again=lambda: _came_to(item, again, run),
    )
    return by.found(seen)


def _came_to(item: pytest.Item, enforcer: Enforcer, run: Run) -> Outcome | None:
    """What the case observes in domains that somebody else makes; None if it breaks before."""
    item.stash[ENFORCER] = enforcer
    try:
        run()
    finally:
        del item.stash[ENFORCER]
    return item.stash.get(CAME_TO, None)
