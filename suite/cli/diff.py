# SPDX-License-Identifier: MIT
"""``landproof diff``: what changed between two results files, or differs between two kernels."""

import argparse
import dataclasses
from pathlib import Path

from msgspec.structs import replace

from reports.diff import compare
from reports.render import render_diff
from reports.results import load
from suite.cli import costs, known, outlet
from suite.cli.costs import percentage
from suite.cli.report import add_output_options, emit, style_for
from suite.errors import Exit, UsageError
from suite.judge.records import Results

_VM = "vm:"
"""How the names of machines begin; what comes after it is a label."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "diff",
        usage="%(prog)s [options] A B | FILE X Y | A B X Y",
        description="Say what changed from results file A to results file B, or from target X of "
        "one file to its target Y; with two files and two targets, from X of A to Y of B.",
        epilog="Of two files of landproof cost, what costs otherwise. "
        "Exits with 1 when a case regressed that is not listed as known, a kernel is worse, "
        "a call costs more, or an entry of --known expired or matched nothing. "
        "Targets are matched by name; when each file holds one target, whatever their names. X "
        "and Y are names as reports print them, such as vm:7.1, or without the vm: before a label.",
    )
    parser.add_argument("first", metavar="A|FILE", help="the older results file, or the only one")
    parser.add_argument("second", metavar="B|X", help="the newer results file, or a target")
    parser.add_argument("more", nargs="*", metavar="X|Y", help="targets")
    parser.add_argument(
        "--threshold",
        type=percentage,
        default=costs.THRESHOLD,
        metavar="PERCENT",
        help="of costs: the least change that counts (default: 2)",
    )
    known.add_option(parser)
    add_output_options(parser, of="diff")
    parser.set_defaults(handler=_diff)


def _diff(arguments: argparse.Namespace) -> int:
    words = [arguments.first, arguments.second, *arguments.more]
    if costs.is_costs(Path(arguments.first)):
        return costs.diff(words, arguments)
    listed = known.listed(arguments)
    (before, old), (after, new) = (
        (side, known.marked(results, listed)) for side, results in _sides(words)
    )
    difference = compare(old, new, before=outlet.guard(before), after=outlet.guard(after))
    difference = dataclasses.replace(difference, complaints=known.faults_of(new, listed))
    text = render_diff(difference, arguments.format, style_for(arguments))
    emit(text, arguments.output, arguments.format)
    stale = known.tell_faults(new, listed)
    return Exit.DEVIATES if difference.regressed else stale


def _sides(words: list[str]) -> list[tuple[str, Results]]:
    """Both sides of a comparison: what they are called, and their results.

    Raises:
        UsageError: A file can't be read, or holds no such target.
    """
    match words:
        case [before, after]:
            return [(file, load(Path(file))) for file in (before, after)]
        case [file, x, y]:
            results = load(Path(file))
            both = [_of_one(results, file, name) for name in (x, y)]
        case [a, b, x, y]:
            both = [_of_one(load(Path(file)), file, name) for file, name in ((a, x), (b, y))]
        case _:
            raise UsageError(
                "diff takes two files, a file and two of its targets, or two files and a target of"
                " each; see landproof diff --help"
            )
    if both[0][0] == both[1][0]:
        raise UsageError(f"{both[0][0]} is named twice: nothing to compare it with")
    return both


def _of_one(results: Results, file: str, name: str) -> tuple[str, Results]:
    """The results of one target, and what they are called."""
    by_name = {target.name: target for target in results.targets}
    target = by_name.get(name) or by_name.get(f"{_VM}{name}")
    if target is None:
        raise UsageError(f"{file} holds no target {name!r}; it holds {', '.join(by_name)}")
    return f"{file} {target.name}", replace(results, targets=[target])
