# SPDX-License-Identifier: MIT
"""For people at a terminal: the answer on a screen or two, more of it on request."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from reports import skips, words
from reports.answer import Answer, answer, beneath
from reports.diff import Change, Diff, Kind
from reports.matrix import Matrix, Silence, build
from reports.page import Entry, Page, Part
from reports.page import Table as Rows
from reports.render import Format, Style
from reports.terminal import matrix as tables
from reports.terminal.answer import LEVELS, Level, bugs, first, last, room
from reports.terminal.canvas import Canvas, apart, entry, grid, text
from suite.judge.records import Results

_MORE = "-v adds the matrix and every deviation, -vv rights, skips and reasons"


def results(results: Results, style: Style) -> str:
    """A run: who is at risk, bugs by kernels, a sentence a kernel; between them what is asked for.

    Without more being asked for, it is short enough to be read at a glance.
    """
    matrix = build(results)
    told = answer(results, matrix)
    if style.verbosity:
        return _run(results, matrix, told, LEVELS[0], style)
    most = room(len(results.targets))
    for level in LEVELS:
        shown = _run(results, matrix, told, level, style)
        if shown.count("\n") <= most:
            break
    return shown


def _run(results: Results, matrix: Matrix, told: Answer, level: Level, style: Style) -> str:
    canvas = Canvas(style)
    canvas.show(*(text(line, "bold red") for line in words.warnings(results)))
    first(canvas, told)
    canvas.show(text(words.headline(results), "dim"))
    bugs(canvas, told, level, style.width)
    if style.verbosity:
        _behind(canvas, matrix, told, style)
    beside = [skips.told(results)] if style.verbosity < 2 else []
    beside += [] if style.verbosity else [_MORE]
    canvas.section("Beside that", [text(it, "dim") for it in beside if it])
    last(canvas, told, level)
    return canvas.result()


def _behind(canvas: Canvas, matrix: Matrix, told: Answer, style: Style) -> None:
    """What lies behind the answer."""
    everything = style.verbosity > 1
    for title, found in beneath(told.bugs, matrix):
        entries = (entry(it.case, it.summary, words.deviation(it)) for it in found)
        canvas.section(f"{title}: {words.plural(len(found), 'deviation')}", apart(entries))
    for group in words.unjudged(matrix):
        faults = group.id == "faults"
        if faults or everything:
            shown = [*map(_silence, group.entries)]
            canvas.section(group.title, apart(shown) if faults else shown)
    canvas.section("Verdicts", tables.verdicts([it.line for it in told.kernels]))
    canvas.section("Matrix", tables.areas(matrix, style.width - 2, features=everything))


def diff(diff: Diff, style: Style) -> str:
    """A comparison: kernels, then cases by kind of change."""
    canvas = Canvas(style)
    canvas.show(text(f"{diff.before} -> {diff.after}"), *map(text, words.diff_headlines(diff)))
    kernels = (
        entry(f"{it.target}{' (worse)' if it.worse else ''}", "", words.kernel_change(it))
        for it in diff.kernels
    )
    canvas.section("Kernels", apart(kernels))
    for kind in Kind:
        found = diff.of(kind)
        canvas.section(f"{words.KIND_TITLES[kind]} ({words.number(found)})", _changes(kind, found))
    return canvas.result()


def page(page: Page, style: Style) -> str:
    """Any other report."""
    canvas = Canvas(style)
    canvas.show(text(page.title, "bold"), *map(text, page.lines))
    for section in page.sections:
        parts = [*apart(map(_part, section.parts))]
        canvas.section(section.title, parts, map(words.printable, section.commands))
    return canvas.result()


def _part(part: Part) -> RenderableType:
    match part:
        case str():
            return text(part)
        case Entry(title, lines):
            return entry(title, "", lines)
        case Rows(head, rows):
            table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
            for name in head:
                table.add_column(name, overflow="fold")
            for row in rows:
                table.add_row(*map(text, row))
            return table


def _silence(it: Silence) -> RenderableType:
    reason, _, tail = (it.reason.strip() or "no reason given").partition("\n")
    title = f"{it.verdict} on {', '.join(it.targets)}"
    known = [("known", it.known)] if it.known else []
    return entry(title, f"{words.cases_of(it)}\n{reason}", known, tail)


def _changes(kind: Kind, changes: Sequence[Change]) -> Iterator[RenderableType]:
    if kind in {Kind.NEW, Kind.GONE}:
        listed = grid(3)
        for line in words.one_sided(changes):
            listed.add_row(*map(text, line))
        return iter([listed] if changes else [])
    alike = words.alike(changes)
    return apart(entry("\n".join(cases), "", lines) for cases, lines in alike)


FORMAT = Format(name="terminal", results=results, diff=diff, page=page)
