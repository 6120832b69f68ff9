# SPDX-License-Identifier: MIT
"""For people at a terminal: aligned columns, faults in capitals, colour where it is shown."""

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports import words
from reports.diff import Change, Diff, Kind
from reports.kernel_line import KernelLine, summarize
from reports.layout import Block, arrange
from reports.matrix import Cell, Matrix, Row, Silence, build
from reports.page import Entry, Page, Part
from reports.page import Table as Rows
from reports.render import Format, Style
from suite.judge.records import Results, Verdict

STYLES = {
    Verdict.CONFORMS: "green",
    Verdict.ABSENT: "dim",
    Verdict.UNFIXED: "yellow",
    Verdict.SKIPPED: "cyan",
    Verdict.DEVIATES: "bold red",
    Verdict.BROKEN: "bold yellow",
    Verdict.CRASHED: "bold magenta",
    Verdict.HUNG: "bold magenta",
    Verdict.LOST: "bold magenta",
}


class _Page:
    """Collects what is shown, at one width, with the environment left out of it."""

    def __init__(self, style: Style) -> None:
        self._text = io.StringIO()
        self._console = Console(
            file=self._text,
            width=style.width,
            force_terminal=style.colour,
            color_system="standard" if style.colour else None,
            no_color=not style.colour,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
            _environ={},
        )

    def show(self, *shown: RenderableType, indent: int = 0) -> None:
        for item in shown:
            self._console.print(Padding(item, (0, 0, 0, indent)))

    def section(
        self, title: str, shown: Iterable[RenderableType], commands: Iterable[str] = ()
    ) -> None:
        """A title and what is under it; nothing at all when nothing is."""
        items, typed = list(shown), list(commands)
        if items or typed:
            self._console.print()
            self.show(_text(title, "bold"))
            self.show(*items, indent=2)
            for line in typed:
                # One that we broke could not be copied.
                self._console.print(Text(f"  {line}"), soft_wrap=True)

    def result(self) -> str:
        # Padding to the right edge would wrap in a narrower window and litter a file.
        return "\n".join(map(str.rstrip, self._text.getvalue().splitlines())) + "\n"


def results(results: Results, style: Style) -> str:
    """A run: kernels, verdicts, matrix, and what lies behind it."""
    page = _Page(style)
    matrix = build(results)
    lines = [summarize(target) for target in results.targets]
    page.show(_text(words.headline(results)))
    page.show(*(_text(line, "bold red") for line in words.warnings(results)))
    beside = _verdicts_width(lines) <= style.width - 2
    page.section("Kernels", [_kernels(lines, releases=not beside)] if lines else [])
    page.section("Verdicts", _verdicts(lines, releases=beside))
    page.section("Matrix", _matrix(matrix, style.width - 2))
    deviations = (_entry(it.case, it.summary, words.deviation(it)) for it in matrix.deviations)
    page.section(words.deviations_title(matrix), _apart(deviations))
    for group in words.unjudged(matrix):
        entries = map(_silence, group.entries)
        page.section(group.title, _apart(entries) if group.id == "faults" else entries)
    page.section("In short", [_answers(lines)] if lines else [])
    return page.result()


def diff(diff: Diff, style: Style) -> str:
    """A comparison: kernels, then cases by kind of change."""
    page = _Page(style)
    page.show(_text(f"{diff.before} -> {diff.after}"), *map(_text, words.diff_headlines(diff)))
    kernels = (
        _entry(f"{it.target}{' (worse)' if it.worse else ''}", "", words.kernel_change(it))
        for it in diff.kernels
    )
    page.section("Kernels", _apart(kernels))
    for kind in Kind:
        found = diff.of(kind)
        page.section(f"{words.KIND_TITLES[kind]} ({words.number(found)})", _changes(kind, found))
    return page.result()


def page(page: Page, style: Style) -> str:
    """Any other report."""
    shown = _Page(style)
    shown.show(_text(page.title, "bold"), *map(_text, page.lines))
    for section in page.sections:
        parts = [*_apart(map(_part, section.parts))]
        shown.section(section.title, parts, map(words.printable, section.commands))
    return shown.result()


def _part(part: Part) -> RenderableType:
    match part:
        case str():
            return _text(part)
        case Entry(title, lines):
            return _entry(title, "", lines)
        case Rows(head, rows):
            table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
            for name in head:
                table.add_column(name, overflow="fold")
            for row in rows:
                table.add_row(*map(_text, row))
            return table


def _kernels(lines: Sequence[KernelLine], *, releases: bool) -> RenderableType:
    grid = _grid(2)
    for line in lines:
        said = [line.kernel] if releases and line.kernel else []
        said += [str(line), *words.remarks(line)]
        grid.add_row(_text(line.target, "bold"), _text("\n".join(said)))
    return grid


def _answers(lines: Sequence[KernelLine]) -> RenderableType:
    """What the reader came for, where a terminal stops scrolling."""
    grid = _grid(2)
    for line in lines:
        grid.add_row(_text(line.target, "bold"), _text(words.answer(line)))
    return grid


def _verdicts_width(lines: Sequence[KernelLine]) -> int:
    verdicts = sum(2 + len(verdict) for verdict in words.seen(lines))
    names = (max((cell_len(it) for it in column), default=0) for column in _names(lines))
    return verdicts + sum(names) + 2


def _names(lines: Sequence[KernelLine]) -> tuple[list[str], list[str]]:
    return [line.target for line in lines], [line.kernel for line in lines]


def _verdicts(lines: Sequence[KernelLine], *, releases: bool) -> Iterator[RenderableType]:
    seen = words.seen(lines)
    if not seen:
        yield _text("No case ran.")
        return
    # Nine verdicts and a name fit 80 columns only when they are close together.
    gap = 2 if releases or len(seen) < len(Verdict) - 1 else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    table.add_column("", overflow="fold")
    for verdict in seen:
        table.add_column(verdict, justify="right", no_wrap=True)
    table.add_column("kernel" if releases else "", overflow="fold")
    for line in lines:
        numbers = (
            Text(str(line.counts[it]), STYLES[it]) if it in line.counts else Text(".", "dim")
            for it in seen
        )
        release = _text(line.kernel if releases else "")
        table.add_row(_text(line.target, "bold"), *numbers, release)
    yield table


def _matrix(matrix: Matrix, width: int) -> Iterator[RenderableType]:
    if not matrix.rows:
        return
    # A long name of a case's area must not push every column off the screen.
    label_width = min(max(cell_len(_label(row)) for row in matrix.rows), max(width // 2, 16))
    names = [words.printable(name) for name in matrix.targets]
    full, terse = _widths(matrix, short=False), _widths(matrix, short=True)
    blocks, short = arrange(width, label_width, names, full, terse)
    for block in blocks:
        yield _block(matrix.rows, block, label_width, short=short)
        yield Text("")
    legend = _grid(2)
    for mark, meaning in words.legend(matrix, short=short):
        legend.add_row(mark, meaning)
    yield legend
    if matrix.uncovered:
        yield Text("")
        yield _text(f"No case covers {', '.join(matrix.uncovered)}.")


def _widths(matrix: Matrix, *, short: bool) -> list[int]:
    return [
        max(len(row.cells[column].text(short=short)) for row in matrix.rows)
        for column in range(len(matrix.targets))
    ]


def _block(rows: Sequence[Row], block: Block, label_width: int, *, short: bool) -> Table:
    table = Table(box=None, padding=(0, block.gap, 0, 0), pad_edge=False, header_style="")
    table.add_column("", width=label_width, no_wrap=True, overflow="ellipsis")
    for head in block.heads:
        table.add_column(Text(head, "bold"), no_wrap=True)
    for row in rows:
        cells = (_cell(row.cells[column], short=short) for column in block.columns)
        table.add_row(_text(_label(row), "" if row.feature else "bold"), *cells)
    return table


def _label(row: Row) -> str:
    return f"{row.since or '':>2} {row.feature}" if row.feature else row.area


def _cell(cell: Cell, *, short: bool) -> Text:
    style = "yellow" if cell.all_known else STYLES[cell.worst] if cell.worst else ""
    return Text(cell.text(short=short), style)


def _entry(
    title: str, summary: str, lines: Iterable[tuple[str, str]], tail: str = ""
) -> RenderableType:
    # Not a table in a table: its columns would be measured twice.
    parts: list[RenderableType] = [_text(title, "bold")]
    if summary:
        parts.append(Padding(_text(summary), (0, 0, 0, 2)))
    grid = _grid(2)
    for label, line in lines:
        grid.add_row(_text(label, "dim"), _text(line))
    if grid.row_count:
        parts.append(Padding(grid, (0, 0, 0, 2)))
    if tail:
        parts.append(Padding(_text(tail), (0, 0, 0, 4)))
    return Group(*parts)


def _silence(entry: Silence) -> RenderableType:
    reason, _, tail = (entry.reason.strip() or "no reason given").partition("\n")
    title = f"{entry.verdict} on {', '.join(entry.targets)}"
    known = [("known", entry.known)] if entry.known else []
    return _entry(title, f"{words.cases_of(entry)}\n{reason}", known, tail)


def _changes(kind: Kind, changes: Sequence[Change]) -> Iterator[RenderableType]:
    if kind in {Kind.NEW, Kind.GONE}:
        grid = _grid(3)
        for line in words.one_sided(changes):
            grid.add_row(*map(_text, line))
        return iter([grid] if changes else [])
    alike = words.alike(changes)
    return _apart(_entry("\n".join(cases), "", lines) for cases, lines in alike)


def _apart(items: Iterable[RenderableType]) -> Iterator[RenderableType]:
    for number, item in enumerate(items):
        if number:
            yield Text("")
        yield item


def _grid(columns: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        grid.add_column(overflow="fold")
    return grid


def _text(text: str, style: str = "") -> Text:
    return Text(words.printable(text), style)


FORMAT = Format(name="terminal", results=results, diff=diff, page=page)
