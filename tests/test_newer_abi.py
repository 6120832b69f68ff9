# SPDX-License-Identifier: MIT
"""A kernel of an ABI version that nobody has described yet: it is run as the newest known one.

The model of the newest version is made to claim the next. So each new version can come: a kernel
that has it, and all that was there before, has no fault, and every line about it says so.
"""

import pytest

from reports.kernel_line import summarize
from suite.cli.run import run
from suite.judge.records import TargetRecord, Verdict
from suite.landlock.abi import CREATE, NEWEST, RELEASED
from suite.model import calls
from suite.model.landlock import Model

QUERY = calls.query


def claims_more(model: Model, flags: int, *, has_attr: bool, size: int) -> int:
    """The ABI version that it claims is one more; all else is as it was."""
    answer = QUERY(model, flags, has_attr=has_attr, size=size)
    return answer + 1 if flags == CREATE.VERSION else answer


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> TargetRecord:
    """What such a kernel comes to."""
    monkeypatch.setattr(calls, "query", claims_more)
    select = "(claims or permissions or syscalls/queries) and not hearsay"
    (target,) = run([f"model:{NEWEST}"], select=select).results.targets
    return target


def test_an_unknown_version_is_run_as_the_newest_known(newer: TargetRecord) -> None:
    assert newer.facts is not None
    assert newer.facts.abi == NEWEST + 1
    faults = {it.id: str(it.observed) for it in newer.cases if it.verdict.bad}
    assert faults == {}
    assert sum(it.verdict is Verdict.CONFORMS for it in newer.cases) > 100


def test_it_is_said_that_it_is_unknown(newer: TargetRecord) -> None:
    line = summarize(newer)
    assert f"claims ABI {NEWEST + 1}" in str(line)
    assert f"provides at least ABI {NEWEST}, the newest that landproof knows" in str(line)
    assert f"ABI {NEWEST + 1} is newer than landproof knows (ABI {NEWEST})" in line.notes


@pytest.mark.skipif(NEWEST == RELEASED, reason="every version that is known has a release")
def test_of_an_upcoming_version_it_is_said_that_it_may_have_changed() -> None:
    (target,) = run([f"model:{NEWEST}"], select="claims/accepted").results.targets
    (note,) = summarize(target).notes
    assert note.startswith(f"landproof knows ABI {NEWEST} from before its release")
