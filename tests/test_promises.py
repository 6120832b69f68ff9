# SPDX-License-Identifier: MIT
"""What ARCHITECTURE.md says of adding something, done in a copy of this checkout.

A source of kernels is added in ``test_kernel_source.py``, a kind of target in ``test_schemes.py``.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import load
from suite.agent.build import agent
from suite.errors import Exit
from suite.judge.records import Verdict
from suite.landlock.abi import ABIS, FS, NEWEST

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("suite", "cases", "vm", "reports", "tests", "docs")
PATIENCE_S = 250.0

ASKED_FOR_A_RIGHT = [
    "tests/test_abi.py::test_what_each_version_knows[FS-masks0]",
    "tests/test_catalogue_lint.py::test_every_feature_is_covered",
    "tests/test_coverage.py::test_the_page_in_docs_has_the_cases_there_are",
]
"""The mask once more, a case that is about it, and the page (tables have rows for every right). The
compatibility data have it once a release does."""
MINIATURES = r"from tests\.(report|page)_miniatures import"
"""Who imports these is a test of reports."""
SLOW = {
    "test_axe.py", "test_bisect.py", "test_check_tree.py", "test_ci.py", "test_ending.py",
    "test_html_browser.py", "test_html_views.py", "test_interrupted.py",
}  # fmt: skip
"""They collect the cases once more, start other programs, or render time and again."""
NOT_LONG = "not a_large_run and not a_run_ and not what_is_too_long"

LAST_ROW = '    "version-and-unknown": query(CREATE.VERSION | 1 << 31, "sys-cr-flags-combo"),\n'
ROW = {LAST_ROW: f'{LAST_ROW}    "version-and-bit-30": query(CREATE.VERSION | 1 << 30),\n'}

FORMAT = '''
"""How many targets there were."""

from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """A run."""
    return f"{len(results.targets)} targets\\n"


FORMAT = Format(name="number", results=results)
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """All that is needed to run cases and tests, to be changed as one likes."""
    agent()
    for part in PARTS:
        # The agent's build has its scratch folders among the files of others. What Python has
        # compiled is good there, too; what pytest has would name the files of here.
        ignored = shutil.ignore_patterns("*-pytest-*.pyc", "tmp*", Path(__file__).name)
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def edit(file: Path, changes: dict[str, str]) -> None:
    """Replace text that stands in a file once."""
    text = file.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=checkout,
        # As the tests of the copy are started on their own, whoever started these.
        env={name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def failures(checkout: Path, *arguments: str) -> tuple[list[str], str]:
    """The tests of the copy that fail, and what pytest says."""
    ran = run(checkout, "pytest", "-n0", "-q", "-rfE", "-pno:cacheprovider", *arguments)
    assert ran.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), ran.stdout
    lines = [it.split() for it in ran.stdout.splitlines() if it.startswith(("FAILED ", "ERROR "))]
    return sorted(words[1] for words in lines), ran.stdout


def one_right_more() -> dict[str, str]:
    """Changes of the table: an ABI version after the newest, and a right that it brings."""
    newest, last = ABIS[NEWEST], max(FS)
    row = f'Abi({newest.version}, "{newest.release}", {newest.attr_size}, "{newest.source}"),\n'
    abi = f'Abi({NEWEST + 1}, "", {newest.attr_size}, "0123456789ab"),\n'
    bit = f"    {last.name} = 1 << {len(FS) - 1}, {last.since}\n"
    return {row: f"{row}        {abi}", bit: f"{bit}    WATCH = 1 << {len(FS)}, {NEWEST + 1}\n"}


@pytest.mark.timeout(300)
def test_a_new_right_asks_for_cases_and_breaks_no_report(checkout: Path) -> None:
    edit(checkout / "suite" / "landlock" / "abi.py", one_right_more())
    tests = {it.partition("::")[0] for it in ASKED_FOR_A_RIGHT}
    for file in (checkout / "tests").glob("test_*.py"):
        about_reports = re.search(MINIATURES, file.read_text(encoding="utf-8"))
        if about_reports and file.name not in SLOW:
            tests.add(f"tests/{file.name}")
    found, said = failures(checkout, "-m", "not vm", "-k", NOT_LONG, *sorted(tests))
    assert found == ASKED_FOR_A_RIGHT, said
    assert "['fs.watch'] == []" in said


@pytest.mark.timeout(300)
def test_a_new_row_is_a_case_with_its_id_and_its_verdict(checkout: Path) -> None:
    edit(checkout / "cases" / "syscalls" / "queries.py", ROW)
    results = checkout / "results.json"
    check = ("suite.cli.main", "check", "-k", "test_queries and bit-30", "--results", str(results))
    ran = run(checkout, *check)
    assert ran.returncode == Exit.CONFORMS, ran.stderr
    (case,) = load(results).targets[0].cases
    assert case.id == "syscalls/queries[version-and-bit-30]"
    assert case.verdict in (Verdict.CONFORMS, Verdict.ABSENT)


@pytest.mark.timeout(300)
def test_a_new_format_is_found_and_has_to_have_a_golden_file(checkout: Path) -> None:
    (checkout / "reports" / "formats" / "number.py").write_text(FORMAT, encoding="utf-8")
    report = ("suite.cli.main", "report", "tests/data/results/v1.json", "--format", "number")
    assert run(checkout, *report).stdout == "3 targets\n"
    golden = ("tests/test_render.py", "-k", "golden")
    found, said = failures(checkout, *golden)
    assert "tests/test_render.py::test_every_format_has_golden_renderings[number]" in found
    assert "run python -m tests.report_goldens, and read what number wrote" in said
    assert run(checkout, "tests.report_goldens").returncode == 0
    assert (checkout / "tests" / "data" / "reports" / "results.number").exists()
    assert failures(checkout, *golden)[0] == []
