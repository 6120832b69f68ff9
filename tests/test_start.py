# SPDX-License-Identifier: MIT
"""What a start of ``landproof`` does: no more than its verb needs, in imports and in workers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import save
from suite.cli import check, collect
from suite.cli.verbs import parser
from suite.judge.records import Results
from suite.run.declared import Declared
from suite.run.scheduler import WORTH

IMPORTED = """
import json, sys
from suite.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {"jinja2", "msgspec", "pytest", "rich", "tabulate", "tomlkit", "xdist"}
NO_REPORT_S = {
    "filelock",
    "jinja2",
    "pytest",
    "suite.process",
    "tabulate",
    "tomlkit",
    "vm",
    "xdist",
}


def imported(*words: str) -> set[str]:
    """The modules that a command line imports."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_needs_no_library(word: str) -> None:
    modules = imported(word)
    assert "suite.cli.verbs" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("verb", ["report", "diff"])
def test_reports_need_neither_pytest_nor_processes(verb: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    save(results, Results(landproof="1", started="2026-01-01T00:00:00+00:00", seconds=1))
    modules = imported(verb, *[str(results)] * (2 if verb == "diff" else 1))
    assert "reports.formats.terminal" in modules
    assert not modules & NO_REPORT_S


def test_the_help_names_every_verb_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is added twice: by its name for the help, and by its module when it is asked for."""
    verbs = parser().format_help().partition("VERB\n")[2].partition("\n\n")[0]
    names = [
        line.split()[0] for line in verbs.splitlines() if line.startswith("    ") and line[4] != " "
    ]
    assert "matrix" in names
    for name in names:
        with pytest.raises(SystemExit) as ended:
            parser(name).parse_args([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: landproof {name}" in capsys.readouterr().out


def test_cases_are_counted_as_they_are_chosen(declared: dict[str, Declared]) -> None:
    of_claims = [case for case in declared if case.startswith("claims/")]
    assert len(collect.ids("claims/")) == len(of_claims) > 0
    assert collect.ids("no/such") == []


@pytest.mark.parametrize(
    ("cases", "kernels", "asked_for", "useful"),
    [
        (95, 1, 2, 1),
        (2 * WORTH - 1, 1, 2, 1),
        (2 * WORTH, 1, 2, 2),
        (95, 2, 2, 2),
        (95, 3, 8, 3),
        (4800, 1, 8, 4),
        (4800, 1, 1, 1),
    ],
)
def test_no_worker_is_started_for_nothing(
    monkeypatch: pytest.MonkeyPatch, cases: int, kernels: int, asked_for: int, useful: int
) -> None:
    monkeypatch.setattr(collect, "ids", lambda text: ["x"] * {"some": cases}[text])
    arguments = parser("matrix").parse_args(["matrix", "-k", "some", f"-n{asked_for}"])
    assert check._useful_workers(arguments, kernels) == useful
