# SPDX-License-Identifier: MIT
"""What known bugs mean, in a sentence."""

import pytest
from msgspec.structs import replace

from reports import risk
from suite.judge.outcome import Allowed
from suite.judge.records import TargetRecord, Verdict
from suite.landlock.bugs import AUDIT_WITHOUT_SOCKET, BUGS, LOG_SUBDOMAINS_ON, TCP_FAST_OPEN_BYPASS
from tests.report_miniatures import contradicted_bug, kernel, known_bug, looks_like_bug


def seen(release: str, *bugs: str) -> TargetRecord:
    """A kernel on which these bugs were seen, each by two cases."""
    target = kernel("k", release, 7)
    shown = [
        replace(case, verdict=Verdict.DEVIATES, observed=Allowed(), bug=bug)
        for case, bug in zip(target.cases, (*bugs, *bugs), strict=False)
    ]
    return replace(target, cases=shown)


def told(target: TargetRecord) -> str:
    return risk.told(risk.sightings(target.cases), target.facts) if target.facts else ""


def test_the_worst_is_told_first_and_with_its_fix_for_this_series() -> None:
    bugs = (LOG_SUBDOMAINS_ON, AUDIT_WITHOUT_SOCKET, TCP_FAST_OPEN_BYPASS)
    assert told(seen("6.18.15", *map(str, bugs))) == (
        "3 known bugs: 1 lets a sandbox escape (TCP Fast Open connects to any port, fixed in 7.2 "
        "and 6.12.112, in no 6.18), 2 are about the log only (audit-without-socket, "
        "log-subdomains-on)"
    )


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_is_told(name: str) -> None:
    assert told(seen("6.1.1", str(BUGS[name]))).startswith("1 known bug ")
    sentence = told(seen("6.1.1", str(BUGS[name])))
    assert name in sentence or BUGS[name].does in sentence


def test_nothing_is_told_where_no_known_bug_was_seen() -> None:
    assert told(seen("6.18.15")) == ""
    assert told(replace(seen("6.18.15", str(TCP_FAST_OPEN_BYPASS)), facts=None)) == ""
    assert told(kernel("k", "7.0.2", 8, change=contradicted_bug)) == ""


def test_a_likeness_and_a_stranger_are_told_as_such() -> None:
    assert "looks like " in told(kernel("k", "7.0", 8, change=looks_like_bug))
    assert "looks like " not in told(kernel("k", "7.0", 8, change=known_bug))
    assert told(seen("6.18.15", 'of-tomorrow: "landlock: Mend it", fixed in 9.1')) == (
        "1 known bug is not known to this landproof (of-tomorrow)"
    )
