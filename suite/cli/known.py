# SPDX-License-Identifier: MIT
"""The option ``--known``: a list of known deviations, held against results."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from reports.known import Known, drafts, faults, mark, read
from suite.cli.outlet import tell
from suite.errors import Exit
from suite.judge.records import Results

Listed = tuple[Path, list[Known]] | None
"""The file and its entries; None when none is given."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add it to a verb."""
    parser.add_argument(
        "--known", type=Path, metavar="FILE", help="a list of known deviations (TOML)"
    )


def listed(arguments: argparse.Namespace) -> Listed:
    """The list that the option names.

    Raises:
        UsageError: It can't be read, or an entry is not what it must be.
    """
    return (arguments.known, read(arguments.known)) if arguments.known else None


def marked(results: Results, given: Listed) -> Results:
    """The results with the deviations marked that are known; as they are without a list."""
    return mark(results, given[1], today()) if given else results


def faults_of(results: Results, given: Listed, *, whole: bool = False) -> tuple[str, ...]:
    """What is wrong with the list, a line for each such entry."""
    if not given:
        return ()
    lines = faults(given[1], results, today(), whole=whole)
    return tuple(f"{given[0]}: {line}" for line in lines)


def tell_faults(results: Results, given: Listed, *, whole: bool = False) -> Exit:
    """Say what is wrong with the list, and whether anything is, as an exit code."""
    code = Exit.CONFORMS
    if given and (line := drafts(given[1], today())):
        tell(f"{given[0]}: {line}")
    for line in faults_of(results, given, whole=whole):
        tell(line)
        code = Exit.DEVIATES
    return code


def today() -> date:
    """The day, by UTC."""
    return datetime.now(UTC).date()
