# SPDX-License-Identifier: MIT
"""The coverage page: every behaviour has its place, and clauses are not lost."""

from reports.coverage import cover, render
from suite.judge.behaviours import Behaviour
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict

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
