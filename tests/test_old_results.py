# SPDX-License-Identifier: MIT
"""Results files stay readable: one of each schema version, as its landproof wrote it."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reports.diff import compare
from reports.history import history
from reports.merge import merge
from reports.render import formats, render
from reports.results import encode, load, parse
from suite.judge.outcome import Allowed, Denied, Seen
from suite.judge.records import SCHEMA_VERSION, Verdict
from vm.catalogue import version_key

OLD = Path(__file__).parent / "data" / "results"
SAME = Path(__file__).parent / "data" / "seen"
"""Some cases on one kernel, as landproof wrote them in schema 1 and in schema 2."""
FILES = [OLD / f"v{version}.json" for version in range(1, SCHEMA_VERSION + 1)]


def test_there_is_a_file_of_every_version() -> None:
    assert sorted(OLD.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_an_old_file_says_is_still_understood(path: Path) -> None:
    targets = {target.name: target for target in load(path).targets}
    assert list(targets) == ["vm:5.10", "vm:6.12.100", "vm:7.3"]
    facts, build = targets["vm:6.12.100"].facts, targets["vm:6.12.100"].kernel
    assert facts is not None
    assert build is not None
    assert (facts.abi, facts.errata, build.version) == (6, 0b111, "6.12.100-1")
    cases = {case.id: case for case in targets["vm:6.12.100"].cases}
    fast_open = cases["history/tcp_fast_open[ipv4]"]
    assert fast_open.verdict is Verdict.DEVIATES
    assert (fast_open.expected, fast_open.observed) == (Denied(errno="EACCES"), Allowed())
    assert fast_open.bug.startswith("tcp-fast-open-bypass: ")
    assert cases["history/whiteouts[mknod-no-make-reg]"].verdict is Verdict.UNFIXED
    assert {case.verdict for case in targets["vm:5.10"].cases} == {Verdict.ABSENT}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_file_serves_for_every_report(path: Path) -> None:
    results = load(path)
    for fmt in formats():
        assert render(results, fmt)
    assert compare(results, results).changes == ()
    assert [series.name for series in history({"old": results}, version_key).series] == [
        "5.10",
        "6.12",
        "7.3",
    ]


def outcomes(path: Path) -> dict[str, tuple[object, ...]]:
    (target,) = load(path).targets
    return {case.id: (case.verdict, case.expected, case.observed) for case in target.cases}


def test_what_was_seen_has_its_outcome_in_a_file_of_schema_1_too() -> None:
    (target,) = load(SAME / "v1.json").targets
    cases = {case.id: case for case in target.cases}
    assert cases["syscalls/flags[create-one]"].observed == Seen("0x1")
    listed = cases["ptrace/hidepid[listed]"]
    assert (listed.expected, listed.control) == (Seen("own"), Seen("own and other"))
    assert cases["claims/errata[out-of-place]"].observed == Allowed(0)
    assert cases["history/tcp_fast_open[ipv4]"].control == Allowed()
    assert outcomes(SAME / "v1.json") == outcomes(SAME / "v2.json")


def test_a_file_of_schema_1_compares_with_one_of_today() -> None:
    old, new = (load(SAME / f"v{version}.json") for version in (1, 2))
    for before, after in ((old, new), (new, old)):
        diff = compare(before, after)
        assert (diff.changes, diff.kernels, diff.compared) == ((), (), len(old.targets[0].cases))


def test_a_file_of_schema_1_is_merged_and_written_as_one_of_today() -> None:
    old, new = (load(SAME / f"v{version}.json") for version in (1, 2))
    other = replace(new, targets=[replace(new.targets[0], name="other")])
    written = encode(merge({"old": old, "new": other}))
    assert json.loads(written)["schema"] == SCHEMA_VERSION
    merged = parse(written, "merged")
    assert [target.name for target in merged.targets] == ["local", "other"]
    assert merged.targets[0].cases == sorted(old.targets[0].cases, key=lambda case: case.id)


def test_a_control_of_schema_1_that_should_have_failed_was_seen_not_to() -> None:
    content: dict[str, Any] = json.loads((SAME / "v1.json").read_bytes())
    case = content["targets"][0]["cases"][0]
    case["control"] = {"outcome": "denied", "errno": "no error"}
    parsed = parse(json.dumps(content).encode(), "FILE")
    assert parsed.targets[0].cases[0].control == Seen("no error")
