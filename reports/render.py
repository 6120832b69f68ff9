# SPDX-License-Identifier: MIT
"""From results to text. Every module in ``reports.formats`` is a format: its ``FORMAT`` says how.

Renderers are pure: the same results and style give the same text, with no clock and no chance.
"""

import functools
import importlib
import os
import pkgutil
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

import reports.formats
from reports.diff import Diff
from reports.page import Page
from suite.errors import UsageError
from suite.judge.records import Results

DEFAULT = "terminal"
WIDTH = 120
"""Columns of a screen that does not tell."""


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's screen can do."""

    width: int = WIDTH
    """Columns."""
    colour: bool = False
    verbosity: int = 0
    """How much there is beside the answer: 1 for the matrix, 2 for rights, skips and reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How results, and the difference of two, are written."""

    name: str
    results: Callable[[Results, Style], str]
    diff: Callable[[Diff, Style], str] | None = None
    """None where the format has no words for a difference."""
    page: Callable[[Page, Style], str] | None = None
    """Any other report; None where the format is for results alone."""
    commands: bool = False
    """Whether its lines are commands to the CI service that reads them."""


@functools.cache
def formats() -> dict[str, Format]:
    """Every format by its name."""
    modules = (
        importlib.import_module(f"reports.formats.{module.name}")
        for module in pkgutil.iter_modules(reports.formats.__path__)
    )
    found: list[Format] = [module.FORMAT for module in modules]
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


def render(results: Results, fmt: str = DEFAULT, style: Style | None = None) -> str:
    """The text of a run.

    Raises:
        UsageError: There is no such format.
    """
    return _format(fmt).results(results, style or Style())


def render_diff(diff: Diff, fmt: str = DEFAULT, style: Style | None = None) -> str:
    """The text of a comparison.

    Raises:
        UsageError: There is no such format, or it has no words for a difference.
    """
    write = _format(fmt).diff
    if write is None:
        raise UsageError(f"format {fmt!r} is for one results file, not for a difference of two")
    return write(diff, style or Style())


def render_page(page: Page, fmt: str = DEFAULT, style: Style | None = None) -> str:
    """The text of any other report.

    Raises:
        UsageError: There is no such format, or it is for results alone.
    """
    write = _format(fmt).page
    if write is None:
        raise UsageError(f"format {fmt!r} is for results files, not for this report")
    return write(page, style or Style())


def style_of(stream: TextIO | None, *, verbosity: int = 0) -> Style:
    """What a stream can show: plain when it is no terminal or NO_COLOR is set.

    Args:
        stream: None for a file.
        verbosity: As ``Style`` has it.
    """
    if stream is None or not stream.isatty():
        # COLUMNS alone tells: the width of a terminal that is somewhere else means nothing here.
        given = os.environ.get("COLUMNS", "")
        width = int(given) if given.isdecimal() and int(given) else WIDTH
        return Style(width=width, verbosity=verbosity)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns
    return Style(width=width, colour=colour, verbosity=verbosity)


def _format(name: str) -> Format:
    try:
        return formats()[name]
    except KeyError:
        raise UsageError(f"no format {name!r}: choose from {', '.join(formats())}") from None
