# SPDX-License-Identifier: MIT
"""The tables of a run at a terminal: verdicts by kernel, areas and features by kernel."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reports import words
from reports.kernel_line import KernelLine
from reports.layout import Block, arrange
from reports.matrix import Cell, Matrix, Row
from reports.terminal.canvas import STYLES, grid, text
from suite.judge.records import Verdict


def verdicts(lines: Sequence[KernelLine]) -> Iterator[RenderableType]:
    """How many cases came to which verdict, a line a target."""
    seen = words.seen(lines)
    if not seen:
        yield text("No case ran.")
        return
    # Nine verdicts and a name fit 80 columns only when they are close together.
    gap = 2 if len(seen) < len(Verdict) - 1 else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    table.add_column("", overflow="fold")
    for verdict in seen:
        table.add_column(verdict, justify="right", no_wrap=True)
    for line in lines:
        numbers = (
            Text(str(line.counts[it]), STYLES[it]) if it in line.counts else Text(".", "dim")
            for it in seen
        )
        table.add_row(text(line.target, "bold"), *numbers)
    yield table


def areas(matrix: Matrix, width: int, *, features: bool) -> Iterator[RenderableType]:
    """The matrix, its columns in blocks where they do not fit.

    Args:
        matrix: The table.
        width: Columns of the screen that are left for it.
        features: Whether the features of each area have rows of their own.
    """
    rows = [row for row in matrix.rows if features or not row.feature]
    if not rows:
        return
    # A long name of a case's area must not push every column off the screen.
    label_width = min(max(cell_len(_label(row)) for row in rows), max(width // 2, 16))
    names = [words.printable(name) for name in matrix.targets]
    full, terse = _widths(rows, short=False), _widths(rows, short=True)
    blocks, short = arrange(width, label_width, names, full, terse)
    for block in blocks:
        yield _block(rows, block, label_width, short=short)
        yield Text("")
    legend = grid(2)
    for mark, meaning in words.legend(rows, short=short):
        legend.add_row(mark, meaning)
    yield legend
    if features and matrix.unreached:
        yield Text("")
        yield text(words.unreached(matrix.unreached))
    if features and matrix.uncovered:
        yield Text("")
        yield text(f"No case covers {', '.join(matrix.uncovered)}.")


def _widths(rows: Sequence[Row], *, short: bool) -> list[int]:
    cells = zip(*(row.cells for row in rows), strict=True)
    return [max(len(cell.text(short=short)) for cell in column) for column in cells]


def _block(rows: Sequence[Row], block: Block, label_width: int, *, short: bool) -> Table:
    table = Table(box=None, padding=(0, block.gap, 0, 0), pad_edge=False, header_style="")
    table.add_column("", width=label_width, no_wrap=True, overflow="ellipsis")
    for head in block.heads:
        table.add_column(Text(head, "bold"), no_wrap=True)
    for row in rows:
        cells = (_cell(row.cells[column], short=short) for column in block.columns)
        table.add_row(text(_label(row), "" if row.feature else "bold"), *cells)
    return table


def _label(row: Row) -> str:
    return f"{row.since or '':>2} {row.feature}" if row.feature else row.area


def _cell(cell: Cell, *, short: bool) -> Text:
    style = "yellow" if cell.all_known else STYLES[cell.worst] if cell.worst else ""
    return Text(cell.text(short=short), style)
