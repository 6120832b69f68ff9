# SPDX-License-Identifier: MIT
"""What the page begins with: a sentence a kernel, then what is new and known bugs by kernels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reports.answer import NEW, Answer, BugCell, BugRow, Grade, Headline, Kernel, New, Standing
from reports.risk import WORST_FIRST, Detail
from reports.words import printable
from suite.landlock.bugs import Impact

_CALM = {Standing.CALM, Standing.BARE}
"""The headlines say all of such a kernel, in one line together."""
_LOUD = {Impact.ESCAPE.value: "bad", Impact.MEMORY_SAFETY.value: "bad"}
_NEW = "new"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A kernel that is not calm."""

    name: str
    link: str
    says: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """What was seen on a kernel."""

    text: str
    """What is read; empty where nothing was asked."""
    note: str
    """The release of its series that has the fix, or that there is none."""
    says: str
    """All of it in words, for who does not see the table."""
    link: str
    """To a case that shows it; empty where none does."""
    loud: str
    """How it stands out, as a class of the style."""


@dataclass(frozen=True, slots=True)
class Row:
    """A known bug, or a fault that nobody knows."""

    impact: str
    title: str
    link: str
    says: str
    loud: str
    command: str
    """What writes a program that shows it; empty for known bugs."""
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Top:
    """All of it."""

    headlines: tuple[Headline, ...]
    sentences: list[Sentence]
    columns: list[tuple[str, str]]
    """Names and links of the kernels that have a row's fault."""
    rows: list[Row]
    more: int
    """Rows that are left out, so that a run in which all fails has a page that opens."""


def top(told: Answer, most: int) -> Top:
    """What the page begins with, with so many rows at most."""
    columns = [place for place in range(len(told.kernels)) if _has_faults(told, place)]
    rows = [*(_new(it, told, columns) for it in told.new), *_known(told, columns)]
    order = sorted(told.kernels, key=_worst)
    return Top(
        headlines=told.headlines,
        sentences=[_sentence(it) for it in order if it.grades[0] not in _CALM],
        columns=[(it.name, link(it.name)) for it in (told.kernels[place] for place in columns)],
        rows=rows[:most],
        more=len(rows[most:]),
    )


def link(name: str, case: str = "") -> str:
    """To the page of a kernel, or to a case on it."""
    where = f"kernel={_quoted(name)}"
    return f"#case={_quoted(case)}&{where}" if case else f"#{where}"


def anchor(row: BugRow) -> str:
    """The id of what is told of a bug."""
    return f"bug-{quote(printable(row.name).replace(' ', '-'), safe='')}"


def loud(impact: str) -> str:
    """How an impact stands out."""
    return _LOUD.get(impact, "mild" if impact == Impact.OVER_DENIAL.value else "low")


def _quoted(text: str) -> str:
    return quote(printable(text), safe="/:")


def _worst(kernel: Kernel) -> int:
    order: list[Grade] = [*NEW, *WORST_FIRST, *Standing]
    return order.index(kernel.grades[0])


def _sentence(kernel: Kernel) -> Sentence:
    return Sentence(
        name=kernel.name,
        link=link(kernel.name),
        says=kernel.sentences[Detail.FIXES],
        notes=tuple(kernel.line.notes),
    )


def _has_faults(told: Answer, place: int) -> bool:
    target = told.kernels[place].target
    return any(row.cells[place].cases for row in told.bugs) or any(
        target in it.targets for it in told.new
    )


def _new(it: New, told: Answer, columns: Sequence[int]) -> Row:
    first = told.kernels[[kernel.target for kernel in told.kernels].index(it.targets[0])]
    return Row(
        impact=_NEW,
        title=it.title,
        link=link(first.name, it.cases[0]),
        says=it.says,
        loud="bad",
        command=it.command,
        cells=[_seen_new(it, told.kernels[place]) for place in columns],
    )


def _seen_new(it: New, kernel: Kernel) -> Cell:
    if kernel.target not in it.targets:
        return Cell("", "", "", "", "")
    says = f"new: {it.title} on {kernel.name}: {it.says}"
    return Cell("new", "report it", says, link(kernel.name, it.cases[0]), "bad")


def _known(told: Answer, columns: Sequence[int]) -> Iterator[Row]:
    for row in told.bugs:
        yield Row(
            impact=row.impact,
            title=row.label,
            link=f"#{anchor(row)}",
            says=row.says,
            loud=loud(row.impact),
            command="",
            cells=[_cell(row, row.cells[place], told.kernels[place]) for place in columns],
        )


def _cell(row: BugRow, cell: BugCell, kernel: Kernel) -> Cell:
    if not cell.cases:
        text, says = ("·", "not seen") if cell.asked else ("", "not asked")
        return Cell(text, "", f"{row.name} on {kernel.name}: {says}", "", "")
    text = "like" if cell.like else "seen"
    note = "" if cell.fix is None else cell.fix or "no fix"
    where = f", {cell.where}" if cell.where else ""
    return Cell(
        text=text,
        note=note,
        says=f"{row.name} on {kernel.name}: {'looks like it' if cell.like else 'seen'}{where}",
        link=link(kernel.name, cell.cases[0]),
        loud="low" if cell.known else loud(row.impact),
    )
