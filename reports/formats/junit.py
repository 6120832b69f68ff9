# SPDX-License-Identifier: MIT
"""For Jenkins, GitLab and their like: JUnit XML, one test suite a target.

The elements and attributes are those of ``junit-10.xsd`` of Jenkins' xUnit plugin, which is what
pytest writes too. Since the format never had an owner, tools differ; of what they do:

- GitLab keeps one of the cases that share class and name, so the class begins with the target.
- Jenkins cuts a class at its last dot into package and class: ``vm:6.12.fs`` and ``truncate``.
- Most show the text of a failure, and few ``system-out``: the evidence is in the former.

There is a failure or an error exactly if the exit code of the run is not 0 (``reports.ending``).
What does not count for it is skipped with its reason, as pytest does with an expected failure.
Tools show the message first, and little else, so it begins with the name of the known bug.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from reports import words
from reports.ci.cases import Suite, evidence, headline, suites
from reports.ci.junit_xml import document, seconds, suite_of, text
from reports.diff import Change, Diff, Kind
from reports.matrix import is_known
from reports.render import Format, Style
from suite.judge.records import CaseRecord, Results, Verdict

_ELEMENTS = {
    Verdict.CONFORMS: "",
    Verdict.ABSENT: "",
    Verdict.UNFIXED: "",
    Verdict.DEVIATES: "failure",
    Verdict.BROKEN: "error",
    Verdict.CRASHED: "error",
    Verdict.HUNG: "error",
    Verdict.LOST: "error",
    Verdict.SKIPPED: "skipped",
}
"""Empty for a success."""


def results(results: Results, _style: Style) -> str:
    """A run."""
    return document(_suite(it, results.started) for it in suites(results))


def diff(diff: Diff, _style: Style) -> str:
    """A comparison: a failure exactly if ``landproof diff`` ends with 1.

    A suite for each target, with what changed there. The first says what was compared.
    """
    compared = ET.Element("testcase", classname="diff", name="diff/compared")
    ET.SubElement(compared, "system-out").text = text("\n".join(words.diff_headlines(diff)))
    suites = {"diff": [compared]}
    for line in diff.complaints:
        suites["diff"].append(_compared("diff", "diff/known", line, failed=True))
    for kernel in diff.kernels:
        said = _lines(words.kernel_change(kernel))
        case = _compared(kernel.target, "target/kernel", said, failed=kernel.worse)
        suites.setdefault(kernel.target, []).append(case)
    for change in diff.changes:
        for target in change.targets:
            suites.setdefault(target, []).append(_changed(change, target))
    return document(suite_of(name, cases) for name, cases in suites.items())


def _changed(change: Change, target: str) -> ET.Element:
    ((_, lines),) = words.alike([change])
    said = f"{change.kind}\n{_lines(lines)}".strip()
    known = change.after.known if change.after else ""
    regressed = change.kind is Kind.REGRESSION
    case = _compared(target, change.case, said, failed=regressed and not known)
    if regressed and known:
        ET.SubElement(case, "skipped", type="known", message=text(f"known: {known}"))
    return case


def _compared(target: str, name: str, said: str, *, failed: bool) -> ET.Element:
    case = ET.Element("testcase", classname=_class(target, name), name=text(name))
    if failed:
        first = said.replace("\n", "; ")
        ET.SubElement(case, "failure", type="regression", message=text(first)).text = text(said)
    else:
        ET.SubElement(case, "system-out").text = text(said)
    return case


def _lines(lines: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{label}: {text}" for label, text in lines)


def _suite(told: Suite, started: str) -> ET.Element:
    suite = suite_of(told.name, [_case(case, told.name) for case in told.cases])
    suite.set("time", seconds(sum(case.seconds for case in told.cases)))
    suite.set("timestamp", text(started))
    properties = ET.Element("properties")
    for name, value in told.facts.items():
        ET.SubElement(properties, "property", name=name, value=text(value))
    suite.insert(0, properties)
    return suite


def _case(case: CaseRecord, target: str) -> ET.Element:
    element = ET.Element(
        "testcase",
        classname=_class(target, case.id),
        name=text(case.id),
        time=seconds(case.seconds),
    )
    kind, why = _kind(case)
    if kind:
        result = ET.SubElement(element, kind, type=text(why), message=text(headline(case)))
        result.text = text("\n".join(evidence(case)))
        if case.calls:
            ET.SubElement(element, "system-out").text = text("\n".join(case.calls))
    elif case.verdict is not Verdict.CONFORMS:
        # A success that is no promise kept: whoever counts features has to know.
        ET.SubElement(element, "system-out").text = f"verdict: {case.verdict}"
    return element


def _class(target: str, case: str) -> str:
    return text(f"{target}.{case.partition('[')[0].replace('/', '.')}")


def _kind(case: CaseRecord) -> tuple[str, str]:
    """The element of a case that is no success, and its type."""
    if case.excused:
        return "skipped", "known" if is_known(case) else "excused"
    named = f"known-bug:{case.known_bug}" if case.known_bug else case.verdict
    return _ELEMENTS[case.verdict], named


FORMAT = Format(name="junit", results=results, diff=diff)
