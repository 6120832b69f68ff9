# SPDX-License-Identifier: MIT
"""The page in a browser: one kernel, two compared, columns beside the screen, links, calls."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports import links
from suite.judge.records import CaseRecord, TargetRecord, Verdict
from tests.browser import CHROMIUM, Browser
from tests.html_pages import DRAWER, FOCUS, TSYNC, VIEW, fragment, write
from tests.report_miniatures import LISTED, kernel, known, run, zoo

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

STATUS = "document.querySelector('#status').innerText"
HEADS = "[...document.querySelectorAll('#matrix thead th')].filter((it) => it.checkVisibility())"
BACK = "new Promise((done) => { addEventListener('popstate', done); history.back(); })"
LINKS = "[...document.querySelectorAll('#detail a[rel=noreferrer]')].map((it) => it.href)"


def _visible(browser: Browser, selector: str) -> bool:
    found: bool = browser.run(f"document.querySelector({json.dumps(selector)}).checkVisibility()")
    return found


# One kernel


@pytest.mark.parametrize("name", ["7.0", "vm:7.0"])
def test_a_kernel_has_an_address(browser: Browser, page: str, name: str) -> None:
    browser.open(f"{page}#kernel={name}")
    text = browser.run(VIEW)
    assert text.index("Landlock on 7.0") < text.index("claims ABI 8, provides it")
    assert "needs btrfs: no module for it" in text
    assert "1 of 43 were not shown: 1 need what the kernel lacks\n" in text
    assert "debian:trixie" in text
    assert browser.run("document.title") == "landproof: Landlock on 7.0"
    assert not _visible(browser, "#matrix")
    before = text
    browser.reload()
    assert browser.run(VIEW) == before


def test_the_way_to_a_kernel_and_back(browser: Browser, page: str) -> None:
    browser.open(f"{page}#area=syscalls")
    browser.run("document.querySelector('#matrix thead [data-kernel=\"8\"]').click()")
    assert fragment(browser) == "#kernel=7.0&area=syscalls"
    assert browser.run(FOCUS) == "Landlock on 7.0"
    # To another one, and into the drawer.
    browser.run("document.querySelector('#view nav [data-view=el9]').click()")
    assert "Landlock on el9" in browser.run(VIEW)
    browser.run("document.querySelector('#view tbody th a').click()")
    assert fragment(browser) == "#row=claims&kernel=el9&view=el9&area=syscalls"
    assert "on el9" in browser.run(DRAWER)
    browser.reload()
    assert browser.run(DRAWER)
    assert "Landlock on el9" in browser.run(VIEW)
    browser.press("Escape")
    assert fragment(browser) == "#kernel=el9&area=syscalls"
    titles = []
    while browser.run(VIEW):
        titles.append(browser.run("document.querySelector('#view h2').innerText"))
        browser.run(BACK)
        browser.settle()
    assert [*dict.fromkeys(titles)] == ["Landlock on el9", "Landlock on 7.0"]
    assert fragment(browser) == "#area=syscalls"
    assert _visible(browser, "#matrix")


def test_all_kernels_are_one_link_away(browser: Browser, page: str) -> None:
    browser.open(f"{page}#kernel=7.0")
    browser.run("document.querySelector('#view nav a').click()")
    assert browser.run(VIEW) == ""
    assert _visible(browser, "#matrix")


def test_a_kernel_that_is_not_there_is_said(browser: Browser, page: str) -> None:
    browser.open(f"{page}#kernel=1.0")
    assert "No kernel 1.0 in these results" in browser.run(VIEW)


def test_the_anchors_of_rows_still_work(browser: Browser, page: str) -> None:
    browser.open(f"{page}#kernel-4")
    inside = "(({ top }) => top >= 0 && top < innerHeight)"
    row = "document.querySelector('#kernel-4').getBoundingClientRect()"
    assert browser.run(f"{inside}({row})")
    browser.open(f"{page}#kernel=7.0")
    browser.run("location.hash = '#kernel-4'")
    browser.settle()
    assert browser.run(VIEW) == ""
    assert browser.run(f"{inside}({row})")


# Two kernels


def test_two_kernels_are_compared_by_their_address(browser: Browser, page: str) -> None:
    browser.open(f"{page}#compare=6.12,7.0")
    assert browser.run(f"{HEADS}.map((it) => it.innerText.split(/\\s/)[0])") == [
        "Area", "6.12", "7.0", "Which",
    ]  # fmt: skip
    browser.run("document.querySelector('#unfold').click()")
    ways = dict(
        browser.run(
            "[...document.querySelectorAll('#matrix .level-3')].map((it) =>"
            " [it.cells[0].innerText, it.cells[3].innerText])"
        )
    )
    assert ways["restrict[tsync]"] == "better on 6.12"
    assert ways["bits[restrict-tsync]"] == "only on 7.0"
    assert "bits[fs-refer]" not in ways  # both provide it
    assert browser.run(STATUS).startswith(f"{len(ways)} of 43 cases differ between 6.12 and 7.0: ")
    status = browser.run(STATUS)
    browser.reload()
    assert browser.run(STATUS) == status


def test_two_kernels_are_chosen_by_keyboard(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('#compare select').focus()")
    browser.run("document.querySelectorAll('#compare select')[0].value = '6.18'")
    browser.press("Tab", "Tab")
    assert browser.run(FOCUS) == "Compare"
    browser.press("Enter")
    assert fragment(browser) == "#compare=6.18,7.9"
    browser.press("Tab", "Enter")
    assert fragment(browser) == ""
    assert browser.run(STATUS) == "43 cases on 11 kernels"
    browser.run(BACK)
    browser.settle()
    assert "differ between 6.18 and 7.9" in browser.run(STATUS)


def test_a_kernel_is_not_compared_with_itself(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("for (const it of document.querySelectorAll('#compare select')) it.value = '6.18'")
    browser.run("document.querySelector('#compare button').click()")
    assert browser.run("document.querySelector('#compare').innerText").endswith(
        "Choose two different kernels."
    )
    assert fragment(browser) == ""


@pytest.mark.parametrize(
    ("verdicts", "way"),
    [
        ((Verdict.CONFORMS, Verdict.DEVIATES), "better on a"),
        ((Verdict.CRASHED, Verdict.DEVIATES), "better on b"),
        ((Verdict.UNFIXED, Verdict.CONFORMS), "better on b"),
        ((Verdict.ABSENT, Verdict.CONFORMS), "only on b"),
        ((Verdict.DEVIATES, Verdict.ABSENT), "better on b"),
        ((Verdict.SKIPPED, Verdict.CONFORMS), "skipped on a"),
        ((Verdict.CONFORMS, None), "ran only on a"),
    ],
)
def test_which_way_two_kernels_differ(
    browser: Browser, tmp_path: Path, verdicts: tuple[Verdict | None, ...], way: str
) -> None:
    targets = [
        replace(
            kernel(f"vm:{name}", "6.12", 6, 0b11),
            cases=[CaseRecord(id="fs/x", verdict=verdict)] if verdict else [],
        )
        for name, verdict in zip("ab", verdicts, strict=True)
    ]
    browser.open(
        f"{write(run(*targets), tmp_path / 'p.html')}#compare=a,b&unfolded=fs&unfolded=fs/x"
    )
    assert browser.run("document.querySelector('.level-3 .way').innerText") == way
    browser.open(f"{tmp_path.as_uri()}/p.html#compare=b,a&unfolded=fs&unfolded=fs/x")
    assert browser.run("document.querySelector('.level-3 .way').innerText") == way


def test_names_with_commas_are_compared_too(browser: Browser, tmp_path: Path) -> None:
    targets = [kernel(name, "6.12", abi, 0) for name, abi in (("a,b", 4), ("a", 5), ("b,c", 6))]
    uri = write(run(*targets), tmp_path / "page.html")
    for pair, said in {"a,b,b,c": "a,b and b,c", "a,b,c": "a and b,c", "a,a": "", "a": ""}.items():
        browser.open(f"{uri}#compare={pair}")
        status = browser.run(STATUS)
        assert f"differ between {said}:" in status if said else "differ" not in status


# Columns


def test_a_phone_is_told_of_columns_beside_the_screen(browser: Browser, page: str) -> None:
    browser.screen(390, 844)
    browser.open(page)
    more = "[...document.querySelectorAll('.sides:has(+ .scroll > #matrix) .more')]"
    shown = f"{more}.filter((it) => it.checkVisibility()).map((it) => it.innerText)"
    names = f"{HEADS}.filter((it) => it.getBoundingClientRect().right <= 390).length"
    inside = browser.run(names)
    assert inside >= 4
    (said,) = browser.run(shown)
    assert said.startswith(f"{11 - inside} more kernels, ")
    assert said.endswith(" with faults →")
    browser.send("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-reduced-motion", "value": "reduce"}])  # fmt: skip
    browser.run(f"{more}[1].click()")
    browser.settle()
    left, right = browser.run(shown)
    assert left.startswith("← ")
    assert right.endswith(" →")
    for _ in range(4):
        browser.run(f"{more}[1].click()")
        browser.settle()
    (left,) = browser.run(shown)
    assert left.startswith("← ")
    browser.screen(1280, 900)
    browser.settle()
    assert browser.run(shown) == []


def test_a_phone_gives_kernels_all_of_its_width(browser: Browser, page: str) -> None:
    browser.screen(390, 844)
    browser.open(page)
    first = "document.querySelector('#matrix tbody td').getBoundingClientRect().left"
    assert browser.run(first) < 30
    roles = browser.send("Accessibility.getFullAXTree")["nodes"]
    kinds = {node["role"]["value"] for node in roles if not node.get("ignored")}
    assert {"grid", "row", "rowheader", "columnheader", "gridcell"} <= kinds


# The drawer


def test_what_a_bug_and_a_source_name_is_linked(browser: Browser, tmp_path: Path) -> None:
    source = 'Documentation/userspace-api/landlock.rst, "x"; security/landlock/fs.c; landlock(7).'
    bug = 'some-bug: "landlock: Fix it" (4b80320ca7ed, CVE-2026-72183), fixed in 7.2, 7.1.5'
    case = CaseRecord(
        id="fs/x", verdict=Verdict.DEVIATES, source=source, bug=bug, known=LISTED
    )  # fmt: skip
    target = TargetRecord(name="a", facts=zoo().targets[2].facts, cases=[case])
    browser.open(f"{write(run(target), tmp_path / 'page.html')}#case=fs/x&kernel=a")
    found = browser.run(LINKS)
    kinds = ((bug, links.BUG), (LISTED, links.LISTED), (source, links.TEXT))
    expected = [to for text, kind in kinds for _, to in links.pieces(text, kind) if to]
    assert found == expected
    assert len(found) == 8
    assert bug in browser.run(DRAWER)


def test_a_listed_reason_is_linked(browser: Browser, tmp_path: Path) -> None:
    uri = write(known(), tmp_path / "known.html")
    browser.open(f"{uri}#case=fs/truncate%5Bpath%5D&kernel=6.12")
    assert "https://github.com/landlock-lsm/linux/issues/41" in browser.run(LINKS)


def test_the_call_that_decided_is_seen(browser: Browser, tmp_path: Path) -> None:
    calls = [f"[3] close({number}) = 0" for number in range(60)]
    calls[40] = '[3] openat(AT_FDCWD, "x", O_RDONLY) = -1 EACCES'
    results = zoo()
    for target in results.targets:
        target.cases = [
            replace(it, calls=calls, verdict=Verdict.DEVIATES)
            if it.id == "fs/access[execute]" else it
            for it in target.cases
        ]  # fmt: skip
    uri = write(results, tmp_path / "page.html")
    for width in (390, 1280):
        browser.screen(width, 900)
        browser.open(f"{uri}#case=fs/access%5Bexecute%5D&kernel=6.12")
        assert browser.run("document.querySelector('.calls mark').innerText") == calls[40]
        seen = browser.run(
            "(() => { const at = document.querySelector('.calls mark').getBoundingClientRect();"
            " const box = document.querySelector('.calls').getBoundingClientRect();"
            " return at.top >= box.top && at.bottom <= box.bottom; })()"
        )
        assert seen
        wide = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)"
        assert not browser.run(f"{wide}(document.querySelector('.calls'))")


@pytest.mark.parametrize(
    ("observed", "calls", "marked"),
    [
        ("EACCES", ["a() = EACCES", "b() = -1 EACCES (Permission denied)", "c() = 0"], 1),
        ("EACCES", ["a() = EACCES", "b() = -1 EACCESS", "c() = 0"], 0),
        ("EACCES", ['write("EACCES") = 6', "c() = 0"], None),
        ("allowed", ["a() = EACCES", "c() = 0"], None),
        ("create_ruleset: EINVAL", ["a() = -1 EINVAL (Invalid argument)", "c() = 0"], 0),
    ],
)
def test_only_a_call_that_failed_as_was_observed_is_marked(
    browser: Browser, page: str, observed: str, calls: list[str], marked: int | None
) -> None:
    browser.open(page)
    seen = json.dumps({"observed": observed, "calls": calls})
    found = browser.run(
        f"[...callsOf({seen}).children].findIndex((it) => it.querySelector('mark'))"
    )
    assert found == (-1 if marked is None else marked)


def test_the_drawer_links_to_the_page_of_its_kernel(browser: Browser, page: str) -> None:
    browser.open(page + TSYNC)
    browser.run("document.querySelector('#detail .verdict a').click()")
    assert browser.run(DRAWER) == ""
    assert "Landlock on 7.0" in browser.run(VIEW)
    assert fragment(browser).startswith("#kernel=7.0")


def test_a_phone_shows_all_of_a_comparison(browser: Browser, page: str) -> None:
    browser.screen(390, 844)
    browser.open(f"{page}#compare=6.12,7.0&unfolded=syscalls")
    assert browser.run("[...document.querySelectorAll('.way')].every((it) => it.checkVisibility())")
    box = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)"
    assert not browser.run(f"{box}(document.querySelector('.scroll:has(#matrix)'))")


def test_the_table_of_bugs_is_one_stop_of_the_keyboard(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('.scroll:has(#risks)').focus()")
    browser.press("Tab")
    assert browser.run(FOCUS) == "fs/refer[link]"
    browser.press("End", "ArrowLeft")
    assert browser.run("document.activeElement.ariaLabel").startswith("new: fs/refer[link] on 6.18")
    browser.press("Enter")
    assert "fs/refer[link]" in browser.run(DRAWER)
    browser.press("Escape", "Tab")
    assert browser.run("document.activeElement.closest('#risks')") is None
