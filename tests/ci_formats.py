# SPDX-License-Identifier: MIT
"""Whether a CI service shows a report as green, by parsers that others wrote, and the kernel's."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import junitparser
import pytest
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


def tap(text: str) -> bool:
    """Whoever reads the outermost level of TAP, whatever its version."""
    version, *rest = (line for line in text.splitlines() if not line.startswith((" ", "#")))
    assert version in ("KTAP version 1", "TAP version 13")
    read = [*_TAP.parse_text("\n".join(rest))]
    tests = [it for it in read if isinstance(it, Result)]
    assert len(read) == len(tests) + 1  # and the plan
    assert tests
    return all(it.ok for it in tests)


def tmt(text: str) -> bool:
    """Tmt's exit code is 0: ``results_to_exit_code`` in its ``result.py``."""
    found = {entry["result"] for entry in json.loads(text)}
    return "pass" in found and not found & {"error", "fail", "warn"}


GREEN: Mapping[str, Callable[[str], bool]] = {
    "junit": junit,
    "ktap": tap,
    "kselftest": tap,
    "tmt": tmt,
}
"""By format."""


def shades(results: Results) -> dict[str, bool]:
    """Whether each of these formats is green."""
    return {name: green(render(results, name)) for name, green in GREEN.items()}


def linux_source() -> Path:
    """An unpacked linux-source package, or the tree ``$LINUX_SOURCE``, with the kernel's tools."""
    trees = [Path(os.environ.get("LINUX_SOURCE", "/nowhere")), *Path("/usr/src").glob("linux-*")]
    for tree in trees:
        if (tree / "tools/testing/kunit/kunit.py").exists():
            return tree
    pytest.skip("needs a Linux source tree: set LINUX_SOURCE")
