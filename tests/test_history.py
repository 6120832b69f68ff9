# SPDX-License-Identifier: MIT
"""Which build of a series changed what."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.history import History, history
from reports.results import save
from suite.cli.main import main
from suite.errors import Exit, UsageError
from suite.judge.outcome import Allowed
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from tests.page_miniatures import BUGGY, CALM, EACCES, ERRATUM, build, builds, case, runs
from tests.report_miniatures import never_came_up, run
from vm.catalogue import version_key


def told(*targets: TargetRecord) -> History:
    return history({f"{n}.json": run(target) for n, target in enumerate(targets)}, version_key)


def changes(*targets: TargetRecord) -> list[tuple[str, str, int]]:
    (series,) = told(*targets).series
    return [(it.what, it.version, len(it.cases)) for it in series.changes]


def test_builds_are_in_the_order_of_their_versions() -> None:
    series = history(runs(), version_key).series
    assert [(it.name, [build.version for build in it.builds]) for it in series] == [
        ("6.1", ["6.1.190-1"]),
        ("6.12", ["6.12.9-1", "6.12.43-1~bpo12+1", "6.12.101-1", "6.12.111-1", "6.12.113-1"]),
    ]


def test_targets_of_one_file_or_of_many_tell_the_same() -> None:
    assert history({"all.json": run(*builds())}, version_key) == history(runs(), version_key)


def test_a_build_that_gave_no_answer_is_passed_over_and_named() -> None:
    (_, series) = history(runs(), version_key).series
    (erratum, bug) = series.changes
    assert (erratum.since, erratum.unheard) == ("6.12.43-1~bpo12+1", ("6.12.101-1",))
    assert (bug.since, bug.unheard) == ("6.12.111-1", ())


def one(version: str, record: CaseRecord) -> TargetRecord:
    return replace(build(version), cases=[record])


GOOD = case(CALM, Verdict.CONFORMS, EACCES)
BAD = case(CALM, Verdict.DEVIATES, Allowed())
FIXED = case(ERRATUM, Verdict.CONFORMS, EACCES, clause="ABI 1+, erratum 4 fixed")
UNFIXED = case(ERRATUM, Verdict.UNFIXED, Allowed(), clause="ABI 1+, erratum 4 not fixed")
NAMED = replace(BAD, bug="a-bug: told at length")
KINDS = {
    "the-same": (GOOD, GOOD, None),
    "regressed": (GOOD, BAD, "regressed"),
    "died": (GOOD, case(CALM, Verdict.CRASHED, None), "regressed"),
    "fixed": (BAD, GOOD, "fixed"),
    "otherwise": (BAD, replace(BAD, observed=EACCES), "changed"),
    "erratum": (UNFIXED, FIXED, "erratum 4 fixed"),
    "erratum-back": (FIXED, UNFIXED, "erratum 4 came back"),
    "erratum-wrongly-claimed": (UNFIXED, replace(FIXED, verdict=Verdict.DEVIATES), "regressed"),
    "bug": (NAMED, GOOD, "a-bug fixed"),
    "bug-came": (GOOD, NAMED, "a-bug came"),
    "skipped": (GOOD, case(CALM, Verdict.SKIPPED, None), None),
    "lost": (BAD, case(CALM, Verdict.LOST, None), None),
}


@pytest.mark.parametrize(("before", "after", "what"), KINDS.values(), ids=KINDS.keys())
def test_what_changed(before: CaseRecord, after: CaseRecord, what: str | None) -> None:
    found = changes(one("6.12.1-1", before), one("6.12.2-1", after))
    assert found == ([(what, "6.12.2-1", 1)] if what else [])


def test_what_is_still_seen_is_told() -> None:
    (series,) = told(build("6.12.1-1", bug=True)).series
    assert [it.what for it in series.standing] == ["cred-transfer", "erratum 4"]
    (series,) = told(build("6.12.1-1", bug=True), build("6.12.2-1", fixed=True)).series
    assert series.standing == ()


def test_of_a_build_that_ran_twice_the_later_answer_counts() -> None:
    later = replace(run(one("6.12.1-1", GOOD)), started="2026-11-22T00:00:00Z")
    earlier = run(replace(build("6.12.1-1"), cases=[BAD, UNFIXED]))
    newer = run(replace(build("6.12.2-1"), cases=[GOOD, FIXED]))
    for files in ({"a": later, "b": earlier, "c": newer}, {"c": newer, "b": earlier, "a": later}):
        (series,) = history(files, version_key).series
        assert [change.what for change in series.changes] == ["erratum 4 fixed"]


def test_nothing_that_came_up_is_no_history() -> None:
    with pytest.raises(UsageError, match=r"^no kernel came up in 0\.json$"):
        told(never_came_up("vm:6.12"))


def test_a_folder_of_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, each in runs().items():
        save(tmp_path / name, each)
    assert main(["history", str(tmp_path), "--json"]) == Exit.CONFORMS
    content = json.loads(capsys.readouterr().out)
    (change, bug) = content["series"][1]["changes"]
    assert (change["what"], change["version"]) == ("erratum 4 fixed", "6.12.111-1")
    assert bug["cases"][0]["case"] == BUGGY
    assert content["dead"] == ["vm:6.12.74"]


def test_a_folder_without_results_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", str(tmp_path)]) == Exit.USAGE
    assert capsys.readouterr().err == f"landproof: no results in {tmp_path}: it holds no *.json\n"
