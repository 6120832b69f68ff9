# SPDX-License-Identifier: MIT
"""For LAVA, CKI and others that read the kernel's own selftests: TAP as their runner prints it.

``tools/testing/selftests/run_kselftest.sh`` and ``kselftest/runner.sh`` print TAP version 13, with
one test a program: ``selftests: COLLECTION: PROGRAM``. What a program prints stands before its
result, each line behind ``# ``; that is TAP, too (``kselftest.h``), and readers dig it out. Here a
program is a file of cases, its tests are the rows, and a collection is ``landlock/AREA``. With
several targets it is ``landlock/TARGET/AREA``; with one, names are the same on every kernel, so
that results can be compared.

All is ``ok`` exactly if the exit code of the run is 0 (``reports.ending``). Two lines of the runner
are left out, since they would not be true: its time limit, and its advice on what was skipped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum, auto
from itertools import groupby

from reports.ci import tap
from reports.ci.cases import Suite, bug_mark, evidence, headline, suites
from reports.ending import counts
from reports.render import Format, Style
from suite.judge.records import CaseRecord, Results, Verdict

_TAP = re.compile(r"[#\s]*((not )?ok\b|\d+\.\.\d|Bail out!|K?TAP version)", re.IGNORECASE)
"""Readers take number signs away one by one: what would then be a line of TAP."""


class _Kind(StrEnum):
    """What ``kselftest.h`` counts."""

    PASS = auto()
    FAIL = auto()
    XFAIL = auto()
    XPASS = auto()
    SKIP = auto()
    ERROR = auto()


def results(results: Results, _style: Style) -> str:
    """A run."""
    told = [*suites(results)]
    several = len(results.targets) > 1
    programs = [it for suite in told for it in _programs(suite, several=several)]
    lines, kinds = ["TAP version 13", f"1..{len(programs)}"], []
    for number, (name, cases) in enumerate(programs, 1):
        kind = _of_program([*map(_kind, cases)])
        lines += [f"# {line}".rstrip() for line in (name, *_output(cases))]
        lines.append(_result(number, name, kind, _BESIDE[kind]))
        kinds.append(kind)
    return "\n".join([*lines, _totals(kinds)]) + "\n"


_BESIDE = {_Kind.PASS: "", _Kind.SKIP: "SKIP", _Kind.FAIL: "exit=1"}
"""What the runner says of a program."""


def _programs(suite: Suite, *, several: bool) -> Iterator[tuple[str, list[CaseRecord]]]:
    """The name of each file of cases, and the cases."""
    place = f"landlock/{re.sub(r'[^A-Za-z0-9_.-]+', '_', suite.name)}" if several else "landlock"
    for file, cases in groupby(sorted(suite.cases, key=lambda case: case.id), _file_of):
        area, _, program = file.partition("/")
        yield tap.one_line(f"selftests: {place}/{area}: {program}"), [*cases]


def _file_of(case: CaseRecord) -> str:
    return case.id.partition("[")[0]


def _output(cases: Sequence[CaseRecord]) -> Iterator[str]:
    """What the program would have printed."""
    kinds = [*map(_kind, cases)]
    yield "TAP version 13"
    yield f"1..{len(cases)}"
    for number, (case, kind) in enumerate(zip(cases, kinds, strict=True), 1):
        if case.verdict.bad:
            yield from _diagnostics([f"verdict: {case.verdict}", *evidence(case), *case.calls])
        row = case.id.partition("[")[2].removesuffix("]") or _file_of(case).partition("/")[2]
        yield _result(number, tap.one_line(row), kind, _beside(case, kind))
    yield _totals(kinds)


def _kind(case: CaseRecord) -> _Kind:
    if case.verdict is Verdict.SKIPPED:
        return _Kind.SKIP
    if case.excused:
        return _Kind.XFAIL
    return _Kind.FAIL if counts(case) else _Kind.PASS


def _of_program(kinds: Sequence[_Kind]) -> _Kind:
    """A program that ran some tests, and none of them failed, ends with 0."""
    if _Kind.FAIL in kinds:
        return _Kind.FAIL
    return _Kind.SKIP if {*kinds} == {_Kind.SKIP} else _Kind.PASS


def _beside(case: CaseRecord, kind: _Kind) -> str:
    match kind:
        case _Kind.SKIP:
            return f"SKIP {tap.one_line(headline(case))}"
        case _Kind.XFAIL:
            return f"XFAIL {tap.one_line(case.excused)}"
        case _Kind.FAIL:
            return tap.one_line(bug_mark(case) or case.verdict)
        case _:
            return ""


def _result(number: int, name: str, kind: _Kind, beside: str) -> str:
    ok = "not ok" if kind is _Kind.FAIL else "ok"
    return f"{ok} {number} {name}{f' # {beside}' if beside else ''}"


def _diagnostics(said: Iterable[str]) -> Iterator[str]:
    for line in (line for item in said for line in tap.lines(item)):
        yield f"# {'| ' if _TAP.match(line) else ''}{line}"


def _totals(kinds: Sequence[_Kind]) -> str:
    return f"# Totals: {' '.join(f'{kind}:{kinds.count(kind)}' for kind in _Kind)}"


FORMAT = Format(name="kselftest", results=results)
