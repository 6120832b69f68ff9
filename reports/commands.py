# SPDX-License-Identifier: MIT
"""What a command came to on each kernel: as a table, as JSON, and as JUnit."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

import msgspec
from tabulate import tabulate
from tap.line import Result
from tap.parser import Parser

from reports.ci import junit_xml
from reports.words import printable
from suite.judge.ran import End, Ran

_VM = "vm:"
_MOST_WORDS = 60
"""Characters of a command in a headline."""
_ELEMENTS = {End.PASSED: "", End.FAILED: "failure", End.TIMED_OUT: "failure"}
"""Of JUnit; all else is an error, empty for a success."""


def text(rans: Sequence[Ran], words: Sequence[str], *, is_tap: bool = False) -> str:
    """A headline, a table with a line a kernel, and what is known of kernels that died."""
    del is_tap
    rows = [
        (
            _name(it),
            it.release,
            "" if it.abi is None else it.abi or "none",
            it.ending,
            "" if it.seconds is None else f"{it.seconds:.1f}",
            it.reason.partition("\n")[0],
        )
        for it in rans
    ]
    head = ["kernel", "release", "ABI", "result", "seconds", ""]
    width = len(head) - (not any(it.reason for it in rans))
    table = tabulate(
        [row[:width] for row in rows],
        head[:width],
        disable_numparse=True,
        colalign=("left", "left", "right", "left", "right"),
    )
    parts = [headline(rans, words), "\n".join(it.rstrip() for it in table.split("\n"))]
    parts += [f"{_name(it)}: {it.reason}" for it in rans if "\n" in it.reason]
    return printable("\n\n".join(parts)) + "\n"


def headline(rans: Sequence[Ran], words: Sequence[str]) -> str:
    """What it came to, in a line."""
    by_end = {end: [_name(it) for it in rans if it.end is end] for end in End}
    passed = len(by_end.pop(End.PASSED))
    said = [f"{end} on {', '.join(names)}" for end, names in by_end.items() if names]
    if passed == len(rans):
        said.append(
            f"passed on all {passed} kernels" if passed > 1 else f"passed on {_name(*rans)}"
        )
    elif passed:
        said.append(f"passed on {passed} of {len(rans)}")
    return f"{_short(words)}: {'; '.join(said)}"


def json(rans: Sequence[Ran], words: Sequence[str], *, is_tap: bool = False) -> str:
    """All that is known, with the output."""
    del is_tap
    raw = msgspec.json.encode(_Document(command=words, runs=rans))
    return msgspec.json.format(raw, indent=1).decode() + "\n"


def junit(rans: Sequence[Ran], words: Sequence[str], *, is_tap: bool = False) -> str:
    """A suite a kernel: the command itself is a case, and so is each of those that it reports.

    Args:
        rans: What it came to.
        words: The command.
        is_tap: Whether it prints TAP.
    """
    return junit_xml.document(_suite(it, words, is_tap=is_tap) for it in rans)


FORMATS: Mapping[str, Callable[..., str]] = {"text": text, "json": json, "junit": junit}


class _Document(msgspec.Struct, kw_only=True):
    command: Sequence[str]
    runs: Sequence[Ran]


def _name(ran: Ran) -> str:
    return ran.target.removeprefix(_VM)


def _short(words: Sequence[str]) -> str:
    command = shlex.join(words)
    return command if len(command) <= _MOST_WORDS else f"{command[:_MOST_WORDS]}…"


def _suite(ran: Ran, words: Sequence[str], *, is_tap: bool) -> ET.Element:
    own = ET.Element(
        "testcase",
        classname=junit_xml.text(ran.target),
        name=junit_xml.text(_short(words)),
        time=junit_xml.seconds(ran.seconds or 0),
    )
    if kind := _ELEMENTS.get(ran.end, "error"):
        said = junit_xml.text(ran.reason.partition("\n")[0] or ran.ending)
        element = ET.SubElement(own, kind, type=ran.end, message=said)
        element.text = junit_xml.text(ran.reason or ran.ending)
    if ran.output:
        ET.SubElement(own, "system-out").text = junit_xml.text(ran.output)
    others = [*_reported(ran), *(_of_tap(ran) if is_tap else ())]
    suite = junit_xml.suite_of(ran.target, [own, *others])
    suite.set("time", junit_xml.seconds(ran.seconds or 0))
    return suite


def _reported(ran: Ran) -> Iterator[ET.Element]:
    """The cases of the report that the command wrote; their classes begin with the target."""
    if not ran.reported:
        return
    try:
        root = ET.fromstring(ran.reported)  # noqa: S314 (expat bounds what entities expand to)
    except ET.ParseError as error:
        yield _unread(ran, f"the command's report is not XML: {error}")
        return
    for case in root.iter("testcase"):
        case.set("classname", f"{ran.target}.{case.get('classname', '')}".rstrip("."))
        yield case


def _unread(ran: Ran, why: str) -> ET.Element:
    """In place of the cases that the command has reported."""
    case = ET.Element("testcase", classname=junit_xml.text(ran.target), name="report")
    said = junit_xml.text(why)
    ET.SubElement(case, "error", type="report", message=said).text = said
    return case


def _of_tap(ran: Ran) -> Iterator[ET.Element]:
    """The tests of the TAP that the command printed."""
    try:
        lines = list(Parser().parse_text(ran.output))
    except ValueError as error:  # of another version
        yield _unread(ran, f"what the command prints is no TAP: {error}")
        return
    for line in lines:
        if not isinstance(line, Result):
            continue
        name = junit_xml.text(line.description.lstrip("- ") or str(line.number))
        case = ET.Element("testcase", classname=junit_xml.text(ran.target), name=name)
        if line.skip or line.todo:
            reason = junit_xml.text(line.directive.reason or line.directive.text)
            ET.SubElement(case, "skipped", message=reason)
        elif not line.ok:
            ET.SubElement(case, "failure", message=junit_xml.text(str(line)))
        yield case
