# SPDX-License-Identifier: MIT
"""KTAP: read by tap.py, level by level, and by the kernel's own parser where its source is here."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tap.line import Result
from tap.parser import Parser

from reports.matrix import is_known
from reports.render import render
from suite.judge.records import Results, TargetRecord, Verdict
from tests.ci_formats import linux_source
from tests.report_miniatures import LISTED, few, hostile, known, run, zoo

RUNS = {"zoo": zoo(), "few": few(), "known": known(), "hostile": hostile(), "nothing": run()}


def levels(lines: list[str]) -> Iterator[list[str]]:
    """The lines of each test, without those of its subtests, which come after it."""
    own: list[str] = []
    inner: list[str] = []
    for line in [*lines, "end"]:
        if line.startswith("  "):
            inner.append(line[2:])
            continue
        if inner:
            yield from levels(inner)
            inner = []
        own.append(line)
    yield own[:-1]


@pytest.mark.parametrize("results", RUNS.values(), ids=RUNS)
def test_each_level_is_sound_to_tap_py(results: Results) -> None:
    for lines in levels(render(results, "ktap").splitlines()):
        version, *rest = lines
        assert version == "KTAP version 1"
        read = list(Parser().parse_text("\n".join(["TAP version 13", *rest])))
        tests = [it for it in read if isinstance(it, Result)]
        (plan,) = (it for it in read if it.category == "plan")
        assert plan.expected_tests == len(tests)
        assert [it.number for it in tests] == list(range(1, len(tests) + 1))
        assert not [it for it in read if it.category == "unknown"]


def test_a_test_with_a_failure_in_it_fails() -> None:
    lines = render(zoo(), "ktap").splitlines()
    told = {line.partition(" vm:")[2]: line for line in lines if line.lstrip() == line}
    for target in zoo().targets:
        bad = any(case.verdict.bad for case in target.cases)
        assert told[target.name[3:]].startswith("not ok" if bad else "ok")


def test_directives() -> None:
    text = render(few(), "ktap")
    assert "ok 1 rename # SKIP needs btrfs: no module for it" in text
    assert "not ok 1 link # ERROR" in text
    nothing = run(TargetRecord(name="vm:6.1", reason="no room"))
    assert "not ok 1 target/boot # ERROR\nnot ok 1 vm:6.1" in render(nothing, "ktap")


def test_what_is_listed_as_known_fails_nothing_and_is_told() -> None:
    lines = render(known(), "ktap").splitlines()
    assert "ok 1 vm:6.12" in lines
    assert "not ok 2 vm:6.18" in lines
    assert lines.count(f"    ok 1 path # XFAIL {LISTED}") == 2


@pytest.mark.parametrize("results", [RUNS[it] for it in ("zoo", "few", "known", "hostile")])
def test_the_kernels_own_parser_reads_it(results: Results, tmp_path: Path) -> None:
    script = linux_source() / "tools/testing/kunit/kunit.py"
    report = tmp_path / "report.ktap"
    report.write_text(render(results, "ktap"), encoding="utf-8")
    command = [sys.executable, str(script), "parse", str(report)]
    said = subprocess.run(
        command, cwd=script.parents[3], capture_output=True, text=True, check=False
    ).stdout
    assert "[ERROR]" not in said
    cases = [case for target in results.targets for case in target.cases]
    listed = sum(map(is_known, cases))
    verdicts = Counter(case.verdict for case in cases)
    # A target without a case is one that failed.
    silent = sum(not target.cases for target in results.targets)
    numbers = {
        "passed": sum(verdicts[it] for it in Verdict if it.good) + listed,
        "failed": sum(verdicts[it] for it in Verdict if it.bad) + silent - listed,
        "skipped": verdicts[Verdict.SKIPPED],
    }
    counts = ", ".join(f"{word}: {number}" for word, number in numbers.items())
    assert f"Ran {sum(numbers.values())} tests: {counts}\n" in said
