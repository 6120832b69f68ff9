# SPDX-License-Identifier: MIT
"""Results files stay readable: one of each schema version, as its landproof wrote it."""

from pathlib import Path

import pytest

from reports.diff import compare
from reports.history import history
from reports.render import formats, render
from reports.results import load
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import SCHEMA_VERSION, Verdict
from vm.catalogue import version_key

OLD = Path(__file__).parent / "data" / "results"
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
