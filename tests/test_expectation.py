# SPDX-License-Identifier: MIT
"""Expectations: total, without overlap, and what kernels without a feature owe."""

from collections.abc import Iterable

import pytest

from suite.judge.expectation import (
    ByBug,
    ByErratum,
    Clause,
    Either,
    Expectation,
    ExpectationError,
    always,
    by_abi,
    claimed_errata,
    owed_outcome,
    since,
)
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected
from suite.judge.records import Facts
from suite.landlock.abi import (
    ABIS,
    ADD_RULE,
    FEATURES,
    FS,
    LANDLOCK,
    NET,
    NEWEST,
    PERMISSION,
    RESTRICT,
    SCOPE,
    Erratum,
    Feature,
)
from suite.landlock.bugs import SIGIO_BYPASS
from suite.landlock.changes import Change, Start

YES, NO = Allowed(), Denied("EACCES")
ENOSYS = Rejected("create_ruleset", "ENOSYS")
E2BIG = Rejected("create_ruleset", "E2BIG")
EINVAL = Rejected("create_ruleset", "EINVAL")
BAD_FLAG = Rejected("restrict_self", "EINVAL")
ERRATUM = Erratum.SCOPED_SIGNAL_HANDLING
OFF = Clause(None, until=LANDLOCK)
CHANGE = Change(5, "6.9", "0123456789ab", "landlock: Change something")


def facts(abi: int, errata: int | None = 0, missing: str | None = None) -> Facts:
    """Of a kernel of this ABI version."""
    return Facts(release="r", version="v", machine="m", abi=abi, errata=errata, missing=missing)


def owed(expectation: Expectation, abi: int) -> Outcome:
    kernel = facts(abi, missing=None if abi else "ENOSYS")
    return owed_outcome(expectation.under(kernel), kernel)


# Total, and without overlap


@pytest.mark.parametrize(
    ("clauses", "complaint"),
    [
        ([], r"0 clauses cover ABI 0 with errata \[\]"),
        ([OFF, Clause(YES, LANDLOCK, ABIS[5]), Clause(NO, ABIS[6])], "0 clauses cover ABI 5"),
        ([OFF, Clause(YES, LANDLOCK, ABIS[5]), Clause(NO, ABIS[4])], "2 clauses cover ABI 4"),
        ([Clause(YES), Clause(NO, ABIS[NEWEST])], f"2 clauses cover ABI {NEWEST}"),
        ([Clause(YES, LANDLOCK)], "0 clauses cover ABI 0"),
        ([Clause(YES, until=ABIS[NEWEST])], f"0 clauses cover ABI {NEWEST}"),
        ([Clause(YES, fixed=ERRATUM)], r"0 clauses cover ABI 0 with errata \[\]"),
        ([Clause(YES, unfixed=ERRATUM)], r"0 clauses cover ABI 0 with errata \[.*2.*\]"),
        ([Clause(YES), Clause(NO, fixed=ERRATUM)], "2 clauses cover ABI 0 with errata"),
        (
            [Clause(YES, fixed=ERRATUM), Clause(NO, unfixed=Erratum.WHITEOUT_OBJECTS)],
            "clauses cover ABI 0",
        ),
    ],
)
def test_gaps_and_overlaps_are_errors(clauses: Iterable[Clause], complaint: str) -> None:
    with pytest.raises(ExpectationError, match=complaint):
        Expectation(*clauses)


def test_a_whole_expectation_is_none() -> None:
    expectation = Expectation(
        OFF,
        Clause(YES, LANDLOCK, SCOPE.SIGNAL),
        Clause(YES, SCOPE.SIGNAL, unfixed=ERRATUM),
        Clause(NO, SCOPE.SIGNAL, fixed=ERRATUM),
    )
    assert len(list(expectation)) == 4


# Where it changes has a name


@pytest.mark.parametrize("number", [0, 5, NEWEST])
def test_no_clause_begins_or_ends_at_a_number(number: int) -> None:
    with pytest.raises(ExpectationError, match=f"^{number} does not say what changed there$"):
        Clause(YES, since=number)  # type: ignore[arg-type]
    with pytest.raises(ExpectationError, match="does not say what changed there"):
        Clause(YES, until=number)  # type: ignore[arg-type]
    with pytest.raises(ExpectationError, match="does not say what changed there"):
        since(FS.EXECUTE, NO, (number, YES))  # type: ignore[arg-type]


@pytest.mark.parametrize("start", [FS.IOCTL_DEV, ABIS[5], CHANGE], ids=["right", "ABI", "change"])
def test_a_clause_begins_with_a_feature_a_version_or_a_change(start: Start) -> None:
    assert str(Clause(YES, start)) == "ABI 5+"
    expectation = since(FS.EXECUTE, NO, (start, YES))
    assert [owed(expectation, abi) for abi in (4, 5)] == [NO, YES]


def test_a_function_of_the_version_changes_with_what_is_named_only() -> None:
    assert by_abi(lambda abi: YES if abi >= 5 else NO, FS.IOCTL_DEV, FS.REFER)
    with pytest.raises(ExpectationError, match="no named step makes it allowed from ABI 5 on"):
        by_abi(lambda abi: YES if abi >= 5 else NO, FS.REFER)


# What each ABI version owes: {feature: {first ABI version: outcome}}, written by hand

TRUTH: list[tuple[Feature | tuple[Feature, ...], dict[int, Outcome]]] = [
    (FS.EXECUTE, {0: ENOSYS, 1: NO}),
    (FS.REFER, {0: ENOSYS, 1: EINVAL, 2: NO}),
    (FS.TRUNCATE, {0: ENOSYS, 1: EINVAL, 3: NO}),
    (FS.IOCTL_DEV, {0: ENOSYS, 1: EINVAL, 5: NO}),
    (FS.RESOLVE_UNIX, {0: ENOSYS, 1: EINVAL, 9: NO}),
    (FS.READ_FILE | FS.TRUNCATE, {0: ENOSYS, 1: EINVAL, 3: NO}),
    (NET.BIND_TCP, {0: ENOSYS, 1: E2BIG, 4: NO}),
    (NET.CONNECT_TCP, {0: ENOSYS, 1: E2BIG, 4: NO}),
    (NET.BIND_UDP, {0: ENOSYS, 1: E2BIG, 4: EINVAL, 10: NO}),
    (NET.CONNECT_SEND_UDP, {0: ENOSYS, 1: E2BIG, 4: EINVAL, 10: NO}),
    (SCOPE.SIGNAL, {0: ENOSYS, 1: E2BIG, 6: NO}),
    (SCOPE.ABSTRACT_UNIX_SOCKET, {0: ENOSYS, 1: E2BIG, 6: NO}),
    (RESTRICT.LOG_NEW_EXEC_ON, {0: ENOSYS, 1: BAD_FLAG, 7: NO}),
    (RESTRICT.TSYNC, {0: ENOSYS, 1: BAD_FLAG, 8: NO}),
    (RESTRICT.NO_NEW_PRIVS, {0: ENOSYS, 1: BAD_FLAG, 11: NO}),
    (PERMISSION.NAMESPACE_USE, {0: ENOSYS, 1: E2BIG, 12: NO}),
    ((FS.RESOLVE_UNIX, PERMISSION.CAPABILITY_USE), {0: ENOSYS, 1: E2BIG, 12: NO}),
    ((RESTRICT.NO_NEW_PRIVS, PERMISSION.CAPABILITY_USE), {0: ENOSYS, 1: E2BIG, 12: NO}),
    # A quiet rule goes with a ruleset whose quiet fields came with it.
    (ADD_RULE.QUIET, {0: ENOSYS, 1: E2BIG, 10: NO}),
    # Several: the size is looked at first, then the bits, then rules, then flags.
    ((FS.READ_FILE, RESTRICT.TSYNC), {0: ENOSYS, 1: BAD_FLAG, 8: NO}),
    ((FS.TRUNCATE, RESTRICT.TSYNC), {0: ENOSYS, 1: EINVAL, 3: BAD_FLAG, 8: NO}),
    ((FS.TRUNCATE, NET.BIND_TCP), {0: ENOSYS, 1: E2BIG, 4: NO}),
    ((FS.IOCTL_DEV, NET.BIND_TCP), {0: ENOSYS, 1: E2BIG, 4: EINVAL, 5: NO}),
    ((FS.RESOLVE_UNIX, SCOPE.SIGNAL), {0: ENOSYS, 1: E2BIG, 6: EINVAL, 9: NO}),
    ((NET.BIND_UDP, RESTRICT.NO_NEW_PRIVS), {0: ENOSYS, 1: E2BIG, 4: EINVAL, 10: BAD_FLAG, 11: NO}),
    ((), {0: ENOSYS, 1: NO}),
]


@pytest.mark.parametrize(("features", "truth"), TRUTH, ids=lambda value: str(value)[:40])
def test_what_kernels_without_a_feature_owe(
    features: Feature | tuple[Feature, ...], truth: dict[int, Outcome]
) -> None:
    expectation = since(features, NO)
    kernels = range(NEWEST + 1)
    expected = {abi: truth[max(start for start in truth if start <= abi)] for abi in kernels}
    assert {abi: owed(expectation, abi) for abi in kernels} == expected


@pytest.mark.parametrize("feature", FEATURES.values(), ids=FEATURES)
def test_every_feature_is_refused_before_its_version_and_kept_from_there(
    feature: Feature,
) -> None:
    expectation = since(feature, NO)
    for abi in (0, *ABIS):
        clause = expectation.under(facts(abi))
        assert clause.absent == (abi < feature.since)
        assert isinstance(owed(expectation, abi), Rejected) == (abi < feature.since)


def test_no_landlock_is_told_as_the_kernel_tells_it() -> None:
    clause = since(FS.EXECUTE, NO).under(facts(0))
    for missing in ("ENOSYS", "EOPNOTSUPP", "EPERM"):
        kernel = facts(0, missing=missing)
        assert owed_outcome(clause, kernel) == Rejected("create_ruleset", missing)
    assert owed_outcome(clause, facts(0)) == ENOSYS


def test_a_later_version_may_change_the_outcome() -> None:
    expectation = since(FS.REFER, YES, (NET.BIND_TCP, NO), (ABIS[7], Denied("EXDEV")))
    outcomes = [owed(expectation, abi) for abi in (1, 2, 3, 4, 6, 7, 11)]
    assert outcomes == [EINVAL, YES, YES, NO, NO, Denied("EXDEV"), Denied("EXDEV")]


def test_changes_out_of_order_are_errors() -> None:
    with pytest.raises(ExpectationError):
        since(FS.REFER, YES, (ABIS[7], NO), (ABIS[4], NO))


# Errata and bugs


def test_an_erratum_splits_the_kernels_by_their_claim() -> None:
    expectation = since(SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=NO))
    claimed, unclaimed = facts(7, errata=0b10), facts(7, errata=0b1101)
    assert expectation.under(claimed).outcome == NO
    assert expectation.under(claimed).unfixed is None
    assert expectation.under(unclaimed).outcome == YES
    assert expectation.under(unclaimed).unfixed == ERRATUM
    assert expectation.under(facts(7, errata=None)).unfixed == ERRATUM
    assert owed(expectation, 5) == E2BIG


def test_an_erratum_of_one_stage() -> None:
    expectation = since(FS.EXECUTE, YES, (SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=NO)))
    assert expectation.under(facts(5, errata=0b10)).outcome == YES
    assert expectation.under(facts(6, errata=0b10)).outcome == NO


def test_a_bug_is_known_by_name_and_by_what_it_did() -> None:
    clause = since(SCOPE.SIGNAL, ByBug(SIGIO_BYPASS, before=YES, after=NO)).under(facts(6))
    assert (clause.outcome, clause.before, clause.bug) == (NO, YES, SIGIO_BYPASS)
    assert str(clause.bug).startswith("sigio-bypass: ")


def test_newer_kernels_than_known_count_as_the_newest() -> None:
    expectation = since(RESTRICT.NO_NEW_PRIVS, NO)
    assert expectation.under(facts(NEWEST + 30, errata=-1)) == expectation.under(facts(NEWEST))


def test_errata_newer_than_known_change_nothing() -> None:
    expectation = since(SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=NO))
    assert expectation.under(facts(11, errata=1 << 40)).unfixed == ERRATUM


def test_claimed_errata_are_numbered_from_one() -> None:
    assert claimed_errata(0b1011) == (1, 2, 4)
    assert claimed_errata(None) == claimed_errata(0) == ()


def test_by_abi_joins_versions_that_owe_the_same() -> None:
    expectation = by_abi(lambda abi: YES if abi >= 4 else E2BIG, NET.BIND_TCP)
    assert [str(clause) for clause in expectation] == ["no Landlock", "ABI 1 to 3", "ABI 4+"]
    assert [owed(expectation, abi) for abi in (0, 3, 4)] == [ENOSYS, E2BIG, YES]


def test_always_is_owed_without_landlock_too() -> None:
    assert {owed(always(YES), abi) for abi in range(12)} == {YES}


def test_clauses_name_themselves() -> None:
    expectation = since(SCOPE.SIGNAL, ByErratum(ERRATUM, before=YES, after=NO))
    assert [str(clause) for clause in expectation] == [
        "no Landlock",
        "ABI 1 to 5",
        "ABI 6+, erratum 2 not fixed",
        "ABI 6+, erratum 2 fixed",
    ]
    assert str(Clause(YES, ABIS[3], ABIS[4])) == "ABI 3"
    either = since(FS.EXECUTE, Either(NO, YES))
    assert [str(clause) for clause in either] == ["no Landlock", "ABI 1+, or allowed"]
