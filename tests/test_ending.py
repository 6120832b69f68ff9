# SPDX-License-Identifier: MIT
"""A tab of GitLab or Jenkins is green exactly if the exit code of the run is 0."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.ending import INTERRUPTED, FailOn, Terms, counts, judged
from reports.merge import merge
from reports.render import render
from reports.required import Required
from reports.results import load, save
from suite.cli.main import main
from suite.errors import Exit
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import (
    NOT_RUN,
    CaseRecord,
    Facts,
    Fault,
    Results,
    TargetRecord,
    Verdict,
)
from suite.judge.standing import Standing
from tests.ci_formats import GREEN, shades
from tests.report_miniatures import BUG, kernel, run

pytestmark = pytest.mark.usefixtures("abi_11")

V = Verdict
NO_FAULT = "no fault was to end the run (--fail-on none)"


def case(name: str, verdict: Verdict, **more: str) -> CaseRecord:
    seen = Allowed() if verdict.judged else None
    expected = Denied(errno="EACCES")
    made = CaseRecord(id=f"fs/a[{name}]", verdict=verdict, expected=expected, observed=seen)
    return replace(made, **more)


GOOD = case("good", V.CONFORMS)
CASE_SETS: list[list[CaseRecord]] = [
    [],
    *([case("it", verdict)] for verdict in V),
    *([GOOD, case("it", verdict)] for verdict in V if verdict is not V.CONFORMS),
    *([GOOD, case("it", it, known="why (link)")] for it in V if it.fault is Fault.KERNELS),
    [GOOD, case("it", V.DEVIATES, bug=BUG)],
    [case("it", V.DEVIATES, known="why"), case("new", V.HUNG), case("ours", V.BROKEN)],
    [case("it", V.SKIPPED, reason=NOT_RUN), GOOD],
]


def target(cases: list[CaseRecord], abi: int = 6) -> TargetRecord:
    return replace(kernel("vm:6.12", "6.12.43", abi), cases=cases)


def facts(missing: str, standing: Standing) -> Facts:
    up = kernel("x", "6.12.43", 0, missing=missing).facts
    assert up
    return replace(up, standing=standing)


STATES = {
    "up": target([]),
    "down": TargetRecord(name="vm:6.12", reason="no agent after 60 s"),
    "not-run": TargetRecord(name="vm:6.12", reason=NOT_RUN),
    "disabled": replace(target([]), facts=facts("EOPNOTSUPP", Standing())),
    "hidden": replace(
        target([]), facts=facts("EPERM", Standing(filtered={"landlock_create_ruleset": "EPERM"}))
    ),
}
BASELINES = {
    "none": None,
    "same": run(target([case("it", V.DEVIATES), case("new", V.HUNG)])),
    "good": run(target([case("it", V.CONFORMS)])),
    "more": run(target([GOOD], abi=7)),
}
SPECIAL = {
    "plain": Terms(),
    "required": Terms(required=Required(abi=7)),
    "stale": Terms(stale=("known.toml: entry 1 expired", "known.toml: entry 2 matched nothing")),
    "interrupted": Terms(ended=INTERRUPTED),
    "lost": Terms(ended="what was not run is lost: internal fault"),
}
OTHER = replace(kernel("vm:7.0", "7.0.2", 8), cases=[GOOD])


def situations() -> Iterator[Results]:
    for state, cases in itertools.product(STATES.values(), CASE_SETS):
        yield run(replace(state, cases=cases))
    for state in STATES.values():
        yield run(replace(state, cases=[case("it", V.SKIPPED)]), OTHER)
        yield run(OTHER, replace(state, cases=[case("it", V.DEVIATES)]))


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("fail_on", FailOn)
def test_it_is_green_exactly_if_the_exit_code_is_0(
    fail_on: FailOn, baseline: str, special: str
) -> None:
    terms = SPECIAL[special]
    held = Terms(
        fail_on=fail_on,
        baseline=BASELINES[baseline],
        required=terms.required,
        stale=terms.stale,
        ended=terms.ended,
    )
    codes = set()
    for results in situations():
        ending = judged(results, held)
        codes.add(ending.code)
        green = ending.code is Exit.CONFORMS
        assert shades(ending.results) == dict.fromkeys(GREEN, green), (results, ending.code)
    always = held.ended or held.required or (held.stale and fail_on is not FailOn.NONE)
    worse = fail_on is FailOn.REGRESSION and baseline == "more"
    assert (Exit.CONFORMS in codes) != bool(always or worse)
    assert len(codes) > 1 or held.ended


def test_without_anything_said_known_faults_are_excused() -> None:
    known = case("it", V.DEVIATES, known="why (link)")
    assert all(shades(run(target([GOOD, known]))).values())
    assert not any(shades(run(target([GOOD, known, case("new", V.DEVIATES)]))).values())


def test_what_is_excused_says_why() -> None:
    cases = [case("it", V.DEVIATES, bug=BUG), case("new", V.HUNG), case("known", V.CRASHED)]
    cases[2] = replace(cases[2], known="why (link)")
    before = judged(run(target(cases[:1])), Terms()).results
    for terms, reasons in (
        (Terms(), ["", "", ""]),
        (
            Terms(fail_on=FailOn.REGRESSION, baseline=before),
            ["the baseline shows the same", "", "why (link)"],
        ),
        (Terms(fail_on=FailOn.NONE), [NO_FAULT, NO_FAULT, "why (link)"]),
    ):
        ended = judged(run(target(cases)), terms).results
        assert [it.excused for it in ended.targets[0].cases] == reasons
        assert [counts(it) for it in ended.targets[0].cases] == [not it for it in reasons]
    text = render(ended, "junit")
    assert f'type="excused" message="excused: {NO_FAULT}; known bug cred-transfer; ' in text
    assert 'type="known" message="known: why (link); ' in text
    assert f"ok 1 it # XFAIL {NO_FAULT}" in render(ended, "ktap")


def test_complaints_are_told_in_their_place() -> None:
    terms = Terms(required=Required(abi=7), stale=("a", "b"), ended="lost it")
    ended = judged(run(target([GOOD])), terms).results
    text = render(ended, "ktap")
    assert "  not ok 1 run/ended # ERROR\n" in text
    assert "# reason: a\n  #   b\n  not ok 2 run/known\n" in text
    assert "  # reason: vm:6.12: requires ABI 7: claims ABI 6\n" in text
    lines = [line for line in text.splitlines() if line.startswith(("ok", "not ok"))]
    assert lines == ["not ok 1 run", "not ok 2 vm:6.12"]


def test_files_keep_what_the_run_came_to(tmp_path: Path) -> None:
    terms = Terms(fail_on=FailOn.NONE, required=Required(abi=7))
    one = judged(run(target([case("it", V.DEVIATES)])), terms).results
    two = judged(run(OTHER), Terms(ended=INTERRUPTED)).results
    save(tmp_path / "one.json", one)
    assert load(tmp_path / "one.json") == one
    both = merge({"one": one, "two": two})
    assert [it.id for it in both.complaints or ()] == ["target/required", "run/ended"]
    assert not any(shades(both).values())
    # Held against something else, it stays interrupted.
    assert judged(both, Terms(fail_on=FailOn.NONE)).code is Exit.INTERRUPTED


HELD = {
    "plain": ([], None),
    "deviation": (["--fail-on=deviation"], Exit.DEVIATES),
    "none": (["--fail-on=none"], Exit.CONFORMS),
    "baseline": (["--baseline=same.json"], Exit.CONFORMS),
    "worse": (["--baseline=more.json"], Exit.DEVIATES),
    "required": (["--fail-on=none", "--require-abi=7"], Exit.DEVIATES),
}


@pytest.mark.parametrize("how", HELD)
def test_a_report_that_is_held_against_something(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    held = [case("it", V.DEVIATES)]
    save(Path("r.json"), judged(run(target(held)), Terms()).results)
    save(Path("same.json"), run(target(held)))
    save(Path("more.json"), run(target(held, abi=7)))
    options, code = HELD[how]
    for name, green in GREEN.items():
        ended = main(["report", "r.json", *options, f"--format={name}"])
        assert ended == (code or Exit.CONFORMS)
        # A report that is held against nothing tells how the run has ended.
        assert green(capsys.readouterr().out) == (code == Exit.CONFORMS)
