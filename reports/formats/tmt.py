# SPDX-License-Identifier: MIT
"""For tmt and Testing Farm: the ``results.yaml`` of a test that says ``result: custom``.

Source: tmt's specification of tests, "result", and its ``schemas/results.yaml``. The text is JSON,
which is YAML as well. The first result, ``/``, is of the test itself and says what each kernel
provides; the others are cases by target and id, below the name of the test.

tmt ends with 0 exactly if the exit code of the run is 0 (``reports.ending``). A fault that does not
count for it has passed, and ``original-result`` says what it was: so tmt itself tells of a test
that was expected to fail.
"""

import re
from typing import Any

import msgspec

from reports.ci import tap
from reports.ci.cases import evidence, headline, suites
from reports.ending import counts
from reports.kernel_line import summarize
from reports.render import Format, Style
from reports.words import printable
from suite.judge.records import CaseRecord, Results, Verdict

_RESULTS = {
    Verdict.CONFORMS: "pass",
    Verdict.ABSENT: "pass",
    Verdict.UNFIXED: "pass",
    Verdict.DEVIATES: "fail",
    Verdict.SKIPPED: "skip",
    Verdict.BROKEN: "error",
    Verdict.CRASHED: "error",
    Verdict.HUNG: "error",
    Verdict.LOST: "error",
}
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What may stand in JSON as it is, but not in YAML, or would end a line there."""
_SEVERITY = ("error", "fail", "pass", "skip")


def results(results: Results, _style: Style) -> str:
    """A run."""
    told = [(suite.name, case) for suite in suites(results) for case in suite.cases]
    entries = [_entry(name, case) for name, case in told]
    seen = {entry["result"] for entry in entries}
    kernels = [printable(f"{it.name}: {summarize(it)}") for it in results.targets]
    whole = {"name": "/", "result": min(seen, key=_SEVERITY.index), "note": kernels}
    text = msgspec.json.format(msgspec.json.encode([whole, *entries]), indent=1).decode()
    return _NOT_YAML.sub(lambda char: f"\\u{ord(char[0]):04x}", text) + "\n"


def _entry(name: str, case: CaseRecord) -> dict[str, Any]:
    result = _RESULTS[case.verdict]
    entry: dict[str, Any] = {"name": f"/{tap.one_line(f'{name}/{case.id}')}", "result": result}
    if case.verdict.bad and not counts(case):
        entry |= {"result": "pass", "original-result": result}
    entry["duration"] = _clock(case.seconds)
    if note := _note(case):
        entry["note"] = [printable(line) for line in note]
    return entry


def _note(case: CaseRecord) -> list[str]:
    if case.verdict.bad:
        return [headline(case), *evidence(case), *case.calls]
    if case.verdict is Verdict.SKIPPED:
        return [headline(case)]
    return [] if case.verdict is Verdict.CONFORMS else [f"verdict: {case.verdict}"]


def _clock(seconds: float) -> str:
    """``00:01:02``, which is all that tmt reads."""
    whole = round(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


FORMAT = Format(name="tmt", results=results)
