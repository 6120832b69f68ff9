# SPDX-License-Identifier: MIT
"""The case of docs/add_a_case.md, run as the page says."""

from __future__ import annotations

from pathlib import Path

from reports.results import load
from suite.errors import Exit
from suite.judge.records import Verdict
from tests.pages import ROOT, blocks
from tests.runs import landproof, run, write_cases

PAGE = ROOT / "docs" / "add_a_case.md"
OWED, WRONG = 'Denied("EACCES")', 'Denied("EPERM")'


def verdicts(text: str, folder: Path) -> tuple[int, str, dict[str, Verdict]]:
    """The exit code, the report, and the verdict of each row."""
    cases = write_cases(folder, text)
    (cases / "mini").rename(cases / "fs")
    (cases / "fs" / "test_cases.py").rename(cases / "fs" / "test_mkdir.py")
    results = folder / "results.json"
    done = run(
        landproof("--full", "-k", "fs/mkdir", "--results", str(results), cases=cases),
        {"COLUMNS": "80"},
    )
    (target,) = load(results).targets
    return done.returncode, done.stdout, {case.id: case.verdict for case in target.cases}


def test_the_case_of_the_page(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    _, _, found = verdicts(example.text, tmp_path)
    assert found.keys() == {"fs/mkdir[with-rule]", "fs/mkdir[without-rule]"}
    assert set(found.values()) <= {Verdict.CONFORMS, Verdict.ABSENT}


def test_a_wrong_expectation_is_told_as_the_page_shows(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python")
    assert OWED in example.text
    code, report, found = verdicts(example.text.replace(OWED, WRONG), tmp_path)
    if Verdict.ABSENT in found.values():
        return  # the running kernel has no Landlock: nothing can deviate
    assert code == Exit.DEVIATES
    (shown,) = blocks(PAGE, "")
    assert shown.text in report
