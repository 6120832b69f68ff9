# SPDX-License-Identifier: MIT
"""What the formats in GitHub's Markdown share: text that is no mark-up, tables, the answer."""

import re
from collections.abc import Iterable, Iterator, Sequence

from reports import words
from reports.answer import Answer, BugRow, Kernel, New, columns

_SPECIAL = re.compile(r"[\\`*<~|]|\](?=[\[(:])|(?<!\w)_|_(?!\w)")
"""What GitHub's Markdown would take for mark-up: not the brackets of a case's id, nor underscores
inside of words."""


def escape(text: str) -> str:
    """Text on one line, with nothing in it that GitHub's Markdown would take for mark-up."""
    flat = " ".join(words.printable(text).split())
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", flat)


def code(text: str) -> str:
    """An identifier; a bar would end its cell, even in code."""
    flat = " ".join(words.printable(text).split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> str:
    """A table; ``right`` holds an ``r`` for each column that is aligned to the right."""
    from tabulate import tabulate  # noqa: PLC0415 (every verb that knows formats imports this file)

    align = ["right" if mark == "r" else "left" for mark in right.ljust(len(head), "l")]
    # Numbers as they are: tabulate would make 6.10 of a kernel 6.1.
    return str(tabulate(rows, head, tablefmt="pipe", colalign=align, disable_numparse=True))


def narrow_table(rows: Iterable[Sequence[object]], head: Sequence[str]) -> str:
    """A table without a space too many: a change of one line changes no other line."""
    from tabulate import tabulate  # noqa: PLC0415 (every verb that knows formats imports this file)

    lines = tabulate(rows, head, tablefmt="github", disable_numparse=True).splitlines()
    return "\n".join(re.sub(r" {2,}", " ", re.sub(r"-{4,}", "---", line)) for line in lines)


def headlines(told: Answer) -> str:
    """Who is at risk, the worst first."""
    return "\n".join(f"- **{escape(it.says)}**" for it in told.headlines)


def new(told: Answer) -> Iterator[str]:
    """What someone has to report, a line each."""
    return (_new(it) for it in told.new)


def _new(it: New) -> str:
    where = f"{code(it.title)} on {', '.join(map(code, it.targets))}"
    return f"- {where}: {escape(it.says)}; {code(it.command)}"


def bugs(told: Answer) -> str:
    """Known bugs by the kernels on which any was seen; empty if none was."""
    places = columns(told.bugs)
    if not places:
        return ""
    heads = ["impact", "bug", "what it does", *(code(told.kernels[at].name) for at in places)]
    rows = ([*_bug(it), *(escape(it.cells[at].text) for at in places)] for it in told.bugs)
    return table(heads, rows)


def _bug(row: BugRow) -> tuple[str, str, str]:
    return f"**{row.impact}**" if row.grave else row.impact, code(row.name), escape(row.says)


def fixes(told: Answer) -> Iterator[str]:
    """Of each known bug where it is fixed, what helps until then, and what shows it."""
    for row in told.bugs:
        said = []
        if row.bug:
            said.append(f"fixed in {row.bug.releases}")
            said += [f"until then: {escape(row.bug.workaround)}"] if row.bug.workaround else []
            said += [f"[{label}]({address})" for label, address in row.bug.links.items()]
        said.append(f"shown by {escape(words.files(row.cases))}")
        yield f"- {code(row.name)}: {'; '.join(said)}"


def kernels(kernels: Sequence[Kernel]) -> Iterator[Sequence[str]]:
    """Rows of a table: each kernel by its target, its release, and in a sentence."""
    for it in kernels:
        notes = (f"note: {note}" for note in it.line.notes)
        yield [code(it.target), escape(it.line.kernel), escape("; ".join([it.sentence, *notes]))]
