# SPDX-License-Identifier: MIT
"""The page: whole without a network, a script or trust in what targets print."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from reports.answer import Standing, answer, beneath
from reports.html.beneath import groups
from reports.html.data import Data, compact
from reports.html.page_time import synthetic
from reports.html.top import top
from reports.matrix import build
from reports.render import render
from suite.judge.behaviours import Behaviour
from suite.judge.outcome import Seen
from suite.judge.records import CaseRecord, Results, TargetRecord, Verdict
from suite.landlock.bugs import SIGIO_BYPASS
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
        to = attributes.get("href") or "#"
        # A link is followed by the reader alone, and says nothing of where it was.
        assert to.startswith("#") or (
            tag == "a" and to.startswith("https://") and attributes.get("rel") == "noreferrer"
        )
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
    assert {it[1:] for it in anchors if it[0] == "#" and "=" not in it} <= set(ids)


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
    assert any(HOSTILE in title for title in page.words("h4"))


def _compact(results: Results, listed: Mapping[str, Behaviour] | None = None) -> Data:
    return compact(results, listed or {}, answer(results))


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
    assert _unfold(_compact(results)) == _said(results)


def test_a_lost_case_is_described_by_other_kernels() -> None:
    lost = CaseRecord(id="fs/a", verdict=Verdict.LOST)
    told = CaseRecord(id="fs/a", verdict=Verdict.CONFORMS, summary="So.", covers=["fs.refer"])
    targets = [TargetRecord(name="a", cases=[lost]), TargetRecord(name="b", cases=[told])]
    data = _compact(run(*targets))
    assert data.values[data.cases[0].summary] == "So."
    assert data.values[data.cases[0].covers] == ("fs.refer",)


def test_behaviours_in_use_come_with_their_sentences() -> None:
    case = CaseRecord(id="fs/a", verdict=Verdict.CONFORMS, answers=["known", "unknown"])
    listed = {
        name: Behaviour(area="fs", says="It is so.", source="") for name in ("known", "other")
    }
    data = _compact(run(TargetRecord(name="a", cases=[case])), listed)
    assert data.behaviours == {"known": "It is so."}


def _holds(texts: Sequence[str], part: Sequence[str]) -> bool:
    return any(texts[at : at + len(part)] == part for at in range(len(texts)))


def test_the_summary_needs_no_script() -> None:
    matrix = build(zoo())
    cells = [str(cell) for row in matrix.rows if not row.feature for cell in row.cells]
    assert _holds(PAGE.words("td"), cells)
    lines = "claims ABI 6 errata none; provides ABI 5: scope.signal is rejected"
    assert lines in PAGE.words("tbody")[2]
    groups = beneath(answer(zoo()).bugs, matrix)
    assert PAGE.words("h4") == [it.case for _, found in groups for it in found]


def test_what_is_listed_as_known_is_marked_without_a_script() -> None:
    page = _Page(render(known(), "html"))
    assert _holds(page.words("td"), ["crash 1/7+", "DEV 1/7+"])
    assert page.words("h4") == ["fs/access[execute]", "fs/truncate[path] known"]
    assert page.words("h3") == [
        "new No known bug explains it",
        "listed No known bug, but listed as known",
        "crashed on vm:6.12, vm:6.18 known",
        "skipped on vm:6.12, vm:6.18",
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


def test_the_answer_comes_first_and_without_a_script() -> None:
    told = answer(zoo())
    assert PAGE.words("li")[: len(told.headlines)] == [it.says for it in told.headlines]
    text = render(zoo(), "html")
    places = [
        text.index(part)
        for part in (
            told.headlines[0].says,
            'class="sentences"',
            'id="risks"',
            'id="bugs"',
            'id="matrix"',
            'id="kernels"',
        )
    ]
    assert places == sorted(places)


def test_only_kernels_that_are_not_calm_have_a_sentence_the_worst_first() -> None:
    told = answer(zoo())
    first = top(told, 200)
    calm = {it.name for it in told.kernels if it.grades[0] in (Standing.CALM, Standing.BARE)}
    assert {it.name for it in first.sentences} == {it.name for it in told.kernels} - calm
    assert first.sentences[0].name in told.headlines[0].says
    assert calm
    assert all(any(name in line.says for line in told.headlines) for name in calm)


def test_what_is_new_stands_above_all_bugs_with_its_command() -> None:
    told = answer(zoo())
    rows = top(told, 200).rows
    assert [row.impact for row in rows] == ["new"] * len(told.new) + [
        bug.impact for bug in told.bugs
    ]
    assert [row.command for row in rows[: len(told.new)]] == [it.command for it in told.new]
    assert set(PAGE.words("code")) >= {it.command for it in told.new}


def test_a_cell_says_where_the_series_of_its_kernel_has_the_fix() -> None:
    case = CaseRecord(id="history/sigio[x]", verdict=Verdict.DEVIATES, bug=str(SIGIO_BYPASS))
    calm = replace(case, verdict=Verdict.CONFORMS, bug="")
    releases = {"6.18.15": case, "6.19.14": case, "7.3.4": calm}
    targets = [
        replace(kernel(f"vm:{name}", name, 7, 7), cases=[it]) for name, it in releases.items()
    ]
    first = top(answer(run(*targets)), 200)
    assert first.columns == [("6.18.15", "#kernel=6.18.15"), ("6.19.14", "#kernel=6.19.14")]
    assert [(it.text, it.note, it.loud) for it in first.rows[0].cells] == [
        ("seen", "6.18.40", "bad"),
        ("seen", "no fix", "bad"),
    ]
    page = _Page(render(run(*targets), "html"))
    found = {attributes.get("href") for tag, attributes in page.elements if tag == "a"}
    assert {*SIGIO_BYPASS.links.values(), "#bug-sigio-bypass"} <= found


def test_cases_of_an_erratum_stand_beneath_it() -> None:
    case = CaseRecord(
        id="history/whiteouts[x]",
        verdict=Verdict.UNFIXED,
        clause="ABI 1+, erratum 4 not fixed",
    )
    target = replace(kernel("vm:6.18.15", "6.18.15", 7, 7), cases=[case])
    results = run(target)
    (group,) = groups(answer(results), build(results))
    assert group.title.startswith("erratum 4")
    assert group.shown == [(case.id, "#case=history/whiteouts%5Bx%5D&kernel=6.18.15")]
    assert group.entries == []
    assert group.anchor == "bug-erratum-4"
