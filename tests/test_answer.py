# SPDX-License-Identifier: MIT
"""What every report begins with: who is at risk, of what, and what is new."""

import pytest
from msgspec.structs import replace

from reports.answer import Answer, Standing, answer, short_names
from suite.judge.outcome import Allowed
from suite.judge.records import Results, TargetRecord, Verdict
from suite.landlock.abi import ERRATA
from suite.landlock.bugs import (
    AUDIT_WITHOUT_SOCKET,
    BUGS,
    FREED_PARENT,
    SHORT_UNSPEC,
    SIGIO_BYPASS,
    TCP_FAST_OPEN_BYPASS,
    Bug,
    Impact,
)
from tests.report_miniatures import contradicted_bug, kernel, looks_like_bug, panics


def told(*targets: TargetRecord) -> Answer:
    return answer(
        Results(landproof="1", started="2026-11-29T00:00:00", seconds=1, targets=[*targets])
    )


def says(found: Answer) -> tuple[str, ...]:
    return tuple(it.says for it in found.headlines)


def shows(name: str, release: str, *bugs: Bug | str, known: str = "") -> TargetRecord:
    """A kernel whose first cases show these bugs; an empty one stands for none that is known."""
    target = kernel(name, release, 7)
    cases = list(target.cases)
    for place, bug in enumerate(bugs):
        cases[place] = replace(
            cases[place], verdict=Verdict.DEVIATES, observed=Allowed(), bug=str(bug), known=known
        )
    return replace(target, cases=cases)


def test_bugs_come_by_impact_and_each_kernel_is_told_its_own_fix() -> None:
    bugs = (AUDIT_WITHOUT_SOCKET, SHORT_UNSPEC, SIGIO_BYPASS)
    found = told(shows("vm:6.18", "6.18.15", *bugs), shows("vm:6.16", "6.16.1", *bugs[1:]))
    assert [(row.name, [cell.text for cell in row.cells]) for row in found.bugs] == [
        ("sigio-bypass", ["6.18.40", "no fix"]),
        ("short-unspec", ["no fix", "no fix"]),
        ("audit-without-socket", ["6.18.44", "."]),
    ]
    assert found.bugs[0].cells[1].where == "fixed in 6.18.40 and 6.12.101, in no 6.16"
    assert says(found) == ("A sandbox can escape on 6.18, 6.16",)


def test_a_kernel_on_which_no_such_case_was_judged_says_nothing_of_a_bug() -> None:
    calm = kernel("vm:7.3", "7.3.4", 11)
    skipped = [replace(case, verdict=Verdict.SKIPPED) for case in calm.cases]
    row, *_ = told(
        shows("vm:6.18", "6.18.15", SIGIO_BYPASS), calm, replace(calm, name="x", cases=skipped)
    ).bugs
    assert [cell.text for cell in row.cells] == ["6.18.40", ".", ""]


def test_what_no_known_bug_explains_stands_above_all_with_its_command() -> None:
    found = told(shows("vm:7.1", "7.1.3", "", SHORT_UNSPEC))
    assert [(it.targets, len(it.cases)) for it in found.new] == [(("vm:7.1",), 1)]
    case = found.new[0].cases[0]
    assert found.new[0].command == f"landproof repro '{case}' --target vm:7.1"
    assert found.kernels[0].grades[:2] == (Standing.OVERSTATED, Standing.UNEXPLAINED)
    assert "1 new deviation; " in found.kernels[0].sentence
    assert says(found) == (
        "More is claimed than provided on 7.1",
        "New, and explained by no known bug: faults on 7.1; report them",
        "What is allowed is denied on 7.1",
    )


def test_what_is_listed_as_known_is_not_new() -> None:
    found = told(shows("vm:7.1", "7.1.3", "", known="we know (https://example.org)"))
    assert not found.new
    assert "1 case listed as known" in found.kernels[0].sentence


def test_a_bug_that_the_release_can_not_have_is_new() -> None:
    found = told(kernel("vm:7.0", "7.0.2", 8, change=contradicted_bug))
    assert not found.bugs
    assert found.new[0].says.count("looks like ") == 1


def test_a_kernel_that_dies_is_new() -> None:
    found = told(kernel("vm:7.0", "7.0.2", 8, change=panics))
    assert any(it.says.startswith("crashed: the kernel panicked") for it in found.new)
    assert " crashed" in found.kernels[0].sentence


def test_a_kernel_that_dies_of_a_known_bug_is_not() -> None:
    target = kernel("vm:6.18", "6.18.15", 7)
    died = replace(
        target.cases[0],
        verdict=Verdict.CRASHED,
        observed=None,
        reason="the kernel panicked",
        bug=str(FREED_PARENT),
    )
    found = told(replace(target, cases=[died, *target.cases[1:]]))
    assert not found.new
    assert [row.name for row in found.bugs] == ["freed-parent"]
    assert says(found)[0] == "Freed memory is used on 6.18"


@pytest.mark.parametrize("number", ERRATA)
def test_an_erratum_that_is_not_fixed_is_a_known_bug(number: int) -> None:
    target = kernel("local", "6.18.1", 7)
    first = replace(
        target.cases[0], verdict=Verdict.UNFIXED, clause=f"ABI 1+, erratum {number} not fixed"
    )
    found = told(replace(target, cases=[first, *target.cases[1:]]))
    assert [row.name for row in found.bugs] == [f"erratum {number}"]
    assert not found.new


def test_a_kernel_without_a_fault_is_called_calm() -> None:
    found = told(kernel("vm:7.3", "7.3.4", 11))
    assert says(found) == ("No known bug was seen on 7.3",)
    assert found.kernels[0].sentence.endswith("; no known bug was seen")


def test_kernels_without_landlock_and_of_which_nothing_is_known_are_told_apart() -> None:
    bare = kernel("vm:5.10", "5.10.262", 0)
    found = told(kernel("vm:7.3", "7.3.4", 11), bare, TargetRecord(name="vm:9", reason="no room"))
    assert says(found)[-2:] == ("No Landlock on 5.10", "Nothing is known of 9")


def test_likely_bugs_are_told_as_such() -> None:
    row, *_ = told(kernel("k", "7.0", 8, change=looks_like_bug)).bugs
    assert row.cells[0].text == "like"


def test_every_impact_has_a_headline() -> None:
    for impact in Impact:
        bug = next((it for it in BUGS.values() if it.impact is impact), None)
        assert bug, impact
        assert len(told(shows("k", "6.1.1", bug)).headlines) == 1


def test_tcp_fast_open_has_a_workaround_and_links() -> None:
    row, *_ = told(shows("k", "6.18.1", TCP_FAST_OPEN_BYPASS)).bugs
    assert row.bug
    assert "tcp_fastopen=0" in row.bug.workaround
    assert "issue #41" in row.bug.links


def test_names_stay_whole_where_they_would_be_taken_for_each_other() -> None:
    assert short_names(["vm:6.1", "vm:local", "local"]) == ["6.1", "vm:local", "local"]
