# SPDX-License-Identifier: MIT
"""``landproof merge``: results files of some kernels, or of shards, to one of all."""

import argparse
from pathlib import Path

from reports.merge import lacking, merge
from reports.results import encode, load
from suite.cli.outlet import tell
from suite.cli.report import emit
from suite.errors import Exit, UsageError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "merge",
        description="Make one results file of several, such as those of jobs that ran one kernel "
        "each, or of the shards of a run.",
        epilog="Exits with 3 if a shard never came: its cases are lost. Refused are files of "
        "different versions of landproof, shards of different runs, a target that is another "
        "kernel elsewhere, and a case that says two things of one.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a results file")
    parser.add_argument(
        "--output",
        "--results",
        type=Path,
        metavar="FILE",
        help="write to FILE instead of standard output",
    )
    parser.set_defaults(handler=_merge)


def _merge(arguments: argparse.Namespace) -> int:
    runs = {}
    for path in arguments.files:
        if str(path) in runs:
            raise UsageError(f"{path} is named twice")
        runs[str(path)] = load(path)
    emit(encode(merge(runs)).decode(), arguments.output)
    code = Exit.CONFORMS
    for line in lacking(runs):
        tell(line)
        code = Exit.INFRASTRUCTURE
    return code
