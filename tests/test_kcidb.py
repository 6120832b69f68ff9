# SPDX-License-Identifier: MIT
"""KCIDB: held against the schema that KernelCI's own library has."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import kcidb_io
import pytest

from reports.render import render
from suite.judge.records import CaseRecord, Results, TargetRecord
from tests.report_miniatures import (
    LISTED,
    contradicted_bug,
    few,
    hostile,
    kernel,
    known,
    looks_like_bug,
    run,
    zoo,
)

RUNS = {"zoo": zoo(), "few": few(), "known": known(), "hostile": hostile(), "nothing": run()}


def submission(results: Results) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(render(results, "kcidb"))
    return content


@pytest.mark.parametrize("results", RUNS.values(), ids=RUNS)
def test_it_is_a_submission_of_the_latest_schema(results: Results) -> None:
    latest = kcidb_io.schema.LATEST
    content = submission(results)
    assert latest.is_compatible_exactly(content)
    latest.validate(content)


@pytest.mark.parametrize("results", RUNS.values(), ids=RUNS)
def test_ids_are_unique_and_lead_somewhere(results: Results) -> None:
    content = submission(results)
    ids = {kind: [it["id"] for it in items] for kind, items in content.items() if kind != "version"}
    for same in ids.values():
        assert len(set(same)) == len(same)
    for kind, key in (("checkouts", "builds"), ("builds", "tests"), ("tests", "incidents")):
        for item in content.get(key, []):
            assert item[f"{kind[:-1]}_id"] in ids[kind]


def test_statuses() -> None:
    told = Counter(it["status"] for it in submission(few())["tests"])
    # A crash and a known bug; what the crash and a machine that never came up left unheard.
    assert told == {"PASS": 16, "FAIL": 2, "SKIP": 2, "MISS": 18}
    (miss,) = submission(run(TargetRecord(name="vm:6.1", reason="no room")))["tests"]
    assert (miss["status"], miss["log_excerpt"]) == (
        "MISS",
        "The target comes up.\nreason: no room",
    )


def test_a_known_bug_is_an_issue_with_incidents() -> None:
    content = submission(few())
    (issue,), (incident,) = content["issues"], content["incidents"]
    assert issue["id"] == "landproof:cred-transfer"
    assert incident["issue_id"] == issue["id"]
    (failed,) = (it for it in content["tests"] if it["id"] == incident["test_id"])
    assert failed["path"] == "landlock.syscalls.restrict.tsync"
    assert failed["misc"]["verdict"] == "deviates"


@pytest.mark.parametrize(
    ("change", "issues"),
    [(looks_like_bug, ["landproof:cred-transfer"]), (contradicted_bug, None)],
)
def test_a_likeness_is_an_issue_unless_the_release_has_the_fix(
    change: Callable[[CaseRecord], CaseRecord], issues: list[str] | None
) -> None:
    content = submission(run(kernel("vm:7.0", "7.0.2", 8, change=change)))
    assert [it["id"] for it in content.get("issues", ())] == (issues or [])
    assert bool(content.get("incidents")) == bool(issues)


def test_what_is_listed_as_known_failed_and_says_why() -> None:
    tests = [it for it in submission(known())["tests"] if it["status"] == "FAIL"]
    assert sorted((it["path"], it["misc"].get("known")) for it in tests) == [
        ("landlock.fs.access.execute", None),
        *[("landlock.fs.refer.link", "it panics (33cb713db016)")] * 2,
        *[("landlock.fs.truncate.path", LISTED)] * 2,
    ]


def test_another_run_has_other_ids() -> None:
    first, second = run(*zoo().targets), run(*zoo().targets)
    second.started = "2026-11-22T10:00:00Z"
    ids = [{it["id"] for it in submission(results)["tests"]} for results in (first, second)]
    assert ids[0].isdisjoint(ids[1])
