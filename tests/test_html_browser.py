# SPDX-License-Identifier: MIT
"""The page in a real browser: filters, rows that unfold, details, permalinks, the keyboard."""

import json
from pathlib import Path
from typing import Any

import pytest

from reports.html.page_time import synthetic
from reports.matrix import build
from suite.judge.records import Verdict
from tests.browser import CHROMIUM, Browser
from tests.html_pages import DRAWER, FOCUS, TSYNC, VIEW, fragment, rows_of, write
from tests.report_miniatures import BUG, LISTED, hostile, known, zoo

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

LOW_CONTRAST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (colour) => colour.slice(0, 3)
    .map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    .reduce((sum, it, place) => sum + it * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    const colour = rgb(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? ground(element.parentElement) : colour;
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((it) => it.nodeType === 3 && it.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const both = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (ratio < 4.5) low.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return [...new Set(low)];
})()"""


def _cells(browser: Browser, head: str) -> list[str]:
    """The texts of the cells of the first row with this head."""
    found: list[str] = browser.run(
        "[...[...document.querySelectorAll('#matrix tbody tr')].find((it) =>"
        f" (it.querySelector('.label') ?? it.cells[0]).innerText.startsWith({json.dumps(head)}))"
        ".cells].slice(1).map((it) => it.innerText.replace(/\\s+/g, ' ').trim())"
    )
    return found


def _unfold(browser: Browser, head: str) -> None:
    browser.run(
        "[...document.querySelectorAll('#matrix [aria-expanded]')].find((it) =>"
        f" it.querySelector('.label').innerText.startsWith({json.dumps(head)})).click()"
    )


def _tick(browser: Browser, name: str, value: str) -> None:
    browser.run(f"document.querySelector('input[name={name}][value={json.dumps(value)}]').click()")


def _status(browser: Browser) -> str:
    status: str = browser.run("document.querySelector('#status').innerText")
    return status


def test_the_script_counts_as_the_matrix_does(browser: Browser, page: str) -> None:
    browser.open(page)
    areas: dict[str, list[str]] = {}
    for row in build(zoo()).rows:
        if not row.feature:
            areas[row.area] = [str(cell) for cell in row.cells]
    assert {head: _cells(browser, head) for head in rows_of(browser)} == areas
    _unfold(browser, "fs")
    for row in build(zoo()).rows:
        if row.area == "fs" and row.feature:
            assert _cells(browser, row.feature) == [str(cell) for cell in row.cells]


def test_rows_unfold_to_features_and_cases_and_fold_again(browser: Browser, page: str) -> None:
    browser.open(page)
    before = rows_of(browser)
    _unfold(browser, "net")
    _unfold(browser, "net.bind_tcp")
    rows = rows_of(browser)
    place = rows.index("net")
    assert [row.partition(" ")[0] for row in rows[place + 1 : place + 4]] == [
        "net.bind_tcp",
        "tcp[bind]",
        "net.connect_tcp",
    ]
    assert _cells(browser, "tcp[bind]") == ["-"] * 3 + ["ok"] * 4 + ["LOST"] + ["ok"] * 2 + ["LOST"]
    _unfold(browser, "net")
    assert rows_of(browser) == before


def test_filters_leave_what_matches(browser: Browser, page: str) -> None:
    browser.open(page)
    assert _status(browser) == "43 cases on 11 kernels"
    _tick(browser, "verdict", "deviates")
    assert rows_of(browser) == ["claims", "scope", "syscalls"]
    assert _status(browser) == "4 of 43 cases on 11 kernels"
    _tick(browser, "kernels", "vm:7.0")
    assert rows_of(browser) == ["syscalls"]
    assert _cells(browser, "syscalls") == ["DEV 1"]
    assert _status(browser) == "1 of 43 cases on 1 of 11 kernels"
    browser.run("document.querySelector('#reset').click()")
    _tick(browser, "abi", "6")
    heads = (
        "[...document.querySelectorAll('#matrix thead th:not([hidden]) a')].map((it) => it.text)"
    )
    assert browser.run(heads) == ["el9", "6.12", "6.12u"]
    _tick(browser, "area", "scope")
    assert rows_of(browser) == ["scope"]


def test_known_faults_have_a_mark_and_a_filter_of_their_own(
    browser: Browser, tmp_path: Path
) -> None:
    browser.open(write(known(), tmp_path / "known.html"))
    _unfold(browser, "fs")
    rows = {row.feature or "fs": [str(it) for it in row.cells] for row in build(known()).rows}
    assert {name: _cells(browser, name) for name in rows} == rows
    assert browser.run(LOW_CONTRAST) == []
    _tick(browser, "verdict", "deviates")
    assert _status(browser) == "1 of 7 cases on 2 kernels"
    _tick(browser, "verdict", "deviates as known")
    assert _status(browser) == "2 of 7 cases on 2 kernels"
    browser.open(f"{tmp_path.as_uri()}/known.html#case=fs/truncate[path]&kernel=6.12")
    text = browser.run(DRAWER)
    assert "dev deviates as known on 6.12" in " ".join(text.split())
    assert LISTED in text


def test_text_is_searched_in_cases_and_in_what_was_seen(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('[name=text]').focus()")
    for text, rows in {
        "tcp socket CONNECT": ["net"],
        "cve-2024-42318": ["syscalls"],
        "null pointer": ["fs"],
        "nowhere": [],
    }.items():
        browser.run("document.querySelector('[name=text]').select()")
        browser.type(text)
        assert rows_of(browser) == rows, text


def test_a_cell_opens_all_that_is_known(browser: Browser, page: str) -> None:
    browser.open(page)
    _unfold(browser, "syscalls")
    _unfold(browser, "restrict.tsync")
    browser.run("document.querySelector('tr.level-3 [data-kernel=\"8\"]').click()")
    text = browser.run(DRAWER)
    for part in (
        "syscalls/restrict[tsync]",
        "Every thread gets the domain.",
        "DEV deviates on 7.0",
        "EACCES",
        "allowed",
        "ABI 8+, which applied here",
        "below ABI 8",
        BUG,
        "include/uapi/linux/landlock.h",
        "restrict.tsync (ABI 8+)",
        "tsync-all-threads",
        "landlock_restrict_self(3, 8) = 0",
        "On every kernel",
    ):
        assert part in text
    # The same case on another kernel is one link away.
    browser.run(
        "[...document.querySelectorAll('#detail a')].find((a) => a.text === '5.10').click()"
    )
    assert "absent on 5.10" in browser.run(DRAWER)
    assert fragment(browser).startswith("#case=syscalls/restrict%5Btsync%5D&kernel=5.10")


def test_a_cell_of_a_row_opens_its_cases_worst_first(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelectorAll('#matrix tbody tr')[1].cells[8].firstChild.click()")
    shown = browser.run(
        "[...document.querySelectorAll('#detail summary')].map((it) => it.innerText.trim())"
    )
    assert [line.split()[0] for line in shown] == ["CRASH", "ok", "skip"]
    assert "fs/refer[link]" in browser.run(DRAWER)
    assert fragment(browser) == "#row=fs&kernel=6.18"


def test_a_head_opens_the_page_of_its_kernel(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('#matrix thead [data-kernel=\"4\"]').click()")
    text = browser.run(VIEW)
    assert "claims ABI 6, provides ABI 5: scope.signal is rejected" in text
    assert "claims ABI 6 errata none" in text
    assert "5.14.0-611.5.1.el9_7-1 from debian:trixie" in text
    assert fragment(browser) == "#kernel=el9"


def test_a_permalink_survives_a_reload(browser: Browser, page: str) -> None:
    browser.open(page)
    _tick(browser, "verdict", "deviates")
    _tick(browser, "kernels", "vm:7.0")
    _unfold(browser, "syscalls")
    _unfold(browser, "restrict.tsync")
    browser.run("document.querySelector('tr.level-3 button').click()")
    address, rows, text = fragment(browser), rows_of(browser), browser.run(DRAWER)
    browser.reload()
    assert (fragment(browser), rows_of(browser), browser.run(DRAWER)) == (address, rows, text)
    browser.open(page + address)
    assert (fragment(browser), rows_of(browser), browser.run(DRAWER)) == (address, rows, text)


def test_a_link_to_a_case_unfolds_the_way_to_it(browser: Browser, page: str) -> None:
    browser.open(page + TSYNC)
    assert "deviates on 7.0" in browser.run(DRAWER)
    assert "restrict[tsync]" in rows_of(browser)
    browser.press("Escape")
    assert browser.run(DRAWER) == ""
    assert "case=" not in fragment(browser)
    assert browser.run(FOCUS) == "DEV"


def test_a_link_of_another_run_does_no_harm(browser: Browser, page: str) -> None:
    browser.open(f"{page}#case=fs/gone&kernel=1.0&verdict=none&unfolded=x&nonsense=%E0%A4")
    assert browser.run(DRAWER) == ""
    assert rows_of(browser) == []
    browser.run("document.querySelector('#reset').click()")
    assert len(rows_of(browser)) == 5


def test_back_closes_what_was_opened(browser: Browser, page: str) -> None:
    browser.open(page)
    _tick(browser, "area", "net")
    browser.run("document.querySelector('#matrix td button').click()")
    assert browser.run(DRAWER)
    browser.run("new Promise((done) => { addEventListener('popstate', done); history.back(); })")
    browser.settle()
    assert browser.run(DRAWER) == ""
    assert fragment(browser) == "#area=net"


def test_links_of_the_list_keep_the_filters(browser: Browser, page: str) -> None:
    browser.open(f"{page}#verdict=deviates")
    browser.run("document.querySelector('article a').click()")
    assert browser.run(DRAWER)
    assert "verdict=deviates" in fragment(browser)


def test_everything_is_reached_by_keyboard(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('.scroll:has(#matrix)').focus()")
    # One stop of the Tab key; then the arrows.
    browser.press("Tab")
    assert browser.run(FOCUS).startswith("claims")
    browser.press("ArrowUp", "ArrowRight")
    assert browser.run(FOCUS) == "5.10"
    browser.press("Home", "End", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowDown", "Home")
    assert browser.run(FOCUS).startswith("net")
    browser.press("Enter", "ArrowDown", "Enter", "ArrowDown", "End", "Enter")
    assert "net/tcp[bind]" in browser.run(DRAWER)
    browser.press("Escape")
    assert browser.run(FOCUS) == "LOST"
    browser.press("ArrowLeft", "ArrowLeft")
    assert browser.run(FOCUS) == "ok"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert browser.run(outline) == "solid"


def test_escape_closes_a_list_of_boxes(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('[data-choice=abi]').focus()")
    browser.press("Enter")
    opened = "document.querySelectorAll('.choice[open]').length"
    assert browser.run(opened) == 1
    browser.press("Tab", " ")
    assert fragment(browser) == "#abi=-1"
    browser.press("Escape")
    assert browser.run(opened) == 0
    assert browser.run(FOCUS) == "ABI: never came up"


def test_what_targets_print_does_not_act_on_the_page(browser: Browser, tmp_path: Path) -> None:
    uri = write(hostile(), tmp_path / "page.html")
    browser.open(uri)
    browser.run("document.querySelector('#unfold').click()")
    count = browser.run("document.querySelectorAll('tr.level-3 button').length")
    assert count >= len(Verdict)
    for place in range(count):
        browser.run(f"document.querySelectorAll('tr.level-3 button')[{place}].click()")
        assert browser.run(DRAWER)
        assert browser.run("document.querySelectorAll('x').length") == 0
        reloaded = fragment(browser)
        browser.press("Escape")
        browser.open(uri + reloaded)
        assert browser.run(DRAWER)
        browser.press("Escape")


def test_many_rows_are_not_unfolded_at_once(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(synthetic(kernels=15, cases=2000), tmp_path / "page.html"))
    assert browser.run("document.querySelector('#unfold').disabled")
    assert browser.run("document.querySelectorAll('#matrix tbody tr').length") == 8
    browser.run("document.querySelector('[name=text]').focus()")
    browser.type("behaviour_7")
    browser.run("document.querySelector('#unfold').click()")
    assert "behaviour_7[with-some-row-number-175]" in rows_of(browser)


def test_a_phone_scrolls_the_matrix_and_not_the_page(browser: Browser, page: str) -> None:
    browser.screen(390, 844)
    for uri in (page, page + TSYNC):
        browser.open(uri)
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not browser.run(wide)
    assert not browser.run("(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(detail)")
    browser.open(page)
    label = "document.querySelector('#matrix tbody .label').getBoundingClientRect().left"
    before = browser.run(label)
    assert browser.run("(document.querySelector('.scroll:has(#matrix)').scrollLeft = 200)") == 200
    assert browser.run(label) == before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, page: str, dark: bool) -> None:
    browser.screen(1280, 900, dark=dark)
    browser.open(f"{page}#unfolded=fs&unfolded=net&unfolded=syscalls")
    assert browser.run("document.querySelector('.legend').open = true")
    assert browser.run(LOW_CONTRAST) == []
    browser.open(page + TSYNC)
    assert browser.run(LOW_CONTRAST) == []


def test_paper_gets_the_tables_without_the_controls(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.send("Emulation.setEmulatedMedia", media="print")
    try:
        visible: Any = browser.run(
            "['#filters', '#matrix', '.kernels', 'article']"
            ".map((it) => document.querySelector(it).checkVisibility())"
        )
        assert visible == [False, True, True, True]
        style = "getComputedStyle(document.querySelector('.scroll:has(#matrix)'))"
        assert browser.run(f"{style}.overflow + ' ' + {style}.maxHeight") == "visible none"
    finally:
        browser.send("Emulation.setEmulatedMedia", media="")
