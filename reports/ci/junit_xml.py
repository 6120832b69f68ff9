# SPDX-License-Identifier: MIT
"""The elements of JUnit's XML, as `reports.formats.junit` says which; every text is safe in it."""

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from reports import words

_NOT_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 forbids besides control characters and surrogates."""


def document(suites: Iterable[ET.Element]) -> str:
    """A whole report."""
    root = ET.Element("testsuites", name="landproof")
    root.extend(suites)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", seconds(sum(float(suite.get("time", "0")) for suite in root)))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def suite_of(name: str, cases: Sequence[ET.Element]) -> ET.Element:
    """A test suite of test cases, counted."""
    kinds = [child.tag for case in cases for child in case]
    suite = ET.Element(
        "testsuite",
        name=text(name),
        tests=str(len(cases)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    suite.extend(cases)
    return suite


def text(text: str) -> str:
    """Text with what XML forbids spelled out."""
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):x}", words.printable(text))


def seconds(seconds: float) -> str:
    """A time, as an attribute has it."""
    return f"{seconds:.3f}"
