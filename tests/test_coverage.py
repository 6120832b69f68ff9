# SPDX-License-Identifier: MIT
"""The coverage page: every behaviour has its place, and clauses are not lost.

That in ``docs`` is of the cases there are. Which kernels reached a clause is not looked at: that
takes results of all of them.
"""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from reports.coverage import cover, render
from reports.markdown import escape
from suite.judge.behaviours import Behaviour, behaviours
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.run.declared import Declared

LISTED = {
    "read": Behaviour(area="fs", says="open(2) | reads.", source="fs.c"),
    "pinned": Behaviour(area="fs", says="An inode stays.", source="fs.c", reason="Not visible."),
    "lost": Behaviour(area="net", says="Nothing shows it.", source="net.c"),
}
CLAUSES = ["no Landlock", "ABI 1", "ABI 2+"]


def case(row: str, clause: str, verdict: Verdict = Verdict.CONFORMS) -> CaseRecord:
    """A case that shows ``read``."""
    return CaseRecord(
        id=f"fs/open[{row}]", verdict=verdict, answers=["read"], clause=clause, clauses=CLAUSES
    )


def run(**targets: list[CaseRecord]) -> Results:
    """A run on kernels of these names."""
    records = [TargetRecord(name=f"vm:{name}", cases=cases) for name, cases in targets.items()]
    return Results(landproof="0", started="", seconds=0.0, targets=records)


def test_what_was_reached_by_whom() -> None:
    a = [case("path", "ABI 2+"), case("fd", "ABI 2+")]
    skipped = CaseRecord(id="fs/open[dir]", verdict=Verdict.SKIPPED, answers=["read"])
    coverage = cover(LISTED, [run(a=a, b=a), run(c=a, d=[case("path", "no Landlock"), skipped])])
    assert coverage.shown["read"].reached == {"ABI 2+": ["a", "b", "c"], "no Landlock": ["d"]}
    assert list(coverage.shown["read"].cases) == ["fs/open[path]", "fs/open[fd]", "fs/open[dir]"]
    assert coverage.never == {
        "ABI 1": ["fs/open[path]", "fs/open[fd]"],
        "no Landlock": ["fs/open[fd]"],
    }
    assert coverage.unheard == ("fs/open[dir]",)
    assert coverage.unanswered == ["lost"]


def test_what_no_kernel_has_yet_is_told_as_such() -> None:
    old = [case("path", it, Verdict.ABSENT) for it in CLAUSES[:2]]
    unseen = render(cover(LISTED, [run(a=old[:1], b=old[1:])]))
    assert "| no Landlock: a<br>ABI 1: b<br>ABI 2+: no kernel reached this |" in unseen
    seen = render(cover(LISTED, [run(a=old[:1], c=[case("path", "ABI 2+")])]))
    assert "| no Landlock: a<br>ABI 2+: c |" in seen


def test_a_verdict_about_our_set_up_reaches_no_clause() -> None:
    coverage = cover(LISTED, [run(a=[case("path", "ABI 1", Verdict.BROKEN)])])
    assert coverage.unheard == ("fs/open[path]",)
    assert not coverage.shown["read"].reached


def test_the_page_has_it_all() -> None:
    page = render(cover(LISTED, [run(a=[case("path", "ABI 2+")], b=[case("path", "ABI 2+")])]))
    assert "| fs | 2 | 1 | 1 | 0 | 1 |" in page
    assert "| net | 1 | 0 | 0 | 1 | 0 |" in page
    assert r"| `read` | open(2) \| reads. | fs/open [path] | ABI 2+: a, b |" in page
    assert "| `pinned` | An inode stays. | Not visible. |" in page
    assert "| `lost` | Nothing shows it. | **unanswered** |" in page
    assert "| ABI 1 | 1 | fs/open [path] |" in page


PAGE = (Path(__file__).parents[1] / "docs" / "coverage.md").read_text(encoding="utf-8")
STALE = "docs/coverage.md is stale: run python -m reports.coverage on full results of all kernels"
Files = dict[str, set[str]]
"""The rows of each file of cases."""


LINES = {
    name: re.split(r"(?<!\\) \| ", cells)
    for name, cells in re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE, re.MULTILINE)
}
"""The cells behind the name of each behaviour: what it says, then its cases or why it has none."""


def named(text: str) -> dict[str, tuple[set[str], int]]:
    """From ``fs/truncate [creat, path, and 3 more]``: the rows by name, and how many there are."""
    found = {}
    for file, rows, more in re.findall(r"([a-z]+/\w+) \[(.+?)(?:, and (\d+) more)?\]", text):
        names = rows.split(", ")
        found[file] = set(names), len(names) + int(more or 0)
    return found


@pytest.fixture(scope="module")
def shown(declared: dict[str, Declared]) -> dict[str, Files]:
    """The cases that show each behaviour."""
    found: dict[str, Files] = defaultdict(lambda: defaultdict(set))
    for case in declared.values():
        file, _, row = case.id.removesuffix("]").partition("[")
        for name in case.answers:
            found[name][file].add(row)
    return found


def test_the_page_in_docs_says_what_is_listed() -> None:
    says = {name: escape(it.says) for name, it in behaviours().items()}
    assert {name: cells[0] for name, cells in LINES.items()} == says, STALE


def test_the_page_in_docs_has_the_cases_there_are(shown: dict[str, Files]) -> None:
    """As many of each file, and none that shows something else."""
    stale = []
    for name, files in shown.items():
        on_page = named(LINES[name][1]) if name in LINES else {}
        counts = {file: count for file, (_, count) in on_page.items()}
        fits = all(rows <= files.get(file, set()) for file, (rows, _) in on_page.items())
        if not fits or counts != {file: len(rows) for file, rows in files.items()}:
            stale.append(name)
    assert stale == [], STALE


def test_the_page_in_docs_says_why_a_behaviour_has_no_case(shown: dict[str, Files]) -> None:
    listed = behaviours()
    said = {name: cells[1:] for name, cells in LINES.items() if name not in shown}
    assert said == {name: [escape(listed[name].reason)] for name in said}, STALE


def test_the_page_in_docs_names_no_case_that_is_gone(declared: dict[str, Declared]) -> None:
    """Nor does it where it tells of clauses that no kernel reached."""
    told = [item for line in PAGE.splitlines() for item in named(line).items()]
    ids = {f"{file}[{row}]" for file, (rows, _) in told for row in rows}
    assert ids - declared.keys() == set(), STALE
