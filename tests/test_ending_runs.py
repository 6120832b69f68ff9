# SPDX-License-Identifier: MIT
"""Real runs, their exit codes, and what formats for CI say of them, also from the results file."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.cli.main import main
from suite.errors import Exit
from tests.ci_formats import GREEN
from tests.cli_cases import CASES
from tests.runs import landproof, run, write_cases
from tests.traps import ROOT

KNOWN = """\
[[known]]
case = "mini/cases[deviates]"
reason = "every process has a number"
source = "https://example.org/1"
added = 2026-11-01
"""
RUNS = {
    "conforms": (["-kconforms"], Exit.CONFORMS),
    "deviates": ([], Exit.DEVIATES),
    "known": (["--known=known.toml"], Exit.CONFORMS),
    "known-counted": (["--known=known.toml", "--fail-on=deviation"], Exit.DEVIATES),
    "stale": (["--known=known.toml", "-kconforms", "--full"], Exit.CONFORMS),
    "expired": (["--known=expired.toml"], Exit.DEVIATES),
    "none": (["--fail-on=none"], Exit.CONFORMS),
    "baseline": (["--baseline=before.json"], Exit.CONFORMS),
    "required": (["--fail-on=none", "--require=fs.execute"], Exit.DEVIATES),
}


@pytest.mark.parametrize("how", RUNS)
def test_a_run_and_its_results_file(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cases = write_cases(tmp_path, CASES)
    Path("known.toml").write_text(KNOWN)
    Path("expired.toml").write_text(f"{KNOWN}expires = 2026-11-02\n")
    selected = "-kconforms or deviates"
    options, code = RUNS[how]
    if "--baseline=before.json" in options:
        argv = landproof("check", selected, "--results=before.json", cases=cases)
        run(argv, env={"PYTHONPATH": str(ROOT)})
    done = run(
        landproof("check", selected, *options, "--results=r.json", "--format=junit", cases=cases),
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == code, done.stderr
    said = {}
    for name, green in GREEN.items():
        assert main(["report", "r.json", f"--format={name}"]) == Exit.CONFORMS
        said[name] = capsys.readouterr().out
        assert green(said[name]) == (code == Exit.CONFORMS)
    assert said["junit"] == done.stdout
