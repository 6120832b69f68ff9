# SPDX-License-Identifier: MIT
"""What changed between two runs, and the verbs ``diff`` and ``report``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports import words
from reports.diff import Diff, Kind, compare
from reports.render import formats, render, render_diff
from reports.results import save
from suite.cli import diff as verb
from suite.cli import report
from suite.errors import Exit, UsageError
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.report_miniatures import (
    EINVAL,
    kernel,
    lacks_signal,
    later,
    never_came_up,
    run,
    silent_claims,
    zoo,
)

pytestmark = pytest.mark.usefixtures("abi_11")
EACCES = Denied(errno="EACCES")
V = Verdict


def case(
    verdict: Verdict,
    observed: Outcome | None = EACCES,
    expected: Outcome | None = EACCES,
    *,
    name: str = "fs/a[b]",
    bug: str = "",
    reason: str = "",
) -> CaseRecord:
    return CaseRecord(
        id=name,
        verdict=verdict,
        observed=observed,
        expected=expected,
        bug=bug,
        reason=reason,
    )


def one(*cases: CaseRecord, abi: int = 6, errata: int | None = 0b11) -> Results:
    """A run of one target with these cases only."""
    return run(replace(kernel("vm:k", "6.12", abi, errata), cases=[*cases]))


KINDS = {
    "same": (case(V.CONFORMS), case(V.CONFORMS), None),
    "other-reason": (case(V.LOST, reason="a"), case(V.LOST, reason="b"), None),
    "good-to-deviates": (case(V.CONFORMS), case(V.DEVIATES, Allowed()), Kind.REGRESSION),
    "good-to-crashed": (case(V.ABSENT), case(V.CRASHED, None), Kind.REGRESSION),
    "good-to-hung": (case(V.UNFIXED), case(V.HUNG, None), Kind.REGRESSION),
    "good-to-lost": (case(V.CONFORMS), case(V.LOST, None), Kind.REGRESSION),
    "good-to-broken": (case(V.CONFORMS), case(V.BROKEN, None), Kind.REGRESSION),
    "deviates-to-crashed": (
        case(V.DEVIATES, Allowed()),
        case(V.CRASHED, None),
        Kind.REGRESSION,
    ),
    "deviates-to-good": (case(V.DEVIATES, Allowed()), case(V.CONFORMS), Kind.FIXED),
    "lost-to-good": (case(V.LOST, None), case(V.ABSENT), Kind.FIXED),
    "good-to-skipped": (case(V.CONFORMS), case(V.SKIPPED, None), Kind.CHANGED),
    "skipped-to-deviates": (
        case(V.SKIPPED, None),
        case(V.DEVIATES, Allowed()),
        Kind.CHANGED,
    ),
    "lost-to-deviates": (case(V.LOST, None), case(V.DEVIATES, Allowed()), Kind.CHANGED),
    "unfixed-to-conforms": (case(V.UNFIXED), case(V.CONFORMS), Kind.CHANGED),
    "deviates-otherwise": (
        case(V.DEVIATES, Allowed()),
        case(V.DEVIATES, Denied(errno="EPERM")),
        Kind.CHANGED,
    ),
    "another-bug": (
        case(V.DEVIATES, Allowed()),
        case(V.DEVIATES, Allowed(), bug="CVE"),
        Kind.CHANGED,
    ),
    "landproof-expects-otherwise": (
        case(V.CONFORMS, Allowed(), Allowed()),
        case(V.DEVIATES, Allowed(), EACCES),
        Kind.EXPECTATION,
    ),
    "landproof-expects-it-now": (
        case(V.DEVIATES, Allowed(), EACCES),
        case(V.CONFORMS, Allowed(), Allowed()),
        Kind.EXPECTATION,
    ),
    "both-change": (
        case(V.CONFORMS, Allowed(), Allowed()),
        case(V.DEVIATES, EINVAL, EACCES),
        Kind.REGRESSION,
    ),
}


@pytest.mark.parametrize(("before", "after", "kind"), KINDS.values(), ids=KINDS.keys())
def test_what_became_of_a_case(before: CaseRecord, after: CaseRecord, kind: Kind | None) -> None:
    difference = compare(one(before), one(after))
    assert [change.kind for change in difference.changes] == ([kind] if kind else [])
    assert difference.regressed is (kind is Kind.REGRESSION)
    assert difference.compared == 1


def test_a_kernel_that_starts_to_claim_what_it_lacks_regressed() -> None:
    before = one(case(V.ABSENT, EINVAL, EINVAL), abi=5)
    after = one(case(V.DEVIATES, EINVAL, EACCES), abi=6)
    assert compare(before, after).changes[0].kind is Kind.REGRESSION


def test_a_claim_alone_can_change_what_is_expected() -> None:
    before = one(case(V.CONFORMS, EACCES, EACCES), abi=5)
    after = one(case(V.CONFORMS, EACCES, Denied(errno="EPERM")), abi=6)
    assert compare(before, after).changes[0].kind is Kind.EXPECTATION


def test_cases_of_one_run_only_are_new_or_gone() -> None:
    there, nothing = one(case(V.DEVIATES)), one()
    assert [change.kind for change in compare(nothing, there).changes] == [Kind.NEW]
    assert [change.kind for change in compare(there, nothing).changes] == [Kind.GONE]
    assert not compare(nothing, there).regressed


def test_many_cases_gone_are_told_by_file() -> None:
    """As when a brief run is compared with a full one."""
    ids = [f"fs/{file}[row-{number}]" for file in ("link", "open") for number in range(30)]
    before = one(*(case(V.CONFORMS, name=name) for name in ids), case(V.SKIPPED, name="net/udp[x]"))
    difference = compare(before, one())
    assert list(words.one_sided(difference.changes)) == [
        ("fs/link: 30 cases", "30 conforms", "vm:k"),
        ("fs/open: 30 cases", "30 conforms", "vm:k"),
        ("net/udp: 1 case", "1 skipped", "vm:k"),
    ]
    few = compare(one(case(V.CONFORMS, name=ids[0])), one())
    assert list(words.one_sided(few.changes)) == [(ids[0], "conforms", "vm:k")]


KERNEL = kernel("vm:k", "6.12", 6, 0b11)
WORSE = {
    "lower-abi": (kernel("vm:k", "6.12", 5, 0b11), True),
    "no-landlock": (kernel("vm:k", "6.12", 0, missing="EOPNOTSUPP"), True),
    "an-erratum-less": (kernel("vm:k", "6.12", 6, 0b01), True),
    "no-errata-interface": (kernel("vm:k", "6.12", 6), True),
    "never-came-up": (never_came_up("vm:k"), True),
    "provides-less": (kernel("vm:k", "6.12", 6, 0b11, change=lacks_signal), True),
    "higher-abi": (kernel("vm:k", "6.15", 7, 0b111), False),
    "another-release": (kernel("vm:k", "6.12.1", 6, 0b11), False),
    "not-established": (kernel("vm:k", "6.12", 6, 0b11, change=silent_claims), False),
}


@pytest.mark.parametrize(("other", "worse"), WORSE.values(), ids=WORSE.keys())
def test_a_kernel_that_is_worse_regressed(other: TargetRecord, worse: bool) -> None:
    difference = compare(run(KERNEL), run(other))
    assert [change.worse for change in difference.kernels] == [worse]
    assert difference.regressed or not worse


def test_a_kernel_that_came_back_is_not_worse() -> None:
    for other in ("lower-abi", "no-landlock", "an-erratum-less", "never-came-up"):
        difference = compare(run(WORSE[other][0]), run(KERNEL))
        assert not difference.regressed


def test_nothing_changed() -> None:
    difference = compare(zoo(), zoo())
    assert not difference.changes
    assert not difference.kernels
    assert "no change" in render_diff(difference)


def test_both_ways_mirror_each_other() -> None:
    there, back = compare(zoo(), later()), compare(later(), zoo())
    assert there.targets_new == back.targets_gone == ("vm:11",)
    assert there.compared == back.compared

    def cases(difference: Diff, kind: Kind) -> set[tuple[str, str]]:
        return {(it.case, name) for it in difference.of(kind) for name in it.targets}

    assert cases(there, Kind.REGRESSION) == cases(back, Kind.FIXED)
    assert cases(there, Kind.FIXED) == cases(back, Kind.REGRESSION)
    assert cases(there, Kind.CHANGED) == cases(back, Kind.CHANGED)
    assert cases(there, Kind.EXPECTATION) == cases(back, Kind.EXPECTATION)
    assert cases(there, Kind.GONE) == cases(back, Kind.NEW)


def test_single_targets_are_matched_whatever_their_names() -> None:
    difference = compare(run(kernel("vm:a", "6.12", 6)), run(kernel("vm:b", "6.15", 7)))
    assert difference.renamed == ("vm:a", "vm:b")
    assert "vm:a compared with vm:b\n" in render_diff(difference)


def test_runs_without_a_common_target_are_not_compared() -> None:
    a, b = run(*zoo().targets[:2]), run(*zoo().targets[2:4])
    with pytest.raises(UsageError, match=r"^no target in common: A holds vm:5\.10, vm:6\.1; B "):
        compare(a, b)


@pytest.mark.parametrize("name", [name for name, it in formats().items() if it.diff])
def test_every_format_writes_a_comparison(name: str) -> None:
    text = render_diff(compare(zoo(), later()), name)
    assert "scope/signal[parent]" in text
    assert "not run: the kernel had panicked" in text


def landproof(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    report.add_parser(subparsers)
    verb.add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    return int(parsed.handler(parsed))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    save(tmp_path / "old.json", zoo())
    save(tmp_path / "new.json", later())
    return str(tmp_path / "old.json"), str(tmp_path / "new.json")


def test_report_prints_a_file_again(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert landproof("report", files[0]) == Exit.CONFORMS
    shown = " ".join(capsys.readouterr().out.split())
    assert "provides ABI 5: scope.signal is rejected with EINVAL" in shown


def test_diff_exits_with_1_on_a_regression_only(files: tuple[str, str], tmp_path: Path) -> None:
    output = tmp_path / "diff.json"
    assert landproof("diff", *files, "--json", "--output", str(output)) == Exit.DEVIATES
    assert json.loads(output.read_text())["regressed"] is True
    assert landproof("diff", files[0], files[0], "--output", str(output)) == Exit.CONFORMS


def test_diff_refuses_unreadable_input(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read") as caught:
        landproof("diff", files[0], str(tmp_path / "gone.json"))
    assert caught.value.exit == Exit.USAGE


def told(tmp_path: Path, *words: str) -> dict[str, Any]:
    """What ``diff --json`` says, whatever it exits with."""
    output = tmp_path / "diff.json"
    landproof("diff", *words, "--json", "--output", str(output))
    found: dict[str, Any] = json.loads(output.read_text())
    return found


def test_two_targets_of_one_file_are_compared(files: tuple[str, str], tmp_path: Path) -> None:
    old, new = run(zoo().targets[0]), run(zoo().targets[2])
    names = old.targets[0].name, new.targets[0].name
    found = told(tmp_path, files[0], *names)
    assert found["renamed"] == list(names)
    assert (found["before"], found["after"]) == tuple(f"{files[0]} {name}" for name in names)
    expected = compare(old, new)
    assert len(found["changes"]) == len(expected.changes) > 0
    assert found["compared"] == expected.compared


def test_a_label_is_enough_and_each_may_be_of_its_own_file(
    files: tuple[str, str], tmp_path: Path
) -> None:
    name = zoo().targets[2].name
    found = told(tmp_path, *files, name.removeprefix("vm:"), name)
    assert (found["before"], found["after"]) == tuple(f"{file} {name}" for file in files)
    (then,), (now,) = ([it for it in r.targets if it.name == name] for r in (zoo(), later()))
    assert len(found["changes"]) == len(compare(run(then), run(now)).changes)


WRONG = {
    "no-target": (["old.json", "9.9", "6.1"], "old.json holds no target '9.9'; it holds vm:5.10, "),
    "twice": (["old.json", "6.1", "vm:6.1"], "old.json vm:6.1 is named twice: nothing to compare"),
    "many": (["old.json"] * 5, "diff takes two files, a file and two of its targets, or two files"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("files")
def test_what_is_no_pair_is_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        landproof("diff", *words)
    assert str(caught.value).startswith(said)


def test_output_is_what_would_be_printed(files: tuple[str, str], tmp_path: Path) -> None:
    landproof("report", files[0], "--format", "markdown", "--output", str(tmp_path / "a.md"))
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == render(zoo(), "markdown")


def test_an_ascii_locale_gets_ascii(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        report.emit("vm:漢\n", None)
    assert (tmp_path / "out").read_text() == "vm:\\u6f22\n"
