# SPDX-License-Identifier: MIT
"""What the kernel's selftests print: dug out as LAVA does it, and held against the real runner."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tap.line import Diagnostic, Result
from tap.parser import Parser

from reports.ending import FailOn, Terms, judged
from reports.render import render
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.ci_formats import linux_source
from tests.report_miniatures import few, hostile, kernel, known, run, zoo

RUNS = {"zoo": zoo(), "few": few(), "known": known(), "hostile": hostile()}
PARSER = Parser()
Program = tuple[Result, list[Result]]


def dug_out(text: str) -> Iterator[Program]:
    """Every program with its tests: what a program has printed are the comments before its result.

    As ``automated/linux/kselftest/parse-output.py`` of Linaro's test-definitions does it.
    """
    said: list[str] = []
    for line in PARSER.parse_text(text.replace("TAP version 13\n", "", 1)):
        if isinstance(line, Diagnostic):
            said.append(line.text[1:].strip())
        elif isinstance(line, Result):
            inner = "\n".join(it for it in said if it != "TAP version 13")
            inside = [it for it in PARSER.parse_text(inner) if isinstance(it, Result)]
            deeper = "\n".join(it.removeprefix("#").strip() for it in inner.splitlines())
            assert len([it for it in PARSER.parse_text(deeper) if isinstance(it, Result)]) == len(
                inside
            )
            yield line, inside
            said = []


@pytest.mark.parametrize("results", RUNS.values(), ids=RUNS)
def test_every_case_is_dug_out_and_nothing_else(results: Results) -> None:
    programs = [*dug_out(render(results, "kselftest"))]
    assert [program.number for program, _ in programs] == [*range(1, len(programs) + 1)]
    for program, tests in programs:
        assert [it.number for it in tests] == [*range(1, len(tests) + 1)]
        assert program.ok == all(it.ok for it in tests)
        assert program.skip == all(it.skip for it in tests)
    cases = [case for target in results.targets for case in target.cases]
    silent = sum(not target.cases for target in results.targets)
    tests = [it for _, inside in programs for it in inside]
    assert len(tests) == len(cases) + silent
    faults = [case for case in cases if case.verdict.bad and not case.known]
    assert sum(not it.ok for it in tests) == len(faults) + silent


def test_names_are_the_same_on_every_kernel_unless_there_are_several() -> None:
    one, other = kernel("vm:6.12", "6.12.43", 6), kernel("vm:7.0", "7.0.2", 8)
    names = [
        {program.description for program, _ in dug_out(render(run(it), "kselftest"))}
        for it in (one, other)
    ]
    assert names[0] == names[1]
    assert "selftests: landlock/fs: truncate" in names[0]
    both = {program.description for program, _ in dug_out(render(run(one, other), "kselftest"))}
    assert {it.replace("/vm_6.12/", "/") for it in both if "6.12" in it} == names[0]
    assert {it.replace("/vm_7.0/", "/") for it in both if "7.0" in it} == names[0]


def test_lines() -> None:
    text = render(few(), "kselftest")
    assert "\n# not ok 1 tsync # known bug cred-transfer\n" in text
    assert "\n# not ok 1 link # crashed\n" in text
    assert "\n# ok 1 rename # SKIP needs btrfs: no module for it\n" in text
    assert " selftests: landlock/vm_7.0/fs: btrfs # SKIP\n" in text
    assert " selftests: landlock/vm_7.0/syscalls: restrict # exit=1\n" in text
    cases = [CaseRecord(id="fs/a[b]", verdict=Verdict.DEVIATES)]
    target = TargetRecord(name="local", facts=zoo().targets[0].facts, cases=cases)
    excused = judged(run(target), Terms(fail_on=FailOn.NONE)).results
    said = render(excused, "kselftest")
    assert "\n# ok 1 b # XFAIL no fault was to end the run (--fail-on none)\n" in said
    assert said.endswith(
        "\n# # Totals: pass:0 fail:0 xfail:1 xpass:0 skip:0 error:0"
        "\nok 1 selftests: landlock/fs: a"
        "\n# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0\n"
    )


def test_the_kernels_own_runner_prints_the_same(tmp_path: Path) -> None:
    """Programs that print what ours would have, and end as it says, run by the real runner."""
    source = linux_source() / "tools/testing/selftests"
    shutil.copytree(source / "kselftest", tmp_path / "kselftest")
    shutil.copy(source / "run_kselftest.sh", tmp_path)
    deviating = (zoo().targets[8], zoo().targets[5])
    for target in deviating:
        said = render(run(target), "kselftest").splitlines()
        listed = []
        inner: list[str] = []
        for line in said[2:-1]:
            if line.startswith("#"):
                inner.append(line[2:])
                continue
            name, _, beside = line.partition(" selftests: ")[2].partition(" # ")
            folder, _, program = name.partition(": ")
            assert inner[0] == f"selftests: {folder}: {program}"
            code = {"": 0, "SKIP": 4, "exit=1": 1}[beside]
            file = tmp_path / folder / program
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".txt").write_text("".join(f"{it}\n" for it in inner[1:]))
            file.write_text(f'#!/bin/sh\ncat "{file.with_suffix(".txt")}"\nexit {code}\n')
            file.chmod(0o755)
            listed.append(f"{folder}:{program}\n")
            inner = []
        (tmp_path / "kselftest-list.txt").write_text("".join(listed))
        done = subprocess.run(
            ["/bin/sh", str(tmp_path / "run_kselftest.sh")],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        ran = [it.rstrip() for it in done.stdout.splitlines() if "# timeout set to" not in it]
        assert [it for it in ran if "skipped test(s) detected" not in it] == said, done.stderr
