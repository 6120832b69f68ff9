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

import re
from xml.etree import ElementTree as ET

from reports import words
from reports.ci.cases import Suite, evidence, headline, suites
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

_NOT_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 forbids besides control characters and surrogates."""


def results(results: Results, _style: Style) -> str:
    """A run."""
    root = ET.Element("testsuites", name="landproof")
    root.extend(_suite(it, results.started) for it in suites(results))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in root)))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(told: Suite, started: str) -> ET.Element:
    kinds = [_kind(case)[0] for case in told.cases]
    suite = ET.Element(
        "testsuite",
        name=_text(told.name),
        tests=str(len(kinds)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=_seconds(sum(case.seconds for case in told.cases)),
        timestamp=_text(started),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in told.facts.items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.extend(_case(case, told.name) for case in told.cases)
    return suite


def _case(case: CaseRecord, target: str) -> ET.Element:
    file = case.id.partition("[")[0].replace("/", ".")
    element = ET.Element(
        "testcase",
        classname=_text(f"{target}.{file}"),
        name=_text(case.id),
        time=_seconds(case.seconds),
    )
    kind, why = _kind(case)
    if kind:
        result = ET.SubElement(element, kind, type=_text(why), message=_text(headline(case)))
        result.text = _text("\n".join(evidence(case)))
        if case.calls:
            ET.SubElement(element, "system-out").text = _text("\n".join(case.calls))
    elif case.verdict is not Verdict.CONFORMS:
        # A success that is no promise kept: whoever counts features has to know.
        ET.SubElement(element, "system-out").text = f"verdict: {case.verdict}"
    return element


def _kind(case: CaseRecord) -> tuple[str, str]:
    """The element of a case that is no success, and its type."""
    if case.excused:
        return "skipped", "known" if is_known(case) else "excused"
    named = f"known-bug:{case.known_bug}" if case.known_bug else case.verdict
    return _ELEMENTS[case.verdict], named


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):x}", words.printable(text))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


FORMAT = Format(name="junit", results=results)
