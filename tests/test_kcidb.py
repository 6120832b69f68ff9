# SPDX-License-Identifier: MIT
"""KCIDB: held against the schema that KernelCI's own library has."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import kcidb_io
import pytest
from msgspec.structs import replace

from reports.render import render
from suite.judge.records import CaseRecord, Results, TargetRecord
from suite.landlock.bugs import BUGS, Bug
from tests.report_miniatures import (
    LISTED,
    contradicted_bug,
    few,
    hostile,
    kernel,
    known,
    known_bug,
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
    assert told == {"PASS": 15, "FAIL": 2, "SKIP": 3, "MISS": 18}
    (miss,) = submission(run(TargetRecord(name="vm:6.1", reason="no room")))["tests"]
    assert (miss["status"], miss["log_excerpt"]) == (
        "MISS",
        "The target comes up.\nreason: no room",
    )


def test_a_known_bug_is_an_issue_with_incidents() -> None:
    content = submission(few())
    (issue,), (incident,) = content["issues"], content["incidents"]
    assert issue["id"] == "landproof:cred-transfer"
    assert issue["report_url"] == "https://www.cve.org/CVERecord?id=CVE-2024-42318"
    assert issue["comment"] == "keyctl(2) in a child takes the domain from its parent"
    assert (issue["misc"]["impact"], issue["misc"]["fixed_in"]["6.6"]) == ("escape", "6.6.44")
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


def test_what_a_kernel_does_not_claim_is_skipped_and_says_so() -> None:
    tests = submission(run(kernel("vm:6.12", "6.12.43", 6)))["tests"]
    (udp,) = (it for it in tests if it["path"] == "landlock.net.udp.bind")
    said = "the kernel does not claim this, and answers as it then must: create_ruleset: EINVAL"
    assert (udp["status"], udp["log_excerpt"]) == ("SKIP", f"{said} (below ABI 10)")
    assert udp["misc"]["verdict"] == "absent"


STABLE = "https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git"
MAINLINE = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git"
HASH = "0123456789abcdef0123456789abcdef01234567"
CHECKOUTS = {
    "debian": (
        ("6.12.118+deb13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-20)", ""),
        {"tree_name": "stable", "git_repository_url": STABLE, "git_commit_name": "v6.12.118"},
    ),
    "debian-abi-name": (
        ("6.1.0-57-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-26)", ""),
        {"tree_name": "stable", "git_repository_url": STABLE, "git_commit_name": "v6.1.192"},
    ),
    "debian-candidate": (
        ("7.4-rc2-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 7.4~rc2-1~exp1 (2026-11-26)", ""),
        {"tree_name": "mainline", "git_repository_url": MAINLINE, "git_commit_name": "v7.4-rc2"},
    ),
    "own": (
        ("6.12.0-rc3-mine-00123-g0123456789ab-dirty", "#1 SMP", HASH),
        {"git_commit_hash": HASH, "git_commit_name": "v6.12-rc3-123-g0123456789ab"},
    ),
    "own-stable": (
        ("6.12.43-00001-g0123456789ab", "#1 SMP", ""),
        {"git_commit_name": "v6.12.43-1-g0123456789ab"},
    ),
    "own-without-tags": (("6.12.0-g0123456789ab", "#1 SMP", ""), {"git_commit_name": HASH[:12]}),
    "tarball": (("6.12.9", "#2 SMP", ""), {}),
    "vendor": (("5.14.0-611.5.1.el9_7.x86_64", "#1 SMP PREEMPT_DYNAMIC", ""), {}),
}


@pytest.mark.parametrize("what", CHECKOUTS)
def test_what_git_knows_of_a_kernel(what: str) -> None:
    (release, version, commit), expected = CHECKOUTS[what]
    target = kernel("vm:x", release, 6)
    assert target.facts
    assert target.kernel
    target = replace(
        target,
        facts=replace(target.facts, version=version),
        kernel=replace(target.kernel, commit=commit),
    )
    content = submission(run(target))
    kcidb_io.schema.LATEST.validate(content)
    (checkout,) = content["checkouts"]
    told = {name: it for name, it in checkout.items() if name.startswith(("git_", "tree_"))}
    assert told == expected


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_every_known_bug_makes_an_issue(bug: Bug) -> None:
    def shows(case: CaseRecord) -> CaseRecord:
        found = known_bug(case)
        return replace(found, bug=str(bug)) if found.bug else found

    content = submission(run(kernel("vm:7.0", "7.0.2", 8, change=shows)))
    kcidb_io.schema.LATEST.validate(content)
    (issue,) = content["issues"]
    assert issue["misc"]["impact"] == bug.impact.value
    assert issue.get("report_url") == [None, *bug.links.values()][-1]
