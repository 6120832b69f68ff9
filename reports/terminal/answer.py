# SPDX-License-Identifier: MIT
"""The answer at a terminal: who is at risk first, a sentence a kernel last, bugs in between.

It is as long as a screen or two: what takes too many lines is told more shortly.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reports import words
from reports.answer import Answer, BugRow, Kernel, New, columns
from reports.layout import arrange
from reports.risk import Detail
from reports.terminal.canvas import Canvas, grid, text
from suite.landlock.bugs import Impact

_STYLES = {
    Impact.ESCAPE.value: "bold red",
    Impact.MEMORY_SAFETY.value: "bold red",
    Impact.OVER_DENIAL.value: "yellow",
}
_LEGEND = "A release is where the series has the fix; no fix: nowhere in it; a dot: not seen."


@dataclass(frozen=True, slots=True)
class Level:
    """How much the answer holds."""

    sentence: Detail
    grave: bool = True
    """Whether grave bugs have lines of their own."""
    lesser: bool = True
    """Whether other bugs have."""
    cases: bool = True
    """Whether the lines of a bug tell which cases show it."""
    most: int = 30
    """New faults, and bugs, that are named."""
    notes: bool = True
    """Whether a kernel's notes come after its sentence."""


LEVELS = (
    Level(Detail.ALL),
    Level(Detail.FIXES),
    Level(Detail.FIXES, cases=False),
    Level(Detail.FIXES, cases=False, lesser=False),
    Level(Detail.FIXES, cases=False, lesser=False, grave=False),
    Level(Detail.WORST, cases=False, lesser=False, grave=False, most=6),
    Level(Detail.WORST, cases=False, lesser=False, grave=False, most=3, notes=False),
)
"""From the longest on; the first that fits is taken."""


def room(kernels: int) -> int:
    """Lines that the answer may take: 40 for one kernel, 80 for eleven."""
    return 36 + 4 * max(kernels, 1)


def first(canvas: Canvas, told: Answer) -> None:
    """Who is at risk."""
    for line in told.headlines:
        canvas.show(text(line.says, "bold red" if line.alarming else "bold"))


def bugs(canvas: Canvas, told: Answer, level: Level, width: int) -> None:
    """What nobody knows yet, then known bugs by kernels."""
    canvas.section("New: report it", _new(told.new, level.most))
    canvas.section(
        f"Known bugs ({len(told.bugs)})" if told.bugs else "", _known(told, level, width)
    )


def last(canvas: Canvas, told: Answer, level: Level) -> None:
    """A sentence a kernel, where a terminal stops scrolling."""
    sentences = grid(2)
    for it in told.kernels:
        notes = it.line.notes if level.notes else ()
        said = [it.sentences[level.sentence], *(f"note: {note}" for note in notes)]
        sentences.add_row(text(it.name, "bold"), text("\n".join(said)))
    if told.kernels:
        canvas.show(Text(""), sentences)


def _new(found: Sequence[New], most: int) -> Iterator[RenderableType]:
    for it in found[:most]:
        yield text(f"{it.title} on {words.some(it.targets)}", "bold red")
        yield text(f"  {it.says}")
        yield Text(f"  {words.printable(it.command)}", no_wrap=True, overflow="ignore")
    yield from _more(len(found[most:]))


def _known(told: Answer, level: Level, width: int) -> Iterator[RenderableType]:
    if not told.bugs:
        return
    rows = told.bugs[: level.most]
    if len(told.kernels) > 1:
        yield from _table(told.kernels, rows, width - 2)
        shown = [it for it in rows if (level.grave if it.grave else level.lesser)]
        yield from _details(shown, level, one=False)
    else:
        yield from _details(rows, level, one=True)
    yield from _more(len(told.bugs) - len(rows))


def _more(left: int) -> Iterator[RenderableType]:
    if left:
        yield text(f"and {left} more: -v")


def _table(
    kernels: Sequence[Kernel], rows: Sequence[BugRow], width: int
) -> Iterator[RenderableType]:
    """Bugs by kernels, of those that have any."""
    places = columns(rows)
    names = [words.printable(kernels[at].name) for at in places]
    full = [max(len(it.cells[at].text) for it in rows) for at in places]
    impact = max(len(it.impact) for it in rows)
    label = impact + 2 + max(cell_len(it.name) for it in rows)
    blocks, short = arrange(width, label, names, full, [len("seen")] * len(places))
    for block in blocks:
        table = Table(box=None, padding=(0, block.gap, 0, 0), pad_edge=False, header_style="")
        table.add_column("", width=label, no_wrap=True, overflow="ellipsis")
        for head in block.heads:
            table.add_column(Text(head, "bold"), no_wrap=True)
        for it in rows:
            cells = (it.cells[places[at]] for at in block.columns)
            said = ("seen" if short and cell.cases else cell.text for cell in cells)
            name = text(f"{it.impact:{impact}}  {it.name}", _STYLES.get(it.impact, ""))
            table.add_row(name, *map(text, said))
        yield table
    yield text(_LEGEND, "dim")


def _details(rows: Iterable[BugRow], level: Level, *, one: bool) -> Iterator[RenderableType]:
    listed = grid(2)
    for it in rows:
        style = _STYLES.get(it.impact, "")
        if not (level.grave if it.grave else level.lesser):
            listed.add_row(text(it.impact, style), text(it.label))
            continue
        like = "looks like " if one and it.cells[0].like else ""
        lines = [f"{like}{it.label}: {it.says}", *_advice(it, one=one)]
        if level.cases:
            lines.append(f"shown by {words.files(it.cases)}")
        listed.add_row(text(it.impact, style), text("\n".join(lines)))
    if listed.row_count:
        yield listed


def _advice(row: BugRow, *, one: bool) -> Iterator[str]:
    """Where it is fixed, and what helps until then."""
    if row.bug is None:
        return
    where = row.cells[0].where if one else f"fixed in {row.bug.releases}"
    yield f"{where}; until then: {row.bug.workaround}" if row.bug.workaround else where
