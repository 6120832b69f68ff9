# SPDX-License-Identifier: MIT
"""The pages for people, looked at by axe: names, roles, contrast, headings, the keyboard."""

from pathlib import Path

import pytest

from reports.cost.page import page as cost_page
from tests.axe import MISSING, script, violations
from tests.browser import CHROMIUM, Browser
from tests.cost_miniature import costs
from tests.html_pages import TSYNC, told, write
from tests.report_miniatures import compat_zoo, hostile, known

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
    pytest.mark.skipif(script() is None, reason=MISSING),
]

STATES = {
    "first screen": "",
    "drawer": TSYNC,
    "drawer of a row": "#row=fs&kernel=6.18",
    "kernel": "#kernel=7.0",
    "kernel and drawer": f"{TSYNC}&view=7.0",
    "no such kernel": "#kernel=1.0",
    "compare": "#compare=6.12,7.0&unfolded=syscalls&unfolded=syscalls:restrict.tsync",
    "unfolded": "#unfolded=fs&unfolded=fs:fs.refer&unfolded=net&unfolded=syscalls",
    "filtered": "#verdict=deviates&text=tsync",
    "nothing left": "#text=nowhere",
}
OPEN_ALL = "document.querySelectorAll('main details').forEach((it) => { it.open = true; })"


def _found(browser: Browser, uri: str, script: str = "0") -> list[str]:
    """What axe finds on a narrow screen, on one on which not all fits, and on a wide dark one.

    The style has one limit of width and one of colour, so that these three have all there is; on
    the second, the colours are those of the first.
    """
    browser.screen(390, 900)
    browser.open(uri)
    browser.run(script)
    found = [f"at 390 px: {it}" for it in violations(browser)]
    browser.screen(768, 900)
    browser.settle()
    found += [f"at 768 px: {it}" for it in violations(browser, colours=False)]
    browser.screen(1280, 900, dark=True)
    browser.settle()
    return found + [f"in the dark: {it}" for it in violations(browser)]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(browser: Browser, page: str, state: str) -> None:
    assert _found(browser, page + STATES[state]) == []


PAGES = {
    "unfolded": (told, "html"),
    "known": (known, "html"),
    "hostile": (hostile, "html"),
    "compat": (compat_zoo, "compat-html"),
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_a_page_with_all_lists_open(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    results, fmt = PAGES[name]
    uri = write(results(), tmp_path / "page.html", fmt)
    assert _found(browser, uri, OPEN_ALL) == []


def test_axe_finds_nothing_in_the_page_of_costs(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(cost_page(costs()), encoding="utf-8")
    assert _found(browser, file.as_uri(), OPEN_ALL) == []
    browser.screen(390, 900)
    browser.settle()
    # Tables scroll by themselves, and the page does not.
    wide = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)"
    assert not browser.run(f"{wide}(document.documentElement)")


FAULTS = {
    "color-contrast": "document.querySelector('h1').style.color = '#999'",
    "button-name": "document.querySelector('#unfold').textContent = ''",
    "label": "const field = document.querySelector('input[type=search]');"
    "field.placeholder = ''; field.parentElement.replaceWith(field)",
    "heading-order": "document.querySelector('h2').replaceWith(document.createElement('h5'));"
    "document.querySelector('h5').textContent = 'x'",
    "scrollable-region-focusable": "document.querySelectorAll('#matrix :is(a, button)')"
    ".forEach((it) => it.remove());"
    "document.querySelector('.scroll:has(#matrix)').removeAttribute('tabindex')",
    "aria-required-parent": "document.querySelector('#matrix tbody tr').role = 'listitem'",
}


@pytest.mark.parametrize("rule", FAULTS)
def test_axe_finds_a_fault(browser: Browser, rule: str, tmp_path: Path) -> None:
    """So that a page without violations means something: each fault is made in one."""
    # Without its policy, which forbids a style that is set from outside.
    text = Path(write(told(), tmp_path / "page.html").removeprefix("file://")).read_text()
    (tmp_path / "page.html").write_text(text.replace("Content-Security-Policy", "x"))
    browser.screen(390, 900)
    browser.open((tmp_path / "page.html").as_uri())
    browser.run(f"(() => {{ {FAULTS[rule]} }})()")
    assert {it.partition(":")[0] for it in violations(browser)} >= {rule}
