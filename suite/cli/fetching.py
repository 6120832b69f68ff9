# SPDX-License-Identifier: MIT
"""How far the fetching of kernels is, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from suite.cli.outlet import guard, screen, tell
from vm.store import Progress

_STAGES = {"index": "package index", "download": "download", "unpack": "unpack"}


def megabytes(size: int) -> str:
    """A number of bytes, as people are told it."""
    return f"{size / 1e6:.1f} MB"


def told(news: Progress) -> str:
    """How far a fetch is, in a few words."""
    match news.stage:
        case "index":
            return f"fetching the package index ({megabytes(news.done)})"
        case "download":
            size = megabytes(news.total)
            return f"fetching ({news.done / 1e6:.1f} of {size})" if news.total else "fetching"
        case "unpack":
            return "unpacking"


def labelled(label: str, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Show how far a kernel is under what the user calls it: its name may be a long path."""
    return lambda news: show(replace(news, name=label))


@contextmanager
def display() -> Iterator[Callable[[Progress | str], None]]:
    """Give a function that shows progress, or a line, on stderr: bars on a terminal, else lines."""
    console = screen()
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _Bars(bars)


class Lines:
    """A line for each stage of each kernel."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def __call__(self, news: Progress | str) -> None:
        """Say it, unless this stage was said."""
        if isinstance(news, str):
            line = news
        elif (news.name, news.stage) in self._said:
            return
        else:
            self._said.add((news.name, news.stage))
            size = f" ({megabytes(news.total)})" if news.total else ""
            line = f"{news.name}: {_STAGES[news.stage]}{size}"
        tell(line)


class _Bars:
    """A bar for each kernel, which is filled once a stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, news: Progress | str) -> None:
        if isinstance(news, str):
            self._bars.console.print(guard(news), soft_wrap=True, markup=False, highlight=False)
            return
        if news.name not in self._tasks:
            self._tasks[news.name] = self._bars.add_task(guard(news.name), total=None)
        self._bars.update(
            self._tasks[news.name],
            description=guard(f"{news.name} {_STAGES[news.stage]}"),
            completed=news.done,
            total=news.total or None,
        )
