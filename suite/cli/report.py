# SPDX-License-Identifier: MIT
"""``landproof report`` and ``landproof diff``: results files to tables."""

import argparse
import os
import sys
from pathlib import Path

from reports.diff import compare
from reports.render import DEFAULT, Style, formats, render, render_diff, style_of
from reports.results import load, write
from suite.errors import Exit, InfrastructureError


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verbs of this module to the command line."""
    report = subparsers.add_parser(
        "report",
        help="render a results file again",
        description="Render a results file again.",
    )
    report.add_argument("file", type=Path, metavar="FILE", help="a results file")
    add_output_options(report)
    report.set_defaults(handler=_report)

    diff = subparsers.add_parser(
        "diff",
        help="say what changed between two results files",
        description="Say what changed from results file A to results file B.",
        epilog="Exits with 1 when a case regressed or a kernel is worse. Targets are matched "
        "by name; when each file holds one target, they are matched whatever their names.",
    )
    diff.add_argument("before", type=Path, metavar="A", help="the older results file")
    diff.add_argument("after", type=Path, metavar="B", help="the newer results file")
    add_output_options(diff)
    diff.set_defaults(handler=_diff)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """The options of every verb that prints a table."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--format",
        choices=list(formats()),
        default=DEFAULT,
        help=f"how to write it (default: {DEFAULT})",
    )
    which.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="the same as --format json",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )


def style_for(output: Path | None) -> Style:
    """What the place that output goes to can show; a file is plain."""
    return Style() if output else style_of(sys.stdout)


def emit(text: str, output: Path | None) -> None:
    """Print, or write to a file: whole or not at all. A reader who has seen enough may go.

    Raises:
        InfrastructureError: No room.
        UsageError: The file can't be one.
    """
    if output:
        write(output, text.encode("utf-8", "backslashreplace"))
        return
    # Results may hold characters that an ASCII locale has not.
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        # Nobody reads on, and Python is not to try again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise InfrastructureError(f"standard output: {error.strerror}") from error


def _report(arguments: argparse.Namespace) -> int:
    style = style_for(arguments.output)
    emit(render(load(arguments.file), arguments.format, style), arguments.output)
    return Exit.CONFORMS


def _diff(arguments: argparse.Namespace) -> int:
    difference = compare(
        load(arguments.before),
        load(arguments.after),
        before=str(arguments.before),
        after=str(arguments.after),
    )
    style = style_for(arguments.output)
    emit(render_diff(difference, arguments.format, style), arguments.output)
    return Exit.DEVIATES if difference.regressed else Exit.CONFORMS
