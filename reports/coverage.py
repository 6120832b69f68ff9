# SPDX-License-Identifier: MIT
"""Which behaviours are shown by which cases, and which clauses of them which kernel reached.

``python -m reports.coverage RESULTS... > docs/coverage.md``
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports.markdown import escape, narrow_table
from reports.results import load
from reports.words import span
from suite.errors import LandproofError
from suite.judge.behaviours import Behaviour, behaviours
from suite.judge.records import CaseRecord, Results, Verdict

_ROW = re.compile(r"\[.*\]$")


@dataclass(slots=True)
class Shown:
    """What the results say of a behaviour."""

    cases: dict[str, None] = field(default_factory=dict)
    """Ids, in the order of the results."""
    reached: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Targets, by clause."""
    is_new: bool = True
    """Whether no target has what it is about: each case answered as kernels without it do."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The list of behaviours held against results."""

    listed: Mapping[str, Behaviour]
    targets: tuple[str, ...]
    """All that answered, in the order of the results."""
    shown: Mapping[str, Shown]
    """By the id of the behaviour."""
    never: Mapping[str, list[str]]
    """Cases, by the clause that no target reached."""
    unheard: tuple[str, ...]
    """Cases that ran on no target."""

    @property
    def unanswered(self) -> list[str]:
        """Behaviours that no case shows, with no reason why."""
        return [
            name for name, it in self.listed.items() if name not in self.shown and not it.reason
        ]


def cover(listed: Mapping[str, Behaviour], runs: Sequence[Results]) -> Coverage:
    """Hold results against the list; what several runs say of a target is taken together."""
    shown: dict[str, Shown] = {}
    clauses: dict[str, list[str]] = {}
    reached: dict[str, set[str]] = defaultdict(set)
    targets: dict[str, None] = {}
    for name, case in _cases(runs):
        targets[name] = None
        for behaviour in case.answers:
            shown.setdefault(behaviour, Shown()).cases[case.id] = None
        clauses.setdefault(case.id, [])
        if not case.verdict.heard:
            continue
        clauses[case.id] = case.clauses
        reached[case.id].add(case.clause)
        for behaviour in case.answers:
            shown[behaviour].is_new &= case.verdict is Verdict.ABSENT
            seen = shown[behaviour].reached[case.clause]
            if name not in seen:
                seen.append(name)
    never: dict[str, list[str]] = defaultdict(list)
    for identity, known in clauses.items():
        for clause in known:
            if clause not in reached[identity]:
                never[clause].append(identity)
    return Coverage(
        listed, tuple(targets), shown, never, tuple(it for it in clauses if it not in reached)
    )


def _cases(runs: Iterable[Results]) -> Iterator[tuple[str, CaseRecord]]:
    for run in runs:
        for target in run.targets:
            for case in target.cases:
                yield target.name.removeprefix("vm:"), case


def render(coverage: Coverage) -> str:
    """The page, as Markdown."""
    areas = dict.fromkeys(it.area for it in coverage.listed.values())
    parts = [
        "# Coverage",
        "Made by `python -m reports.coverage`: do not edit. The behaviours are those of "
        "[cases/behaviours.toml](../cases/behaviours.toml). A clause is what a case expects of a "
        "range of kernels; the kernels after it reached it.",
        f"Targets: {', '.join(coverage.targets)}.",
        _numbers(coverage, list(areas)),
    ]
    for area in areas:
        parts += [f"## {area}", _behaviours(coverage, area)]
    parts += _unshown(coverage)
    parts += ["## Clauses that no target reached", _never(coverage)]
    if coverage.unheard:
        parts += ["## Cases that ran on no target", _bullets(_by_file(coverage.unheard))]
    return "\n\n".join(parts) + "\n"


def _numbers(coverage: Coverage, areas: Iterable[str]) -> str:
    rows = []
    for area in areas:
        names = [name for name, it in coverage.listed.items() if it.area == area]
        with_case = [name for name in names if name in coverage.shown]
        cases = {case for name in with_case for case in coverage.shown[name].cases}
        unanswered = [name for name in coverage.unanswered if name in names]
        rows.append(
            [area, len(names), len(with_case), len(names) - len(with_case) - len(unanswered),
             len(unanswered), len(cases)]
        )  # fmt: skip
    head = [
        "area",
        "behaviours",
        "shown by cases",
        "not shown, with a reason",
        "unanswered",
        "cases",
    ]
    return narrow_table(rows, head)


def _behaviours(coverage: Coverage, area: str) -> str:
    rows = [
        [f"`{name}`", escape(it.says), *_evidence(coverage, coverage.shown[name])]
        for name, it in coverage.listed.items()
        if it.area == area and name in coverage.shown
    ]
    return narrow_table(rows, ["behaviour", "says", "cases", "clauses and who reached them"])


def _evidence(coverage: Coverage, shown: Shown) -> tuple[str, str]:
    clauses = (
        f"{clause}: {span(coverage.targets, targets)}" for clause, targets in shown.reached.items()
    )
    lines = [*clauses, *_unreached(coverage, shown)]
    return "<br>".join(_by_file(shown.cases)), "<br>".join(lines) or "none: skipped everywhere"


def _unreached(coverage: Coverage, shown: Shown) -> Iterator[str]:
    """Of a behaviour that no target has, what is expected of those that come: so far a claim."""
    if not shown.is_new or not shown.reached:
        return
    for clause, cases in coverage.never.items():
        if not shown.cases.keys().isdisjoint(cases):
            yield f"{clause}: no kernel reached this"


def _unshown(coverage: Coverage) -> list[str]:
    rows = [
        [f"`{name}`", escape(it.says), escape(it.reason) or "**unanswered**"]
        for name, it in coverage.listed.items()
        if name not in coverage.shown
    ]
    if not rows:
        return []
    return ["## Behaviours without a case", narrow_table(rows, ["behaviour", "says", "why"])]


def _never(coverage: Coverage) -> str:
    rows = [
        [clause, len(cases), ", ".join(_by_file(cases))]
        for clause, cases in sorted(coverage.never.items(), key=lambda item: -len(item[1]))
    ]
    return narrow_table(rows, ["clause", "cases", "which"])


def _by_file(cases: Iterable[str]) -> list[str]:
    """Case ids, the rows of one file gathered: ``fs/truncate[creat, path]``."""
    rows: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        file = _ROW.sub("", case)
        rows[file].append(case[len(file) + 1 : -1])
    return [f"{file} [{_few(names)}]" for file, names in rows.items()]


def _few(names: Sequence[str], most: int = 4) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return escape(", ".join(names[:most]) + more)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Print the page for results files; 1 when a behaviour is unanswered."""
    try:
        coverage = cover(behaviours(), [load(Path(name)) for name in arguments])
    except LandproofError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit
    sys.stdout.write(render(coverage))
    return 1 if coverage.unanswered else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
