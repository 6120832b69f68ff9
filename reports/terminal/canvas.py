# SPDX-License-Identifier: MIT
"""What every report at a terminal is made of: one width, sections, text that can't act."""

import io
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports import words
from reports.render import Style
from suite.judge.records import Verdict

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


class Canvas:
    """Collects what is shown, at one width, with the environment left out of it."""

    def __init__(self, style: Style) -> None:
        self._written = io.StringIO()
        self._console = Console(
            file=self._written,
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
        """Print items, each on lines of its own."""
        for item in shown:
            self._console.print(Padding(item, (0, 0, 0, indent)))

    def section(
        self, title: str, shown: Iterable[RenderableType], commands: Iterable[str] = ()
    ) -> None:
        """A title and what is under it; nothing at all when nothing is."""
        items, typed = list(shown), list(commands)
        if items or typed:
            self._console.print()
            self.show(text(title, "bold"))
            self.show(*items, indent=2)
            for line in typed:
                # One that we broke could not be copied.
                self._console.print(Text(f"  {line}"), soft_wrap=True)

    def result(self) -> str:
        """All of it."""
        # Padding to the right edge would wrap in a narrower window and litter a file.
        return "\n".join(map(str.rstrip, self._written.getvalue().splitlines())) + "\n"


def text(said: str, style: str = "") -> Text:
    """Text from anywhere, with control characters spelled out."""
    return Text(words.printable(said), style)


def grid(columns: int) -> Table:
    """Columns that wrap."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        made.add_column(overflow="fold")
    return made


def apart(items: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """Items with an empty line between them."""
    for number, item in enumerate(items):
        if number:
            yield Text("")
        yield item


def entry(
    title: str, summary: str, lines: Iterable[tuple[str, str]], tail: str = ""
) -> RenderableType:
    """Something with a name, and labelled lines about it."""
    # Not a table in a table: its columns would be measured twice.
    parts: list[RenderableType] = [text(title, "bold")]
    if summary:
        parts.append(Padding(text(summary), (0, 0, 0, 2)))
    labelled = grid(2)
    for label, line in lines:
        labelled.add_row(text(label, "dim"), text(line))
    if labelled.row_count:
        parts.append(Padding(labelled, (0, 0, 0, 2)))
    if tail:
        parts.append(Padding(text(tail), (0, 0, 0, 4)))
    return Group(*parts)
