# SPDX-License-Identifier: MIT
"""For the kernel's own tools: KTAP version 1, nested by target, file and row.

Documentation/dev-tools/ktap.rst has the rules. ``kunit.py parse`` adds two: a subtest's result has
the very name of its header, and a few phrases of a console end the report wherever they stand.

All is ``ok`` exactly if the exit code of the run is 0 (``reports.ending``). A fault that does not
count for it is ``ok … # XFAIL``, as kselftest writes it: it ran, so it is not skipped, and
``not ok`` would fail the whole. ``kunit.py`` counts it as passed. A known bug that counts is named
beside the result, where KTAP allows data after the number sign.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from reports.ci import tap
from reports.ci.cases import Suite, bug_mark, evidence, headline, suites
from reports.render import Format, Style
from suite.judge.records import CaseRecord, Results, Verdict

_DIRECTIVES = {
    Verdict.CONFORMS: "",
    Verdict.ABSENT: "",
    Verdict.UNFIXED: "",
    Verdict.SKIPPED: "SKIP",
    Verdict.DEVIATES: "",
    Verdict.BROKEN: "ERROR",
    Verdict.CRASHED: "ERROR",
    Verdict.HUNG: "TIMEOUT",
    Verdict.LOST: "ERROR",
}
"""Empty for none."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A test, and the lines that belong before its result."""

    name: str
    ok: bool
    directive: str
    """``SKIP why``, ``ERROR`` and so on; empty when there is none."""
    lines: list[str]


def results(results: Results, _style: Style) -> str:
    """A run."""
    return "\n".join(["KTAP version 1", *_plan(map(_target, suites(results)))]) + "\n"


def _target(told: Suite) -> _Test:
    cases = sorted(told.cases, key=lambda case: (_file_of(case), case.id))
    files = (_file(file, list(rows)) for file, rows in groupby(cases, _file_of))
    said = (f"{name}: {value}" for name, value in told.facts.items())
    return _parent(told.name, said, list(files))


def _file_of(case: CaseRecord) -> str:
    return case.id.partition("[")[0]


def _file(file: str, cases: list[CaseRecord]) -> _Test:
    if [case.id for case in cases] == [file]:
        return _case(file, cases[0])
    return _parent(
        file, (), [_case(case.id.partition("[")[2].removesuffix("]"), case) for case in cases]
    )


def _case(name: str, case: CaseRecord) -> _Test:
    directive = _DIRECTIVES[case.verdict]
    if case.verdict is Verdict.SKIPPED:
        return _Test(tap.one_line(name), True, f"{directive} {tap.one_line(headline(case))}", [])
    if not case.verdict.bad:
        return _Test(tap.one_line(name), True, "", [])
    said = _diagnostics([f"verdict: {case.verdict}", *evidence(case), *case.calls])
    if case.excused:
        return _Test(tap.one_line(name), True, f"XFAIL {tap.one_line(case.excused)}", [*said])
    return _Test(tap.one_line(name), False, directive or tap.one_line(bug_mark(case), ""), [*said])


def _parent(name: str, said: Iterable[str], tests: list[_Test]) -> _Test:
    head = tap.one_line(name)
    ok = all(test.ok for test in tests)
    skipped = all(test.directive.startswith("SKIP") for test in tests)
    if not tests:
        # A subtest with no test in it is an error to kunit.py.
        return _Test(head, ok, "SKIP no case ran", list(_diagnostics(said)))
    lines = ["KTAP version 1", f"# Subtest: {head}", *_diagnostics(said), *_plan(tests)]
    directive = "SKIP all of it was skipped" if skipped else ""
    return _Test(head, ok, directive, [f"  {line}" for line in lines])


def _plan(tests: Iterable[_Test]) -> Iterator[str]:
    planned = list(tests)
    yield f"1..{len(planned)}"
    for number, test in enumerate(planned, 1):
        yield from test.lines
        directive = f" # {test.directive}" if test.directive else ""
        yield f"{'ok' if test.ok else 'not ok'} {number} {test.name}{directive}"


def _diagnostics(said: Iterable[str]) -> Iterator[str]:
    for item in said:
        first, *rest = tap.lines(item)
        yield f"# {first}".rstrip()
        # Further in, so that no line of a console reads as the header of a subtest.
        yield from (f"#   {line}".rstrip() for line in rest)


FORMAT = Format(name="ktap", results=results)
