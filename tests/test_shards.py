# SPDX-License-Identifier: MIT
"""Runs on several machines: how they are cut, and that the pieces are the whole."""

import json
from pathlib import Path

import pytest

from reports.results import load
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.records import CaseRecord, Part, Results, TargetRecord, Verdict
from suite.run.shards import START_S, Times, lengths, plan
from tests.report_miniatures import run
from tests.runs import landproof, write_cases
from tests.runs import run as ran

CASES = [f"fs/a[{number}]" for number in range(100)]


def measured(**seconds: float) -> Results:
    """A run in which each case of a target took so many seconds."""
    return run(
        *(
            TargetRecord(
                name=name,
                cases=[CaseRecord(id=it, verdict=Verdict.CONFORMS, seconds=of) for it in CASES],
            )
            for name, of in seconds.items()
        )
    )


def covered(parts: list[Part]) -> list[tuple[str, int]]:
    return sorted((it.target, at) for it in parts for at in range(it.first, it.end))


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 5, 7, 16, 250, 300])
def test_every_case_is_in_one_shard_and_no_shard_is_empty(shards: int) -> None:
    targets = ["a", "b", "c"]
    parts = plan(targets, CASES, shards, Times(measured(a=0.1, b=5.0)))
    assert covered(parts) == [(name, at) for name in targets for at in range(100)]
    assert {it.shard for it in parts} == set(range(1, shards + 1))
    assert [targets.index(it.target) for it in parts] == sorted(
        targets.index(it.target) for it in parts
    )


def test_kernels_stay_whole_where_that_is_as_fast() -> None:
    times = Times(measured(a=0.2, b=0.1, c=0.1))
    parts = plan(["a", "b", "c"], CASES, 2, times)
    assert {it.target: it.shard for it in parts} == {"a": 1, "b": 2, "c": 2}
    assert lengths(parts, CASES, times) == pytest.approx({1: START_S + 20, 2: 2 * START_S + 20})


def test_a_kernel_that_takes_long_is_cut_into_equal_parts() -> None:
    times = Times(measured(a=10.0))
    parts = plan(["a"], CASES, 4, times)
    assert [(it.first, it.end) for it in parts] == [(0, 25), (25, 50), (50, 75), (75, 100)]
    slow = measured(a=1.0)
    slow.targets[0].cases[:25] = [
        CaseRecord(id=it, verdict=Verdict.CONFORMS, seconds=21.0) for it in CASES[:25]
    ]
    one, two = plan(["a"], CASES, 2, Times(slow))
    assert (one.end, two.first) == (14, 14)


def test_what_nobody_measured_takes_what_is_usual() -> None:
    times = Times(measured(a=1.0, b=3.0))
    assert times.of("b", CASES[0]) == 3.0
    assert times.of("c", CASES[0]) == pytest.approx(2.0)
    assert times.of("c", "fs/new[x]") == pytest.approx(2.0)


def test_more_shards_than_cases_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^5 shards for 4 cases: some would have nothing to run"):
        plan(["a", "b"], CASES[:2], 5, Times())


TABLE = """\
from suite.landlock.abi import FS
from suite.judge.expectation import always
from suite.judge.outcome import Allowed, Denied
from suite.case import Case, covers, table

CASES = {f"row-{number}": Case(expect=always(Allowed())) for number in range(6)}


@covers(FS.EXECUTE)
@table(CASES)
def test_allowed(case, process, judge):
    judge(case.expect, process.observe(lambda p: p.getpid()))


@covers(FS.EXECUTE)
def test_denied(process, judge):
    judge(always(Denied("EACCES")), process.observe(lambda p: p.getpid()))
"""


def test_shards_of_a_real_run_merge_to_all_of_it(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, TABLE)
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    codes = []
    for number, file in enumerate(files, 1):
        done = ran(
            landproof("check", "--full", "--results", str(file), cases=cases),
            {"LANDPROOF_SHARD": f"{number}/3"},
        )
        codes.append(done.returncode)
        assert f"shard {number}/3" in done.stdout
    assert codes == [0, 0, 1]
    counts = [len(load(file).targets[0].cases) for file in files]
    assert sum(counts) == 7
    assert min(counts) >= 2
    whole = tmp_path / "whole.json"
    assert main(["merge", *map(str, files), "--results", str(whole)]) == Exit.CONFORMS
    assert sorted(it.id for it in load(whole).targets[0].cases) == sorted(
        [*(f"mini/cases[row-{number}]" for number in range(6)), "mini/cases[denied]"]
    )
    assert main(["merge", *map(str, files[:2]), "--results", str(whole)]) == Exit.INFRASTRUCTURE
    (local,) = load(whole).targets
    assert [it.reason for it in local.cases if it.verdict is Verdict.LOST] == [
        "shard 3/3 never came"
    ] * counts[2]


WRONG = {
    "words": ("two", [], "LANDPROOF_SHARD='two' is no shard; set it to 1/4 for the first of four"),
    "none": ("0/4", [], "LANDPROOF_SHARD='0/4' is no shard; set it to 1/4 for the first of four"),
    "more": ("5/4", [], "LANDPROOF_SHARD='5/4' is no shard; set it to 1/4 for the first of four"),
    "many": ("1/9999", ["-k", "claims/errata"], "9999 shards for "),
    "required": ("1/2", ["--require-abi=1"], "LANDPROOF_SHARD is set, and a shard sees but a part"),
    "no-case": ("1/2", ["-k", "no/such"], "no case matches 'no/such'"),
    "measured": ("1/2", ["--measured=gone.json"], "cannot read gone.json: No such file"),
    "alone": ("", ["--measured=gone.json"], "--measured is for shards, and LANDPROOF_SHARD is "),
}


@pytest.mark.parametrize(("shard", "words", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_shard_is_one_line(
    *,
    shard: str,
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LANDPROOF_SHARD", shard)
    assert main(["check", *words]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"landproof: {said}")


def test_a_plan_says_what_each_shard_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["plan", "--shards=3", "--kernels=6.1,7.3", "-k", "claims/", f"--store={tmp_path}"]
    assert main([*words, "--json"]) == Exit.CONFORMS
    rows = json.loads(capsys.readouterr().out)
    assert {row["shard"] for row in rows} == {"1/3", "2/3", "3/3"}
    assert {row["target"] for row in rows} == {"vm:6.1", "vm:7.3"}
    assert sum(row["cases"] for row in rows) == 2 * rows[0]["of"]
    assert main(words) == Exit.CONFORMS
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 + len(rows)
    assert "guessed (--measured FILE knows better)" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shards=0"], "landproof plan: argument --shards: at least 1; see "),
        (["--shards=2", "--kernels=nonsense"], "landproof: "),
        ([], "landproof plan: the following arguments are required: --shards; see "),
    ],
)
def test_a_plan_of_nothing_is_wrong_usage(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["plan", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, err.startswith(said), err.count("\n")) == ("", True, 1)
