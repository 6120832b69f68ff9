# SPDX-License-Identifier: MIT
"""``landproof report``, and what all verbs share that print one."""

import argparse
import os
import sys
from pathlib import Path
from typing import Literal

from reports.ending import Terms, as_judged, judged
from reports.render import DEFAULT, Style, formats, render, style_of
from reports.results import load, write
from suite.cli import failing, known, outlet, require
from suite.errors import UsageError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    report = subparsers.add_parser(
        "report",
        description="Render a results file again.",
        epilog="Exits with 1 only when an entry of --known expired or matched nothing, or a kernel "
        "lacks what --require… asks for; with --baseline or --fail-on, as a run with them would.",
    )
    report.add_argument("file", type=Path, metavar="FILE", help="a results file")
    known.add_option(report)
    failing.add_options(report)
    require.add_options(report)
    add_output_options(report)
    report.set_defaults(handler=_report)


_MATRIX = (
    "show the matrix and every deviation, too; -vv: and rights, skips and reasons "
    "(at a terminal; the other formats have them anyway)"
)


def add_output_options(
    parser: argparse.ArgumentParser,
    of: Literal["results", "diff", "page"] = "results",
    family: str = "",
    verbose: str = _MATRIX,
) -> None:
    """The options of every verb that prints a table.

    Args:
        parser: Of the verb.
        of: What it is a table of.
        family: Which formats make sense: this one, and those whose names begin with it.
        verbose: What ``-v`` adds.
    """
    which = parser.add_mutually_exclusive_group()
    names = [
        name
        for name, fmt in formats().items()
        if getattr(fmt, of) and (not family or name.partition("-")[0] == family)
    ]
    default, json = family or DEFAULT, f"{family}-json".removeprefix("-")
    which.add_argument(
        "--format",
        choices=names,
        default=default,
        metavar="FORMAT",
        help=f"how to write it: {', '.join(names)} (default: {default})",
    )
    which.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const=json,
        help=f"the same as --format {json}",
    )
    if of == "results":
        parser.add_argument("-v", dest="verbosity", action="count", default=0, help=verbose)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )


def foresee(*paths: Path | None) -> None:
    """Refuse a file that can't be written now, not after minutes of work.

    Raises:
        UsageError: One of them can't.
    """
    for path in paths:
        if path is None:
            continue
        written = path if path.exists() and not path.is_file() else path.parent
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
        if not os.access(written, os.W_OK):
            raise UsageError(f"cannot write {path}: no permission")


def style_for(arguments: argparse.Namespace) -> Style:
    """What the place that output goes to can show; a file is plain."""
    verbosity = getattr(arguments, "verbosity", 0)
    return style_of(None if arguments.output else sys.stdout, verbosity=verbosity)


def emit(text: str, output: Path | None, fmt: str = "") -> None:
    """Print, or write to a file: whole or not at all. A reader who has seen enough may go.

    Args:
        text: What a renderer gave.
        output: The file; None for standard output.
        fmt: The format.

    Raises:
        InfrastructureError: No room.
        UsageError: The file can't be one.
    """
    commands = bool(fmt) and formats()[fmt].commands
    if output:
        safe = outlet.guard(text, commands=commands)
        write(output, safe.encode("utf-8", "backslashreplace"))
    else:
        outlet.put(text, colours=style_of(sys.stdout).colour, commands=commands)


def _report(arguments: argparse.Namespace) -> int:
    listed = known.listed(arguments)
    baseline = failing.baseline(arguments)
    results = known.marked(load(arguments.file), listed)
    terms = Terms(
        fail_on=failing.fail_on(arguments),
        baseline=baseline,
        required=require.required(arguments),
        stale=known.faults_of(results, listed),
    )
    ending = judged(results, terms)
    anew = listed or baseline or arguments.fail_on
    shown = ending.results if anew else as_judged(results, terms.required)
    text = render(shown, arguments.format, style_for(arguments))
    emit(text, arguments.output, arguments.format)
    stale = known.tell_faults(results, listed)
    unmet = require.tell_unmet(results, arguments)
    return ending.code if arguments.fail_on or baseline else unmet or stale
