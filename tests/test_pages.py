# SPDX-License-Identifier: MIT
"""How histories, bisections and explanations are written."""

import pytest
from rich.cells import cell_len

from reports.page import Page, Section
from reports.render import Style, formats, render_page
from suite.errors import UsageError
from tests.page_miniatures import DATA, golden_files, goldens, pages

GOLDENS = goldens()


@pytest.mark.parametrize("file", GOLDENS)
def test_golden_pages(file: str) -> None:
    stale = "look at the difference; if it is meant, run python -m tests.page_miniatures"
    assert (DATA / file).read_text(encoding="utf-8") == GOLDENS[file], stale


@pytest.mark.parametrize("name", [name for name, it in formats().items() if it.page])
def test_every_format_that_writes_pages_has_golden_ones(name: str) -> None:
    files = [file for file, (_, fmt) in golden_files().items() if fmt == name]
    assert [file for file in files if not (DATA / file).exists()] == [], (
        f"run python -m tests.page_miniatures, and read what {name} wrote"
    )


def test_no_golden_page_is_left_over() -> None:
    assert {path.name for path in DATA.iterdir()} == set(GOLDENS)


@pytest.mark.parametrize("name", pages())
def test_only_commands_are_wider_than_the_terminal(name: str) -> None:
    page = pages()[name]
    commands = {f"  {line}" for section in page.sections for line in section.commands}
    for width in (60, 80, 120):
        lines = render_page(page, "terminal", Style(width=width)).splitlines()
        assert max(cell_len(line) for line in lines if line not in commands) <= width


def test_a_command_is_one_line_however_narrow_the_terminal() -> None:
    command = "landproof matrix --kernels 6.12.43,6.12.57 -k 'a and b'"
    page = Page("case", (), (Section("Once more", commands=(command,)),), None)
    assert f"  {command}\n" in render_page(page, "terminal", Style(width=20))


def test_a_page_can_not_act_on_the_terminal() -> None:
    evil = "\x1b]0;title\x07"
    page = Page(evil, (evil,), (Section(evil, (evil,), (evil,)),), None)
    for fmt in ("terminal", "markdown"):
        assert not {"\x1b", "\x07"} & set(render_page(page, fmt))


def test_formats_that_are_for_results_alone_say_so() -> None:
    alone = [name for name, fmt in formats().items() if fmt.page is None]
    for name in alone:
        with pytest.raises(UsageError, match=f"format '{name}' is for results files"):
            render_page(pages()["bisect"], name)
