# SPDX-License-Identifier: MIT
"""Before a kernel is blamed: whether the surroundings alone explain what a case came to.

A failed set-up or control is theirs if what the target stands on explains it. An expected success
that was denied has a control as well, which costs nothing as long as the kernel is right: the case
is run once more with no domain enforced. If the same call is denied then, too, it was not Landlock.
"""

from __future__ import annotations

import msgspec
import pytest

from suite.judge.causes import certain_cause, likely_cause
from suite.judge.expectation import Expectation
from suite.judge.outcome import Denied, Outcome, Rejected, Seen
from suite.judge.records import CaseRecord, Facts, Verdict
from suite.judge.verdict import Judgement
from suite.process.process import Enforcer, Observation
from suite.process.promise import CallError
from suite.targets.filesystems import FileSystem

_OF_LANDLOCK = {"EACCES", "EPERM", "EXDEV"}
"""What Landlock denies with (Documentation/userspace-api/landlock.rst)."""
JUDGEMENT = pytest.StashKey[Judgement]()
"""What an item came to."""
JUDGED = pytest.StashKey[tuple[Observation | Outcome, Observation | Outcome | None]]()
"""What was judged of it: what was observed, and the control."""
EXPECTATION = pytest.StashKey[Expectation]()
"""What it was held against."""
CONTROL = pytest.StashKey[Outcome | None]()
"""What the control came to."""
MOUNTS = pytest.StashKey[list[FileSystem]]()
"""The file systems that it was told the places of."""
SPENT = pytest.StashKey[bool]()
"""Whether the process of an item can serve no other one."""
BARE = pytest.StashKey[bool]()
"""Set of an item while it runs without any domain."""
ENFORCER = pytest.StashKey[Enforcer]()
"""Who makes the domains of an item while it runs; not set if the case does."""
LOST = pytest.StashKey[bool]()
"""Set of an item if its target was lost while somebody else made the domains."""
TRACED = pytest.StashKey[bool]()
"""Set of a run whose calls are kept: its cases have no more around them than they need."""
CAME_TO = pytest.StashKey[Outcome]()
"""What such a run observed."""
DENIED_CALL = pytest.StashKey[str]()
"""The name of the call whose failure was observed."""


def excuse(error: CallError, facts: Facts) -> str:
    """Why the set-up failed, if the kernel is not to blame nor are we; or empty."""
    return likely_cause(facts, *error.cause)


def excuse_judgement(
    judgement: Judgement,
    facts: Facts,
    observed: Observation | Outcome,
    control: Observation | Outcome | None,
) -> str:
    """Why a judgement says nothing about the kernel; or empty."""
    if judgement.verdict is Verdict.BROKEN and control is not None:
        return _why(control, facts, likely=True)
    if judgement.verdict is Verdict.DEVIATES:
        return _why(observed, facts, likely=False)
    return ""


def _why(came_to: Observation | Outcome, facts: Facts, *, likely: bool) -> str:
    cause = likely_cause if likely else certain_cause
    outcome = came_to.outcome if isinstance(came_to, Observation) else came_to
    match outcome:
        case Rejected(syscall, errno):
            return cause(facts, f"landlock_{syscall}", errno)
        case Denied(errno):
            return cause(facts, denied_call(came_to), errno)
        case Seen(what) if likely and facts.standing.confinements:
            return f"shows {what} without a domain as well: {facts.standing.confinements[0]}"
        case _:
            return ""


def denied_call(came_to: Observation | Outcome) -> str:
    """The name of the call that failed, if there is one."""
    if not isinstance(came_to, Observation):
        return ""
    return next((call.name for call in came_to.calls if call.record and call.failure), "")


def is_in_doubt(judgement: Judgement | None) -> bool:
    """Whether a kernel is blamed for a denial that it did not owe: then a control is owed."""
    if judgement is None or judgement.verdict is not Verdict.DEVIATES:
        return False
    match judgement.observed, judgement.expected:
        case Denied(observed), Denied(expected):
            return observed in _OF_LANDLOCK and expected not in _OF_LANDLOCK
        case Denied(), Rejected():
            return False
        case observed, _:
            return isinstance(observed, Denied)


def acquit(record: CaseRecord, facts: Facts, call: str) -> CaseRecord:
    """The record of a case that came to the same without Landlock."""
    assert isinstance(record.observed, Denied)  # noqa: S101 (it was in doubt)
    why = likely_cause(facts, call, record.observed.errno)
    verdict = Verdict.SKIPPED if why else Verdict.BROKEN
    reason = (
        why or f"without Landlock, {f'{call}(2)' if call else 'it'} gives {record.observed}, too"
    )
    return msgspec.structs.replace(record, verdict=verdict, reason=reason, bug="")
