# SPDX-License-Identifier: MIT
"""Verdicts: the whole table."""

import pytest
from msgspec.structs import replace

from suite.judge.expectation import ByBug, ByErratum, Either, Expectation, always, since
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected, Seen
from suite.judge.records import Facts, Verdict
from suite.judge.verdict import judge
from suite.landlock.abi import FS, SCOPE, Erratum
from suite.landlock.bugs import SIGIO_BYPASS
from suite.run.setting import explain

YES, NO, OTHER = Allowed(), Denied("EACCES"), Denied("EPERM")
ERRATUM = Erratum.SCOPED_SIGNAL_HANDLING
PLAIN = since(SCOPE.SIGNAL, NO)
FIXED = since(SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=NO))
BUGGY = since(SCOPE.SIGNAL, ByBug(SIGIO_BYPASS, before=YES, after=NO))
EITHER = since(SCOPE.SIGNAL, Either(NO, YES))
E2BIG = Rejected("create_ruleset", "E2BIG")
EINVAL = Rejected("create_ruleset", "EINVAL")
ENOSYS = Rejected("create_ruleset", "ENOSYS")
EOPNOTSUPP = Rejected("create_ruleset", "EOPNOTSUPP")


def facts(abi: int, errata: int | None = 0, missing: str | None = None) -> Facts:
    """Of a kernel of this ABI version."""
    return Facts(release="r", version="v", machine="m", abi=abi, errata=errata, missing=missing)


TABLE: dict[str, tuple[Expectation, Facts, Outcome, Verdict]] = {
    "as-promised": (PLAIN, facts(6), NO, Verdict.CONFORMS),
    "as-promised-newer-than-known": (PLAIN, facts(99), NO, Verdict.CONFORMS),
    "not-restricted": (PLAIN, facts(6), YES, Verdict.DEVIATES),
    "another-errno": (PLAIN, facts(6), OTHER, Verdict.DEVIATES),
    "claimed-but-rejected": (PLAIN, facts(6), EINVAL, Verdict.DEVIATES),
    "absent": (PLAIN, facts(5), E2BIG, Verdict.ABSENT),
    "absent-with-another-errno": (PLAIN, facts(5), EINVAL, Verdict.DEVIATES),
    "unclaimed-but-there": (PLAIN, facts(5), NO, Verdict.DEVIATES),
    "no-landlock": (PLAIN, facts(0, None, "ENOSYS"), ENOSYS, Verdict.ABSENT),
    "disabled-at-boot": (PLAIN, facts(0, None, "EOPNOTSUPP"), EOPNOTSUPP, Verdict.ABSENT),
    "disabled-inconsistently": (PLAIN, facts(0, None, "EOPNOTSUPP"), ENOSYS, Verdict.DEVIATES),
    "no-landlock-but-there": (PLAIN, facts(0, None, "ENOSYS"), NO, Verdict.DEVIATES),
    "always": (always(YES), facts(0, None, "ENOSYS"), YES, Verdict.CONFORMS),
    "erratum-claimed": (FIXED, facts(6, 0b10), NO, Verdict.CONFORMS),
    "erratum-claimed-not-fixed": (FIXED, facts(6, 0b10), YES, Verdict.DEVIATES),
    "erratum-unclaimed": (FIXED, facts(6, 0b1), YES, Verdict.UNFIXED),
    "erratum-unclaimed-but-fixed": (FIXED, facts(6, 0b1), NO, Verdict.CONFORMS),
    "erratum-unclaimed-something-else": (FIXED, facts(6, 0b1), OTHER, Verdict.DEVIATES),
    "no-errata-interface": (FIXED, facts(6, None), YES, Verdict.UNFIXED),
    "no-errata-interface-but-fixed": (FIXED, facts(6, None), NO, Verdict.CONFORMS),
    "no-errata-interface-something-else": (FIXED, facts(6, None), OTHER, Verdict.DEVIATES),
    "erratum-of-what-is-absent": (FIXED, facts(5, None), E2BIG, Verdict.ABSENT),
    "bug-fixed": (BUGGY, facts(6), NO, Verdict.CONFORMS),
    "bug": (BUGGY, facts(6), YES, Verdict.DEVIATES),
    "bug-something-else": (BUGGY, facts(6), OTHER, Verdict.DEVIATES),
    "one-of-either": (EITHER, facts(6), NO, Verdict.CONFORMS),
    "other-of-either": (EITHER, facts(6), YES, Verdict.CONFORMS),
    "none-of-either": (EITHER, facts(6), OTHER, Verdict.DEVIATES),
    "either-of-what-is-absent": (EITHER, facts(5), YES, Verdict.DEVIATES),
    "value": (always(Allowed(3)), facts(6), Allowed(3), Verdict.CONFORMS),
    "another-value": (always(Allowed(3)), facts(6), Allowed(4), Verdict.DEVIATES),
    "seen": (always(Seen("3")), facts(6), Seen("3"), Verdict.CONFORMS),
    "seen-other": (always(Seen("3")), facts(6), Seen("4"), Verdict.DEVIATES),
    "seen-is-not-allowed": (always(Seen("3")), facts(6), Allowed(3), Verdict.DEVIATES),
}


@pytest.mark.parametrize(
    ("expectation", "kernel", "observed", "verdict"), TABLE.values(), ids=TABLE
)
@pytest.mark.parametrize("control", [None, YES, Allowed(7)], ids=["", "control", "value"])
def test_table(
    expectation: Expectation,
    kernel: Facts,
    observed: Outcome,
    verdict: Verdict,
    control: Outcome | None,
) -> None:
    judgement = judge(expectation, kernel, observed, control)
    assert judgement.verdict == verdict
    assert judgement.observed == observed
    assert (judgement.expected == observed) == (verdict != Verdict.DEVIATES)
    assert judgement.clause in list(expectation)


@pytest.mark.parametrize("control", [NO, Denied("ENOENT"), EINVAL, Seen("no error")])
@pytest.mark.parametrize("observed", [YES, NO, OTHER])
def test_without_its_control_nothing_is_said(control: Outcome, observed: Outcome) -> None:
    """A denial proves nothing if the action fails anyway; nor does a success."""
    judgement = judge(PLAIN, facts(6), observed, control)
    assert judgement.verdict == Verdict.BROKEN
    assert judgement.reason == f"the control came to {control}"


def test_a_control_in_a_domain_is_refused_with_it() -> None:
    """A control with a rule needs a ruleset too: on kernels without it both are refused."""
    assert judge(PLAIN, facts(5), E2BIG, control=E2BIG).verdict == Verdict.ABSENT
    assert judge(PLAIN, facts(6), EINVAL, control=EINVAL).verdict == Verdict.DEVIATES
    assert judge(PLAIN, facts(5), E2BIG, control=EINVAL).verdict == Verdict.BROKEN


def test_a_known_bug_is_named_and_only_it() -> None:
    assert judge(BUGGY, facts(6), YES).bug == f"looks like {SIGIO_BYPASS}"
    assert judge(BUGGY, facts(6), OTHER).bug == ""
    assert judge(BUGGY, facts(6), NO).bug == ""
    assert judge(BUGGY, facts(5), YES).bug == ""


@pytest.mark.parametrize("release", ["6.16.12", "6.12.117+deb13-amd64", "5.14.0-611.el9", "r"])
def test_a_release_changes_the_name_and_never_the_verdict(release: str) -> None:
    judgement = judge(BUGGY, replace(facts(6), release=release), YES)
    assert judgement.verdict == Verdict.DEVIATES
    assert judgement.expected == NO
    assert judgement.bug == SIGIO_BYPASS.seen_on(release, "v")


def test_a_fix_without_the_interface_is_held_to_the_clause_of_the_fix() -> None:
    judgement = judge(FIXED, facts(6, None), NO)
    assert judgement.clause.fixed == ERRATUM
    assert judgement.expected == NO


def test_a_fix_that_is_not_claimed_is_good_and_said() -> None:
    judgement = judge(FIXED, facts(6, 0b1), NO)
    assert (judgement.verdict, judgement.expected) == (Verdict.CONFORMS, NO)
    assert str(judgement.clause) == "ABI 6+, erratum 2 fixed"
    assert judgement.reason == "erratum 2 is fixed, not claimed"
    assert judge(FIXED, facts(6, None), NO).reason == ""  # there it can't be claimed


def test_a_claim_without_the_fix_is_said() -> None:
    judgement = judge(FIXED, facts(6, 0b10), YES)
    assert (judgement.verdict, judgement.expected) == (Verdict.DEVIATES, NO)
    assert judgement.reason == "erratum 2 is claimed, not fixed"
    assert judge(FIXED, facts(6, 0b10), OTHER).reason == ""  # not what it was before the fix


def test_why_a_verdict_is_bad_is_told() -> None:
    expected = "expected EACCES (ABI 6+, erratum 2 fixed), observed allowed"
    lines = explain(judge(FIXED, facts(6, 0b10), YES)).splitlines()
    assert lines == [expected, "erratum 2 is claimed, not fixed"]
    buggy = explain(judge(BUGGY, replace(facts(6), release="6.16.12"), YES))
    assert buggy == f"expected EACCES (ABI 6+), observed allowed\nknown bug: {SIGIO_BYPASS}"
    either = explain(judge(EITHER, facts(6), OTHER))
    assert either == "expected EACCES (ABI 6+, or allowed), observed EPERM"
    assert explain(judge(PLAIN, facts(6), NO, NO)) == "broken: the control came to EACCES"


def test_the_fix_of_the_right_stage_is_looked_for() -> None:
    """Two stages with the same erratum and other outcomes."""
    stages = since(
        FS.EXECUTE,
        ByErratum(ERRATUM, before=YES, after=NO),
        (SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=OTHER)),
    )
    assert judge(stages, facts(3, None), NO).verdict == Verdict.CONFORMS
    assert judge(stages, facts(7, None), NO).verdict == Verdict.DEVIATES
    assert judge(stages, facts(7, None), OTHER).verdict == Verdict.CONFORMS
