# SPDX-License-Identifier: MIT
"""Where text leaves us: standard output and standard error, for people, programs and CI logs.

Text from files, archives and guests is in most of it. None of it may act on a terminal, or be a
command to the CI service that reads the log.
"""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from suite.errors import InfrastructureError

if TYPE_CHECKING:
    from rich.console import Console

_ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of characters that do something instead of being seen."""
_COMMANDS = re.compile(
    r"(?P<workflow>^[ \t]*:)(?=:[A-Za-z])"  # GitHub's, at the beginning of a line
    r"|(?P<anywhere>#)(?=#(?:\[|vso\[|teamcity\[))"  # its older ones, Azure's, TeamCity's
    r"|(?P<section>section)(?=_(?:start|end):)",  # GitLab's
    re.MULTILINE,
)


def guard(text: str, *, colours: bool = False, commands: bool = False) -> str:
    r"""Text in which nothing acts: characters are spelled ``\u001b``, as JSON may have them.

    So a JSON document stays one, and means the same.

    Args:
        text: May be of many lines.
        colours: Whether escape sequences in it are ours.
        commands: Whether GitHub's commands in it are ours.
    """
    if not text.isprintable():
        kept = "\n\t\x1b" if colours else "\n\t"
        text = "".join(
            char if char in kept or unicodedata.category(char) not in _ACTING else _spelled(char)
            for char in text
        )
    return _COMMANDS.sub(lambda match: _defused(match, commands=commands), text)


def _defused(match: re.Match[str], *, commands: bool) -> str:
    found = match[0]
    if match["workflow"]:
        return found if commands else f"{found[:-1]}\\u003a"
    return "\\u0023" if match["anywhere"] else "\\u0073ection"


def _spelled(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class _Errors(io.TextIOWrapper):
    """Standard error, guarded whatever writes to it: we, argparse, pytest, a warning."""

    def __init__(self, raw: TextIO) -> None:
        encoding = raw.encoding or "utf-8"
        self.raw_text = raw
        super().__init__(
            raw.buffer, encoding=encoding, errors="backslashreplace", write_through=True
        )
        self._line = ""

    def write(self, text: str, /) -> int:
        """Write the lines that are whole; a command is one only as a line."""
        whole, newline, self._line = f"{self._line}{text}".rpartition("\n")
        if newline:
            self._put(f"{whole}\n")
        return len(text)

    def flush(self) -> None:
        """Write what there is of a line, too."""
        text, self._line = self._line, ""
        if text:
            self._put(text)
        super().flush()

    def _put(self, text: str) -> None:
        # Nobody can be told that standard error is full.
        with suppress(OSError):
            super().write(guard(text))


@contextmanager
def guarded_errors() -> Iterator[None]:
    """Guard all that is written to standard error meanwhile."""
    before = sys.stderr
    if not hasattr(before, "buffer"):
        yield  # a test's stand-in
        return
    ours = _Errors(before)
    sys.stderr = ours
    try:
        yield
    finally:
        with suppress(OSError):
            ours.flush()
        ours.detach()
        sys.stderr = before


def tell(line: str) -> None:
    """Say something on standard error, if there is anybody to hear it."""
    with suppress(OSError):
        # A progress bar may have put its own stream in place of the guarded one. Written at once, a
        # line stays one, whoever else writes.
        print(f"{guard(line)}\n", end="", file=sys.stderr, flush=True)


def screen() -> Console:
    """Standard error for what draws on a terminal, where escape sequences are ours.

    Whoever draws text of others guards it.
    """
    from rich.console import Console  # noqa: PLC0415 (it takes its time)

    ours = sys.stderr
    return Console(file=ours.raw_text if isinstance(ours, _Errors) else ours, emoji=False)


def put(text: str, *, colours: bool = False, commands: bool = False) -> None:
    """Print an answer; its reader may have seen enough and gone.

    Args:
        text: Guarded here.
        colours: As ``guard`` has it.
        commands: As ``guard`` has it.

    Raises:
        InfrastructureError: It can't be written.
    """
    # Results may hold characters that an ASCII locale has not.
    encoding = sys.stdout.encoding or "utf-8"
    safe = guard(text, colours=colours, commands=commands)
    try:
        sys.stdout.write(safe.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        abandon_what_is_left()
        if not isinstance(error, BrokenPipeError):
            raise InfrastructureError(f"standard output: {error.strerror}") from error


def put_table(
    rows: Iterable[Sequence[str]], head: Sequence[str], align: Sequence[str] = ()
) -> None:
    """Print a table as an answer: a line a row, however wide, so that it can be searched and cut.

    Args:
        rows: Their cells.
        head: Names of the columns.
        align: ``left`` or ``right``, for the first columns; left for the others.

    Raises:
        InfrastructureError: It can't be written.
    """
    from tabulate import tabulate  # noqa: PLC0415 (most commands have no table)

    sides = [*align, *["left"] * (len(head) - len(align))]
    put(f"{tabulate(rows, head, disable_numparse=True, colalign=sides)}\n")


def abandon_what_is_left() -> None:
    """Give up what can't be written, so that Python does not try again at its exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def open_missing() -> None:
    """Open standard files that the shell has closed, lest a file of ours takes their numbers.

    An answer to a closed standard output then fails, as it should; messages go nowhere.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = _standard(1)
    if sys.stderr is None:
        sys.stderr = _standard(2)


def _standard(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", closefd=False)
