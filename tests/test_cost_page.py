# SPDX-License-Identifier: MIT
"""The page of costs: the answer first, all numbers, and lines where the numbers are."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.cost import answer, document, plots
from reports.cost.page import page
from suite.cli.main import main
from suite.errors import Exit
from suite.judge.costs import NANOSECONDS, Costs, Kernel, Point
from tests.cost_miniature import POINTS, calls, cost, costs
from tests.html_pages import Markup

NAMES = ("5.10", "6.1", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3")


@pytest.fixture(scope="module")
def text() -> str:
    """The page of all that a document can have."""
    return page(costs())


def kernels(*them: Kernel) -> Costs:
    """The miniature with other kernels."""
    return replace(costs(), kernels=[*them])


def alike(number: int) -> Costs:
    """So many kernels on which a call costs nearly the same."""
    return kernels(
        *(
            Kernel(target=f"vm:{place}", abi=1, runs=2, costs=calls("open", 600 + place))
            for place in range(number)
        )
    )


def block(text: str, hook: str) -> str:
    """What the page tells of a call."""
    return text.partition(f'id="{hook}">')[2].partition("</section>")[0]


def words(text: str) -> str:
    """What is read of a page, or of a part of it."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def row(text: str, head: str) -> str:
    """What stands in the row of a table."""
    (found,) = re.findall(rf'<th scope="row">{head}</th>(.*?)</tr>', text)
    return words(found)


def test_it_begins_with_the_answer(text: str) -> None:
    header = words(text.partition("<header>")[2].partition("</header>")[0])
    for line in (*answer.headlines(costs()), *answer.notes(costs())):
        assert line in header
    assert "5.10 : no Landlock here" in header
    assert "Runs disagree on 1 of 16 numbers: the hollow points." in header


def test_the_command_writes_it(text: str, tmp_path: Path) -> None:
    kept, written = tmp_path / "costs.json", tmp_path / "costs.html"
    kept.write_text(document.json(costs()))
    words = ["cost", "--show", str(kept), "--format", "html", "--output", str(written)]
    assert main(words) == Exit.CONFORMS
    assert written.read_text() == text


def test_it_needs_nothing_else(text: str) -> None:
    markup = Markup(text)
    assert not {"script", "link", "img", "iframe"} & markup.tags
    assert not markup.outside
    assert "@import" not in text
    assert "url(" not in text


def test_every_call_has_an_address_and_every_link_leads_somewhere(text: str) -> None:
    markup = Markup(text)
    assert len(markup.ids) == len(set(markup.ids))
    assert {"open", "kill"} <= set(markup.ids)
    assert markup.links
    assert {link.removeprefix("#") for link in markup.links} <= set(markup.ids)


def test_charts_have_names_for_who_does_not_see_them(text: str) -> None:
    svgs = re.findall(r'<svg class="plot".*?</svg>', text, re.DOTALL)
    assert len(svgs) == 4
    for svg in svgs:
        (names,) = re.findall(r'aria-labelledby="([^"]+)"', svg)
        assert all(f'id="{it}"' in svg for it in names.split())
    assert ">instructions added to open, by layers</title>" in text
    assert "6.1: 600 at 1, 640 at 16; 7.3: 1,200 at 1, 1,240 at 16</desc>" in text


def test_all_numbers_are_in_a_table(text: str) -> None:
    found = block(text, "open")
    for number, point in enumerate(POINTS):
        expected = f"{600 + 10 * number:,} 5,000 {1200 + 10 * number:,} 5,000"
        assert row(found, answer.where(point)) == expected
    assert row(block(text, "kill"), "layers 4") == "- 90 ±4 5,000"


def test_it_says_what_was_not_measured_and_why(text: str) -> None:
    assert "Not on 6.1: what it needs came with ABI 6." in block(text, "kill")
    assert "sendto: Not on 7.3: nobody listens." in text


def test_memory(text: str) -> None:
    assert row(text.partition('id="memory"')[2], "rule") == "72 96 ±3"


def test_only_points_on_which_runs_differ_are_hollow(text: str) -> None:
    assert text.count('class="mark hollow"') == 1
    (says,) = re.findall(r'class="mark hollow".*?<title>(.*?)</title>', text)
    assert says == "7.3, layers 4: 90 instructions (runs are 8 apart)"


def test_lines_are_where_the_numbers_are() -> None:
    """Sizes that double are equally far apart, 0 is at the bottom, and points lie between ticks."""
    depths, layers, rules = plots.charts(costs(), "open")
    assert [it.says for it in depths.across] == ["1", "2", "4"]
    assert [it.says for it in layers.across] == ["1", "4", "16"]
    assert [it.says for it in rules.across] == ["1", "4"]
    first, second, third = (it.at for it in depths.across)
    assert second - first == pytest.approx(third - second)
    assert [it.says for it in depths.up] == ["0", "500", "1,000", "1,500"]
    assert depths.up[0].at == plots.FRAME.bottom
    (old, new) = depths.lines
    assert [it.x for it in old.marks] == [first, second, third]
    unit = (depths.up[0].at - depths.up[2].at) / 1000
    for line, least in ((old, 600), (new, 1200)):
        expected = [plots.FRAME.bottom - unit * (least + 10 * it) for it in range(3)]
        assert [it.y for it in line.marks] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("added", [(-30.0, 40.0), (0.0, 0.0), (-5.0, -9.0), (0.2, 0.4)])
def test_every_number_is_in_the_chart(added: tuple[float, float]) -> None:
    its = [cost("open", Point(layers=size), it) for size, it in zip((1, 2), added, strict=True)]
    (chart,) = plots.charts(kernels(Kernel(target="vm:6.1", costs=its)), "open")
    assert "0" in [it.says for it in chart.up]
    for it in chart.lines[0].marks:
        assert plots.FRAME.top <= it.y <= plots.FRAME.bottom


def test_a_call_at_one_point_has_no_chart() -> None:
    only = kernels(Kernel(target="vm:6.1", runs=2, costs=[cost("open", Point(), 600)]))
    assert not [*plots.charts(only, "open")]
    assert row(block(page(only), "open"), "the least point") == "600 5,000"


@pytest.mark.parametrize("number", [1, 2, len(NAMES), 19])
def test_the_ends_of_lines_have_names_that_do_not_collide(number: int) -> None:
    chart = next(plots.charts(alike(number), "open"))
    heights = [it.y for it in chart.ends]
    assert len(heights) == number
    assert all(after - before >= 13 for before, after in pairwise(heights))
    assert 0 < heights[0] <= heights[-1] < plots.FRAME.height
    order = [it.marks[-1].y for it in sorted(chart.lines, key=lambda it: it.marks[-1].y)]
    assert [it.end.y for it in chart.ends] == order


def legend(text: str) -> str:
    """Which kernels it has."""
    return words(text.partition('class="legend"')[2].partition("</ul>")[0]).partition("> ")[2]


def test_the_legend_has_the_kernels_that_were_measured(text: str) -> None:
    assert legend(text) == "6.1 7.3"


def test_names_without_room_are_left_to_the_legend() -> None:
    many = alike(30)
    assert next(plots.charts(many, "open")).ends == ()
    assert legend(page(many)) == " ".join(map(str, range(30)))


def test_lines_that_are_far_apart_have_their_names_beside_them() -> None:
    chart = next(plots.charts(costs(), "open"))
    assert [it.y for it in chart.ends] == [it.end.y for it in chart.ends]


def test_kernels_can_be_told_apart_also_without_colours() -> None:
    looks = [*map(plots.Look.of, range(15))]
    assert len({(it.marker, it.dashes) for it in looks}) == len(looks)
    for one, other in pairwise(looks):
        assert one.colour != other.colour
        assert one.marker != other.marker
        assert one.dashes != other.dashes


def test_the_page_has_every_colour_by_day_and_by_night(text: str) -> None:
    for number in range(plots.COLOURS):
        assert len(re.findall(rf"--c{number}: #", text)) == 2
        assert f".c{number} {{ color: var(--c{number}); }}" in text


def test_a_kernel_looks_the_same_in_every_chart() -> None:
    looks = {
        (line.name, line.look)
        for hook in ("open", "kill")
        for chart in plots.charts(costs(), hook)
        for line in chart.lines
    }
    assert len(looks) == 2


def test_one_kernel_is_compared_with_none() -> None:
    text = page(kernels(costs().kernels[1]))
    assert 'id="steps"' not in text
    assert 'id="open"' in text


def test_what_changed_from_one_kernel_to_the_next(text: str) -> None:
    told = words(text.partition('id="steps"')[2].partition("</section>")[0])
    assert "6.1 7.3 open 600 to 1,200 at the least point (+100 %) (7 of 7 points)" in told
    assert "1 more memory (rule) 72 to 96 (+33 %)" in told


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_was_measured(number: int) -> None:
    text = page(kernels(*costs().kernels[:number]))
    assert "Nothing was measured." in text
    assert ("no Landlock here" in text) is bool(number)
    assert "<svg" not in text
    assert 'id="calls"' not in text


def test_nanoseconds_are_no_instructions() -> None:
    timed = replace(costs(), unit=NANOSECONDS, emulator="")
    text = page(timed)
    assert "ns added" in text
    assert "instructions" not in text
    assert "Counted by" not in text


def test_names_are_text() -> None:
    """Wherever they come from: a kernel's words, or a file that somebody sent."""
    evil = '"><script>\x1b[31m'
    its = [*calls(evil, 600), cost("open", Point(), 5)]
    dead = Kernel(target=f"vm:{evil}", reason=evil)
    found = Kernel(
        target=f"vm:{evil}",
        release=evil,
        version=evil,
        abi=1,
        runs=2,
        costs=its,
        absent={evil: evil, "kill": evil},
    )
    text = page(replace(kernels(dead, found), emulator=evil, landproof=evil, started=evil))
    markup = Markup(text)
    assert "script" not in markup.tags
    assert not markup.outside
    assert "\x1b" not in text
    assert all(re.fullmatch(r"[\w-]+", it) for it in markup.ids)


def test_a_long_name_is_shortened_only_where_there_is_no_room() -> None:
    name = "linux-next-20261130"
    text = page(kernels(replace(costs().kernels[1], target=f"vm:{name}")))
    assert ">linux-next…</text>" in text
    assert f'<th scope="col">{name}</th>' in text
