# SPDX-License-Identifier: MIT
"""For KernelCI and CKI: a KCIDB submission, schema version 5.3.

A target is a checkout with one build, a case is a test of it, a known bug is an issue, and each
case that shows it is an incident. A checkout names the commit as far as it is known: of a package,
the release that it patches; the package itself is in ``comment`` and ``misc``. What a kernel does
not claim is SKIP, as a test that does not apply. All ids are made from the results, so that the
same results submitted twice are one submission. Whoever submits puts the name of their own system
in place of the origin ``landproof``.
"""

import hashlib
import re
from typing import Any

import msgspec

from reports import words
from reports.ci.cases import evidence, facts, headline, told
from reports.ci.checkout import git_fields
from reports.render import Format, Style
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.landlock.bugs import BUGS, Bug, name_of

_ORIGIN = "landproof"
_VERSION = {"major": 5, "minor": 3}

_STATUS = {
    Verdict.CONFORMS: "PASS",
    Verdict.ABSENT: "SKIP",
    Verdict.UNFIXED: "PASS",
    Verdict.SKIPPED: "SKIP",
    Verdict.DEVIATES: "FAIL",
    Verdict.CRASHED: "FAIL",
    Verdict.HUNG: "FAIL",
    Verdict.BROKEN: "ERROR",
    Verdict.LOST: "MISS",
}

_EXCERPT = 16384
"""Characters of a log excerpt that the schema allows."""


def results(results: Results, _style: Style) -> str:
    """A run."""
    content: dict[str, Any] = {"version": _VERSION, "checkouts": [], "builds": [], "tests": []}
    issues: dict[str, dict[str, Any]] = {}
    incidents: list[dict[str, Any]] = []
    for target, cases in told(results):
        run = _run(target, results.started)
        content["checkouts"].append(_checkout(target, run, results.started))
        content["builds"].append(_build(target, run))
        for case in cases:
            content["tests"].append(_test(target, case, run, results))
            if case.known_bug:
                issue = _issue(case.bug)
                issues[issue["id"]] = issue
                incidents.append(_incident(run, case, issue))
    if issues:
        content |= {"issues": list(issues.values()), "incidents": incidents}
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def _checkout(target: TargetRecord, run: str, started: str) -> dict[str, Any]:
    kernel = target.kernel
    package = f"{kernel.release}, package {kernel.version}" if kernel else target.name
    return {
        "id": run,
        "origin": _ORIGIN,
        **{name: _text(value) for name, value in git_fields(target).items()},
        "comment": _text(package),
        "start_time": started,
        "valid": True,
    }


def _build(target: TargetRecord, run: str) -> dict[str, Any]:
    build = {"id": run, "origin": _ORIGIN, "checkout_id": run, "status": "PASS"}
    if target.facts:
        build["architecture"] = re.sub(r"[^a-z0-9_]", "_", target.facts.machine.lower())
    said = {name: _text(value) for name, value in facts(target).items()}
    return {**build, "misc": {name: it for name, it in said.items() if name.startswith("kernel.")}}


def _test(target: TargetRecord, case: CaseRecord, run: str, results: Results) -> dict[str, Any]:
    covers = [_text(label) for label in case.covers]
    misc = {
        "verdict": case.verdict,
        "clause": _text(case.clause),
        "covers": covers,
        # It failed all the same, and a user's list is no issue of the origin's.
        "known": _text(case.known),
    }
    test = {
        "id": _test_id(run, case),
        "origin": _ORIGIN,
        "build_id": run,
        "path": _path(case.id),
        "comment": _text(case.summary),
        "status": _STATUS[case.verdict],
        "start_time": results.started,
        "duration": round(case.seconds, 3),
        "environment": {"comment": _text(target.name), "misc": _environment(target, results)},
        "misc": {name: value for name, value in misc.items() if value},
    }
    if excerpt := _excerpt(case):
        test["log_excerpt"] = _text(excerpt)[:_EXCERPT]
    return test


def _excerpt(case: CaseRecord) -> str:
    """What became of a case that did not pass."""
    if case.verdict.bad:
        return "\n".join([*evidence(case), *case.calls])
    match case.verdict:
        case Verdict.SKIPPED:
            return headline(case)
        case Verdict.ABSENT:
            answer = case.observed or "an outcome that was not recorded"
            clause = f" ({case.clause})" if case.clause else ""
            return f"the kernel does not claim this, and answers as it then must: {answer}{clause}"
        case _:
            return ""


def _environment(target: TargetRecord, results: Results) -> dict[str, Any]:
    said: dict[str, Any] = {"landproof": results.landproof}
    if target.facts:
        said |= {"landlock_abi": target.facts.abi, "landlock_errata": target.facts.errata}
    return {name: value for name, value in said.items() if value is not None}


def _issue(bug: str) -> dict[str, Any]:
    name, said = name_of(bug), bug.partition(": ")[2]
    issue = {
        "id": f"{_ORIGIN}:{_text(name)}",
        "version": 1,
        "origin": _ORIGIN,
        "report_subject": _text(said or name),
        "culprit": {"code": True, "tool": False, "harness": False},
    }
    # None of a bug that only another landproof knows.
    return issue | _described(BUGS[name]) if name in BUGS else issue


def _described(bug: Bug) -> dict[str, Any]:
    misc = {
        "impact": bug.impact.value,
        "cve": bug.cve,
        "since": bug.since,
        "fixed_in": bug.fixed_in,
        "workaround": bug.workaround,
        "links": bug.links,
    }
    told = {"comment": bug.does, "misc": {name: it for name, it in misc.items() if it}}
    # The last is the most telling: a report of Landlock's, a CVE, the commit.
    *_, link = "", *bug.links.values()
    return told | ({"report_url": link} if link else {})


def _incident(run: str, case: CaseRecord, issue: dict[str, Any]) -> dict[str, Any]:
    test = _test_id(run, case)
    return {
        "id": _id(test, issue["id"]),
        "origin": _ORIGIN,
        "issue_id": issue["id"],
        "issue_version": issue["version"],
        "test_id": test,
        "present": True,
    }


def _run(target: TargetRecord, started: str) -> str:
    release = target.facts.release if target.facts else ""
    return _id(started, target.name, release, target.kernel.sha256 if target.kernel else "")


def _test_id(run: str, case: CaseRecord) -> str:
    return f"{run}:{_text(case.id)}"


def _id(*parts: str) -> str:
    said = msgspec.json.encode([_text(part) for part in parts])
    return f"{_ORIGIN}:{hashlib.sha256(said).hexdigest()[:24]}"


def _path(case: str) -> str:
    """``landlock.fs.truncate.open`` for ``fs/truncate[open]``."""
    parts = (re.sub(r"[^a-zA-Z0-9_-]+", "_", part) for part in re.split(r"[/\[\]]", case) if part)
    return ".".join(["landlock", *parts])


def _text(text: str) -> str:
    return words.printable(text)


FORMAT = Format(name="kcidb", results=results)
