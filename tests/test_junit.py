# SPDX-License-Identifier: MIT
"""JUnit XML: held against the schema of Jenkins' xUnit plugin, and read by another's parser.

``data/junit-10.xsd`` is that schema as pytest keeps it, under the MIT licence.
"""

import dataclasses
from collections import Counter
from pathlib import Path

import junitparser
import pytest
import xmlschema
from msgspec.structs import replace

from reports.diff import Diff, compare
from reports.render import render, render_diff
from reports.results import save
from suite.cli.main import main
from suite.errors import Exit
from suite.judge.records import Results, TargetRecord, Verdict
from tests import ci_formats
from tests.report_miniatures import (
    LISTED,
    contradicted_bug,
    few,
    hostile,
    kernel,
    known,
    known_bug,
    later,
    run,
    zoo,
)

SCHEMA = Path(__file__).parent / "data" / "junit-10.xsd"


def suites(results: Results) -> dict[str, junitparser.TestSuite]:
    read = junitparser.JUnitXml.fromstring(render(results, "junit").encode())
    return {suite.name: suite for suite in read}


@pytest.mark.parametrize("results", [zoo(), few(), known(), hostile(), run()], ids=range(5))
def test_it_is_what_the_schema_allows(results: Results) -> None:
    xmlschema.XMLSchema(SCHEMA).validate(render(results, "junit"))


def test_another_parser_counts_the_same() -> None:
    for target in zoo().targets:
        suite = suites(zoo())[target.name]
        verdicts = Counter(case.verdict for case in target.cases)
        told = suite.tests, suite.failures, suite.errors, suite.skipped
        assert told == (
            len(target.cases),
            verdicts[Verdict.DEVIATES],
            sum(verdicts[it] for it in Verdict if it.bad and not it.judged),
            verdicts[Verdict.SKIPPED],
        )
        counted = Counter(type(result).__name__ for case in suite for result in case.result)
        assert told[1:] == (counted["Failure"], counted["Error"], counted["Skipped"])


def test_no_two_cases_share_class_and_name() -> None:
    names = Counter((case.classname, case.name) for it in suites(zoo()).values() for case in it)
    assert max(names.values()) == 1
    assert ("vm:6.12.fs.access", "fs/access[execute]") in names


def test_a_failure_tells_all_that_is_known() -> None:
    target = kernel("vm:7.0", "7.0.2-amd64", 8, change=known_bug)
    cases = [replace(it, calls=["getpid() = 1"]) if it.bug else it for it in target.cases]
    suite = suites(run(replace(target, cases=cases)))["vm:7.0"]
    (failed,) = (case for case in suite if case.result and case.system_out)
    (failure,) = failed.result
    assert failure.message == "known bug cred-transfer; expected EACCES (ABI 8+), observed allowed"
    assert failure.type == "known-bug:cred-transfer"
    assert "CVE-2024-42318" in failure.text
    assert "source: include/uapi" in failure.text
    assert failed.system_out == "getpid() = 1"


def test_a_likeness_is_said() -> None:
    target = kernel("vm:7.0", "7.0.2", 8, change=contradicted_bug)
    cases = {case.name: case for case in suites(run(target))["vm:7.0"]}
    (failure,) = cases["syscalls/restrict[tsync]"].result
    assert failure.message.startswith("looks like cred-transfer, which 7.0.2 carries the fix of; ")
    assert failure.type == "deviates"  # a new one


def test_what_is_listed_as_known_is_skipped_with_its_reason() -> None:
    calm, worse = suites(known()).values()
    assert [(it.failures, it.errors, it.skipped) for it in (calm, worse)] == [(0, 0, 3), (1, 0, 3)]
    (skipped,) = next(case for case in calm if case.name == "fs/truncate[path]").result
    told = f"known: {LISTED}; expected EACCES (ABI 3+), observed allowed"
    assert (type(skipped).__name__, skipped.type, skipped.message) == ("Skipped", "known", told)


def test_properties_hold_the_facts() -> None:
    properties = suites(zoo())["vm:6.12"].properties()  # type: ignore[no-untyped-call] # the library has no types
    told = {it.name: it.value for it in properties}
    assert told["release"] == "6.12.43+deb12-amd64"
    assert told["errata"] == "1,2"
    assert told["kernel.sha256"] == "0" * 64
    assert told["landlock"] == "claims ABI 6 errata {1,2}; provides ABI 6"


def test_a_target_that_never_came_up_is_no_success() -> None:
    suite = suites(run(TargetRecord(name="vm:6.1", reason="no room")))["vm:6.1"]
    assert (suite.tests, suite.errors) == (1, 1)


def test_a_console_is_quoted_once() -> None:
    text = render(few(), "junit")
    assert text.count("VFS: Unable to mount root fs") == 1
    assert text.count("(console: see fs/access[execute])") == 2 * 11


def test_what_xml_forbids_is_spelled_out() -> None:
    suite, _ = suites(hostile()).values()
    for case in suite:
        assert "\\x00\\ufffe\\ud800]]>&<x a=" in case.name


def compared(before: Results, after: Results, *complaints: str) -> tuple[Diff, str]:
    diff = dataclasses.replace(compare(before, after), complaints=complaints)
    return diff, render_diff(diff, "junit")


CALM = run(*known().targets[:1])
WORSE = run(replace(CALM.targets[0], reason="down", facts=None, cases=[]))
FIXED = run(kernel("vm:6.12", "6.12.44", 6, 0b11))
COMPARED = {
    "much": (zoo(), later(), (), False),
    "nothing": (zoo(), zoo(), (), True),
    "known": (FIXED, CALM, (), True),
    "new": (FIXED, run(replace(CALM.targets[0], cases=known().targets[1].cases)), (), False),
    "fixed": (CALM, FIXED, (), True),
    "down": (CALM, WORSE, (), False),
    "stale": (CALM, CALM, ("known.toml: entry 1 expired",), False),
}


@pytest.mark.parametrize("what", COMPARED)
def test_a_comparison_is_green_exactly_if_nothing_is_worse(what: str) -> None:
    before, after, complaints, green = COMPARED[what]
    diff, text = compared(before, after, *complaints)
    assert green == (not diff.regressed and not complaints)
    assert ci_formats.junit(text) == green
    xmlschema.XMLSchema(SCHEMA).validate(text)


def test_a_comparison_says_what_changed() -> None:
    _, text = compared(FIXED, CALM)
    read = {it.name: it for it in junitparser.JUnitXml.fromstring(text.encode())}
    cases = {case.name: case for case in read["vm:6.12"]}
    (skipped,) = cases["fs/truncate[path]"].result
    assert (skipped.type, skipped.message) == ("known", f"known: {LISTED}")
    said = cases["fs/truncate[path]"].system_out
    assert "verdict: conforms -> deviates" in said
    (first,) = read["diff"]
    assert "cases compared: 2 regressed" in first.system_out
    _, text = compared(zoo(), later())
    assert 'type="regression" message="kernel: 6.6.13+bpo-amd64 x86_64 -&gt; 6.6.20' in text


def test_the_command_says_what_is_wrong_with_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "r.json", CALM)
    file = tmp_path / "known.toml"
    entry = """[[known]]
case = "fs/truncate[path]"
reason = "why"
source = "https://example.org/1"
added = 2026-11-01
"""
    for more, code in (("", Exit.CONFORMS), ("expires = 2026-11-02", Exit.DEVIATES)):
        file.write_text(entry + more)
        words = ["diff", str(tmp_path / "r.json"), str(tmp_path / "r.json"), "--format=junit"]
        assert main([*words, f"--known={file}"]) == code
        assert ci_formats.junit(capsys.readouterr().out) == (code is Exit.CONFORMS)
