# SPDX-License-Identifier: MIT
"""Reproducers of what a results file has."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.results import save
from suite.cli.main import main
from suite.errors import Exit
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict

TRUNCATE = "fs/truncate[truncate]"
FTRUNCATE = "fs/truncate[ftruncate-passed-out]"


def case(name: str, verdict: Verdict = Verdict.DEVIATES) -> CaseRecord:
    return CaseRecord(id=name, verdict=verdict, expected=Denied("EACCES"), observed=Allowed())


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two faults of this kernel, one of which a kernel has that can't be had; and what is well."""
    path = tmp_path / "results.json"
    well = case("fs/open_flavours[openat2-to-read]", Verdict.CONFORMS)
    targets = [
        TargetRecord(name="local", cases=[case(TRUNCATE), case(FTRUNCATE), well]),
        TargetRecord(name="vm:0.1", cases=[case(TRUNCATE)]),
    ]
    found = Results(landproof="1", started="2026-11-30T00:00:00Z", seconds=1.0, targets=targets)
    save(path, found)
    return path


def test_each_fault_gets_a_file_and_a_line_says_what_can_not_be_had(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    code = main(["repro", str(results), "--output", str(folder)])
    said = capsys.readouterr()
    names = ["local-fs_truncate_ftruncate-passed-out.c", "local-fs_truncate_truncate.c"]
    assert sorted(it.name for it in folder.iterdir()) == names
    assert f" * {TRUNCATE}\n" in (folder / names[1]).read_text()
    assert said.out.startswith("2 of 3 written\n")
    assert f"{TRUNCATE} on local: conforms, was deviates\n" in said.out
    assert "landproof: vm:0.1 can't be had" in said.err
    assert code == Exit.INFRASTRUCTURE


def test_of_one_target_names_are_short(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    code = main(["repro", str(results), "--target", "local", "--output", str(folder)])
    assert code == Exit.CONFORMS
    assert {it.name for it in folder.iterdir()} == {
        "fs_truncate_ftruncate-passed-out.c",
        "fs_truncate_truncate.c",
    }
    assert capsys.readouterr().err == ""


def test_a_case_of_the_results_is_one_file(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["repro", str(results), FTRUNCATE, "--kselftest"]) == Exit.CONFORMS
    text = capsys.readouterr().out
    assert f" * {FTRUNCATE}\n" in text
    assert "TEST(fs_truncate_ftruncate_passed_out)\n" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "3 files to write: give a folder (--output)"),
        (["fs/truncate"], "2 cases of"),
        (["net/nothing"], "has no case 'net/nothing'"),
        (["--target", "vm:9"], "has no case of vm:9; it has local, vm:0.1"),
        (["fs/open_flavours", "--target", "vm:0.1"], "has no case 'fs/open_flavours'"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    words: list[str], said: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["repro", str(results), *words]) == Exit.USAGE
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_results_without_a_fault_ask_for_a_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "well.json"
    targets = [TargetRecord(name="local", cases=[case(TRUNCATE, Verdict.CONFORMS)])]
    save(path, Results(landproof="1", started="2026-11-30T00:00:00Z", seconds=1, targets=targets))
    assert main(["repro", str(path)]) == Exit.USAGE
    assert "has no fault of a kernel; name a case" in capsys.readouterr().err


def test_a_case_that_is_no_more_costs_no_other_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = tmp_path / "old.json", tmp_path / "files"
    targets = [TargetRecord(name="local", cases=[case(TRUNCATE), case("fs/truncate[gone]")])]
    save(path, Results(landproof="1", started="2026-11-30T00:00:00Z", seconds=1, targets=targets))
    assert main(["repro", str(path), "--output", str(folder)]) == Exit.INFRASTRUCTURE
    said = capsys.readouterr()
    assert [it.name for it in folder.iterdir()] == ["fs_truncate_truncate.c"]
    assert "fs/truncate[gone] came to no outcome on local: this version has no such" in said.err


def test_a_second_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repro", TRUNCATE, FTRUNCATE]) == Exit.USAGE
    assert "is no results file" in capsys.readouterr().err
