# SPDX-License-Identifier: MIT
"""For the summary of a CI step: short Markdown, a line a kernel, everything else folded.

GitHub refuses a summary above 1 MiB as a whole: what does not fit is left out, with a pointer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from reports import words
from reports.answer import Answer, answer, beneath
from reports.ci.badge import LABEL, badge
from reports.diff import Diff, Kind
from reports.markdown import bugs, escape, fixes, headlines, kernels, new
from reports.matrix import Deviation, Silence, build
from reports.render import Format, Style
from suite.judge.records import Results

MOST = 1_000_000
"""Bytes of a summary; the rest up to 1 MiB is for what the step writes itself."""

_LINE = 2000
"""Characters of a line: one console must not crowd out the rest."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of which some may be left out, between lines that stay."""

    head: Sequence[str]
    lines: Sequence[str] = ()
    foot: Sequence[str] = ()


def results(results: Results, _style: Style) -> str:
    """A run: the answer, everything else folded."""
    matrix = build(results)
    told = answer(results, matrix)
    return _page(
        _Part([f"# {LABEL}: {badge(results).message}"]),
        *(_Part([f"**{escape(line)}**"]) for line in words.warnings(results)),
        _Part([headlines(told), "", escape(words.headline(results))]),
        _Part(["**New: report it**", ""] if told.new else [], [*map(_cut, new(told))]),
        _Part([bugs(told)] if told.bugs else []),
        _kernels(told),
        *_folded("What fixes them", fixes(told)),
        *(
            part
            for title, found in beneath(told.bugs, matrix)
            for part in _folded(
                f"{title}: {words.plural(len(found), 'deviation')}", map(_deviation, found)
            )
        ),
        *(
            part
            for group in words.unjudged(matrix)
            for part in _folded(group.title, map(_silence, group.entries))
        ),
    )


def diff(diff: Diff, _style: Style) -> str:
    """A comparison: what got worse at once, other changes folded."""
    worse = (_entry(it.target, words.kernel_change(it)) for it in diff.kernels if it.worse)
    regressed = (
        _entry(words.some(cases), lines) for cases, lines in words.alike(diff.of(Kind.REGRESSION))
    )
    return _page(
        _Part([f"# {escape(f'{diff.before} -> {diff.after}')}"]),
        _Part([f"- {escape(line)}" for line in words.diff_headlines(diff)]),
        _Part([], [*worse, *regressed]),
        *(part for kind in Kind if kind is not Kind.REGRESSION for part in _changes(diff, kind)),
    )


def _changes(diff: Diff, kind: Kind) -> Iterator[_Part]:
    changes = diff.of(kind)
    title = f"{words.KIND_TITLES[kind]} ({words.number(changes)})"
    return _folded(title, (_entry(it.case, [("on", ", ".join(it.targets))]) for it in changes))


def _kernels(told: Answer) -> _Part:
    return _Part(
        ["| target | kernel | claims, provides, risk |", "|---|---|---|"],
        [f"| {' | '.join(map(_cut, row))} |" for row in kernels(told.kernels)],
    )


def _folded(title: str, lines: Iterable[str]) -> Iterator[_Part]:
    if shown := list(lines):
        head = f"<details><summary>{escape(title)}</summary>"
        yield _Part([head, ""], shown, ["", "</details>"])


def _deviation(entry: Deviation) -> str:
    return _entry(entry.case, (it for it in words.deviation(entry) if it[0] != "source"))


def _entry(title: str, lines: Iterable[tuple[str, str]]) -> str:
    said = "; ".join(f"{label}: {_first_line(text)}" for label, text in lines)
    return f"- **{_short(title)}** {_short(said)}"


def _silence(entry: Silence) -> str:
    title = f"{entry.verdict} on {', '.join(entry.targets)}"
    known = [("known", entry.known)] if entry.known else []
    reason = _first_line(entry.reason) or "no reason given"
    return _entry(title, [(words.cases_of(entry), reason), *known])


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _short(text: str) -> str:
    return escape(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _LINE else f"{text[:_LINE]} …"


def _page(*parts: _Part) -> str:
    pointers = len(parts) * _size(_pointer(10**9))
    room = MOST - pointers - sum(_size([*part.head, *part.foot, ""]) for part in parts)
    shown = []
    for part in parts:
        kept = _fitting(part.lines, room)
        room -= _size(kept)
        left = len(part.lines) - len(kept)
        shown.append([*part.head, *kept, *(_pointer(left) if left else []), *part.foot])
    return "\n\n".join("\n".join(lines) for lines in shown if lines) + "\n"


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """The first lines, as many as take no more bytes than this."""
    sizes = accumulate(_size([line]) for line in lines)
    return [line for line, size in zip(lines, sizes, strict=True) if size <= room]


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _pointer(left: int) -> list[str]:
    more = words.plural(left, "more line")
    return ["", f"{more}: see the results file (`landproof report FILE --format markdown`)."]


FORMAT = Format(name="summary", results=results, diff=diff)
