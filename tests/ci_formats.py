# SPDX-License-Identifier: MIT
"""Whether a CI service shows a report as green, by parsers that others wrote."""

from collections.abc import Callable, Mapping

import junitparser
from tap.line import Result
from tap.parser import Parser

from reports.render import render
from suite.judge.records import Results

_TAP = Parser()


def junit(text: str) -> bool:
    """Jenkins and GitLab: no failure and no error, by the elements and by the counts."""
    read = junitparser.JUnitXml.fromstring(text.encode())
    red = (junitparser.Failure, junitparser.Error)
    elements = sum(isinstance(it, red) for suite in read for case in suite for it in case.result)
    counted = sum(suite.failures + suite.errors for suite in read)
    assert elements == counted == (read.failures or 0) + (read.errors or 0)
    assert sum(suite.tests for suite in read) > 0  # a report without a test is green to many
    return elements == 0


def ktap(text: str) -> bool:
    """Whoever reads the outermost level of KTAP."""
    version, *rest = (line for line in text.splitlines() if not line.startswith("  "))
    assert version == "KTAP version 1"
    read = _TAP.parse_text("\n".join(rest))
    tests = [it for it in read if isinstance(it, Result)]
    assert tests
    return all(it.ok for it in tests)


GREEN: Mapping[str, Callable[[str], bool]] = {"junit": junit, "ktap": ktap}
"""By format."""


def shades(results: Results) -> dict[str, bool]:
    """Whether each of these formats is green."""
    return {name: green(render(results, name)) for name, green in GREEN.items()}
