# SPDX-License-Identifier: MIT
"""The page: whole without a network, a script or trust in what targets print."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from reports.html.data import Data, compact
from reports.html.page_time import synthetic
from reports.matrix import build
from reports.render import render
from suite.judge.behaviours import Behaviour
from suite.judge.outcome import Seen
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from tests.abi_miniature import at_abi_11
from tests.report_miniatures import LISTED, kernel, known, run, zoo

pytestmark = pytest.mark.usefixtures("abi_11")
VOID = {"meta", "input"}
HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>'\"&amp;"


class _Page(HTMLParser):
    """The elements of a page with their attributes and text; every one must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def words(self, tag: str) -> list[str]:
        """The texts of the elements of a kind."""
        return [" ".join(text.split()) for text in self.texts.get(tag, [])]

    def data(self) -> Any:  # noqa: ANN401 (JSON)
        """What the script reads."""
        return json.loads(self.texts["script"][0])


with at_abi_11():
    PAGE = _Page(render(zoo(), "html"))


def test_nothing_is_loaded_from_anywhere() -> None:
    for tag, attributes in PAGE.elements:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", render(zoo(), "html"))


def test_the_policy_allows_the_style_and_the_script_and_nothing_else() -> None:
    policy = next(
        attributes["content"] or ""
        for _, attributes in PAGE.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    for text in (PAGE.texts["style"][0], PAGE.texts["script"][1]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not any("style" in attributes for _, attributes in PAGE.elements)


def test_ids_are_unique_and_anchors_lead_somewhere() -> None:
    ids = [attributes["id"] for _, attributes in PAGE.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    anchors = {attributes["href"] or "" for tag, attributes in PAGE.elements if tag == "a"}
    assert {anchor[1:] for anchor in anchors if "=" not in anchor} <= set(ids)


def test_what_a_target_says_stays_text() -> None:
    case = CaseRecord(
        id=f"fs/{HOSTILE}[{HOSTILE}]",
        verdict=Verdict.DEVIATES,
        summary=HOSTILE,
        source=HOSTILE,
        covers=[HOSTILE],
        answers=[HOSTILE],
        expected=Seen(HOSTILE),
        observed=Seen(f"{HOSTILE}\x1b]0;title\x07\u202e"),
        clause=HOSTILE,
        clauses=[HOSTILE],
        bug=HOSTILE,
        known=HOSTILE,
        reason=HOSTILE,
        calls=[HOSTILE],
    )
    crashed = replace(case, id=f"{HOSTILE}/x", verdict=Verdict.CRASHED)
    text = render(run(TargetRecord(name=HOSTILE, cases=[case, crashed])), "html")
    page = _Page(text)
    kinds = [tag for tag, _ in page.elements]
    assert "img" not in kinds
    assert kinds.count("script") == 2
    assert "<!--" not in text
    data = page.data()
    assert data["kernels"][0][0] == HOSTILE
    assert case.id in {entry[0] for entry in data["cases"]}
    assert f"seen({HOSTILE}\\x1b]0;title\\x07\\u202e)" in data["values"]
    assert HOSTILE in page.words("h3")[0]


def _unfold(data: Data) -> dict[tuple[str, str], tuple[object, ...]]:
    """Every record, from what is said once."""
    found: dict[tuple[str, str], tuple[object, ...]] = {}
    for case in data.cases:
        described = [data.values[it] for it in (case.summary, case.source, case.covers)]
        for column, place in zip(data.kernels, data.patterns[case.pattern], strict=True):
            if place >= 0:
                it = data.observations[place]
                seen = (it.expected, it.observed, it.control, it.clause, it.clauses, it.bug)
                rest = [data.values[each] for each in (*seen, it.known, it.reason, it.calls)]
                verdict = data.words[it.verdict].name
                found[column.name, case.id] = (*described, verdict, *rest)
    return found


def _said(results: Results) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        (target.name, it.id): (
            *(it.summary, it.source, tuple(it.covers)),
            f"{it.verdict} as known" if it.known else str(it.verdict),
            *(str(each) if each else "" for each in (it.expected, it.observed, it.control)),
            *(it.clause, tuple(it.clauses), it.bug, it.known, it.reason, tuple(it.calls)),
        )
        for target in results.targets
        for it in target.cases
    }


def test_nothing_is_lost_when_it_is_said_once() -> None:
    results = synthetic(kernels=5, cases=300)
    results.targets[2].cases = results.targets[2].cases[::2]
    for case in (cases := results.targets[0].cases)[::3]:
        if case.verdict is Verdict.DEVIATES:
            cases[cases.index(case)] = replace(case, known=LISTED)
    assert _unfold(compact(results, {})) == _said(results)


def test_a_lost_case_is_described_by_other_kernels() -> None:
    lost = CaseRecord(id="fs/a", verdict=Verdict.LOST)
    told = CaseRecord(id="fs/a", verdict=Verdict.CONFORMS, summary="So.", covers=["fs.refer"])
    targets = [TargetRecord(name="a", cases=[lost]), TargetRecord(name="b", cases=[told])]
    data = compact(run(*targets), {})
    assert data.values[data.cases[0].summary] == "So."
    assert data.values[data.cases[0].covers] == ("fs.refer",)


def test_behaviours_in_use_come_with_their_sentences() -> None:
    case = CaseRecord(id="fs/a", verdict=Verdict.CONFORMS, answers=["known", "unknown"])
    listed = {
        name: Behaviour(area="fs", says="It is so.", source="") for name in ("known", "other")
    }
    data = compact(run(TargetRecord(name="a", cases=[case])), listed)
    assert data.behaviours == {"known": "It is so."}


def test_the_summary_needs_no_script() -> None:
    matrix = build(zoo())
    cells = [str(cell) for row in matrix.rows if not row.feature for cell in row.cells]
    assert PAGE.words("td")[: len(cells)] == cells
    lines = "claims ABI 6 errata none; provides ABI 5: scope.signal is rejected"
    assert lines in PAGE.words("tbody")[1]
    titles = PAGE.words("h3")
    assert titles[: len(matrix.deviations)] == [it.case for it in matrix.deviations]


def test_what_is_listed_as_known_is_marked_without_a_script() -> None:
    page = _Page(render(known(), "html"))
    assert page.words("td")[:2] == ["crash 1/7+", "DEV 1/7+"]
    assert page.words("h2")[2] == "Deviations (2, 1 known)"
    assert page.words("h3")[:3] == [
        "fs/access[execute]",
        "fs/truncate[path] known",
        "crashed on vm:6.12, vm:6.18 known",
    ]
    assert page.words("dd").count(LISTED) == 1


def test_columns_say_where_claims_are_not_kept() -> None:
    heads = [head for head in PAGE.words("th") if re.match(r"(el9|5\.10|next|7\.9|6\.9) ", head)]
    assert heads == [
        "5.10 no Landlock",
        "6.9 ABI 4 provides ?",
        "el9 ABI 6 provides 5",
        "next ABI 13",
        "7.9 never came up",
    ]


def test_a_large_run_stays_small() -> None:
    text = render(synthetic(kernels=15, cases=2000), "html")
    assert len(text.encode()) < 5_000_000
    # What is listed without a script is cut, and says so.
    assert _Page(text).elements.count(("article", {})) <= 400
    assert "1300 more: the matrix has them all." in text


@pytest.mark.parametrize("results", [run(), run(TargetRecord(name="silent"))])
def test_nothing_to_show_is_said(results: Results) -> None:
    assert "No case ran." in _Page(render(results, "html")).words("p")


def test_the_page_does_not_depend_on_the_order_of_cases() -> None:
    one = kernel("vm:6.12", "6.12", 6, 0b11)
    other = replace(one, cases=one.cases[::-1])
    assert render(run(one), "html") == render(run(other), "html")
