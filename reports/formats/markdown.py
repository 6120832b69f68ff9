# SPDX-License-Identifier: MIT
"""For issues, pull requests and web pages: GitHub's Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence

from reports import words
from reports.answer import Answer, answer, beneath
from reports.diff import Change, Diff, Kind
from reports.kernel_line import KernelLine
from reports.markdown import bugs, code, escape, fixes, headlines, kernels, new, table
from reports.matrix import Matrix, Row, Silence, build
from reports.page import Entry, Page, Part, Section, Table
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """A run: the answer, then verdicts, matrix, and what lies behind it."""
    matrix = build(results)
    told = answer(results, matrix)
    return _page(
        "# Landlock",
        *(f"**{escape(line)}**" for line in words.warnings(results)),
        headlines(told),
        escape(words.headline(results)),
        *_section("New: report it", ["\n".join(new(told))]),
        *_section("Known bugs", [bugs(told), "\n".join(fixes(told))]),
        *_section("Kernels", _kernels(told)),
        *_section("Verdicts", _verdicts([it.line for it in told.kernels])),
        *_section("Matrix", _matrix(matrix)),
        *_section(words.deviations_title(matrix), _deviations(told, matrix)),
        *(
            part
            for group in words.unjudged(matrix)
            for part in _section(group.title, map(_silence, group.entries))
        ),
    )


def diff(diff: Diff, _style: Style) -> str:
    """A comparison: kernels, then cases by kind of change."""
    found = ((kind, diff.of(kind)) for kind in Kind)
    return _page(
        f"# {escape(f'{diff.before} -> {diff.after}')}",
        "\n".join(f"- {escape(line)}" for line in words.diff_headlines(diff)),
        *_section(
            "Kernels",
            (
                _entry(f"{it.target}{' (worse)' if it.worse else ''}", words.kernel_change(it))
                for it in diff.kernels
            ),
        ),
        *(
            part
            for kind, changes in found
            for part in _section(
                f"{words.KIND_TITLES[kind]} ({words.number(changes)})", _changes(kind, changes)
            )
        ),
    )


def page(page: Page, _style: Style) -> str:
    """Any other report."""
    return _page(
        f"# {escape(page.title)}",
        "\n".join(f"- {escape(line)}" for line in page.lines),
        *(
            part
            for section in page.sections
            for part in _section(escape(section.title), _parts(section))
        ),
    )


def _parts(section: Section) -> Iterator[str]:
    yield from map(_part, section.parts)
    if section.commands:
        yield "\n".join(["```sh", *map(words.printable, section.commands), "```"])


def _part(part: Part) -> str:
    match part:
        case str():
            return escape(part)
        case Entry(title, lines):
            return _entry(title, lines)
        case Table(head, rows):
            return table(head, ([escape(cell) for cell in row] for row in rows))


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, parts: Iterable[str]) -> list[str]:
    """A heading and what is under it; nothing at all when nothing is."""
    shown = [part for part in parts if part]
    return [f"## {title}", *shown] if shown else []


def _kernels(told: Answer) -> Iterator[str]:
    if told.kernels:
        yield table(["target", "kernel", "claims, provides, risk"], kernels(told.kernels))


def _deviations(told: Answer, matrix: Matrix) -> Iterator[str]:
    """Those that no known bug explains come first, others beneath their bug."""
    for title, found in beneath(told.bugs, matrix):
        yield f"### {escape(title)}"
        for it in found:
            yield _entry(it.case, words.deviation(it), escape(it.summary), level=4)


def _verdicts(lines: Sequence[KernelLine]) -> Iterator[str]:
    seen = words.seen(lines)
    if not seen:
        yield "No case ran."
        return
    rows = ([code(line.target), *(str(line.counts.get(it, "")) for it in seen)] for line in lines)
    yield table(["target", *seen], rows, "l" + "r" * len(seen))


def _matrix(matrix: Matrix) -> Iterator[str]:
    if not matrix.rows:
        return
    heads = ["", "ABI", *map(code, matrix.targets)]
    yield table(heads, ([*_label(row), *map(str, row.cells)] for row in matrix.rows), "lr")
    yield "\n".join(f"- `{mark}`: {meaning}" for mark, meaning in words.legend(matrix.rows))
    if matrix.unreached:
        yield words.unreached([*map(code, matrix.unreached)])
    if matrix.uncovered:
        yield f"No case covers {', '.join(map(code, matrix.uncovered))}."


def _label(row: Row) -> tuple[str, str]:
    if not row.feature:
        return f"**{escape(row.area)}**", ""
    return code(row.feature), str(row.since or "")


def _entry(title: str, lines: Iterable[tuple[str, str]], summary: str = "", level: int = 3) -> str:
    items = "\n".join(_item(label, line) for label, line in lines).rstrip()
    return "\n\n".join(part for part in (f"{'#' * level} {escape(title)}", summary, items) if part)


def _item(label: str, text: str, after: str = "") -> str:
    """An item of a list; what follows the first line is a console tail."""
    first, _, tail = text.strip().partition("\n")
    item = f"- {label}: {escape(first)}{after}"
    return f"{item}\n\n{_fenced(tail)}\n" if tail else item


def _silence(entry: Silence) -> str:
    label = f"**{entry.verdict}** on {', '.join(map(code, entry.targets))}"
    known = f"; known: {escape(entry.known)}" if entry.known else ""
    after = f" ({escape(words.cases_of(entry))}{known})"
    return _item(label, entry.reason or "no reason given", after).rstrip()


def _changes(kind: Kind, changes: Sequence[Change]) -> Iterator[str]:
    if kind not in {Kind.NEW, Kind.GONE}:
        for cases, lines in words.alike(changes):
            title, everything = words.some(cases), ", ".join(cases)
            listed = [] if title == everything else [("cases", everything)]
            yield _entry(title, [*listed, *lines])
    elif changes:
        rows = (
            [code(case), verdict, escape(targets)]
            for case, verdict, targets in words.one_sided(changes)
        )
        yield table(["case", "verdict", "on"], rows)


def _fenced(text: str) -> str:
    """A console tail, indented into its list item, whatever backticks it holds."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = [f"{fence}text", *words.printable(text).splitlines(), fence]
    return "\n".join(f"  {line}" for line in lines)


FORMAT = Format(name="markdown", results=results, diff=diff, page=page)
