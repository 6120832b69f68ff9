# SPDX-License-Identifier: MIT
"""``landproof merge``: results files of some kernels each to one of all."""

import argparse
from pathlib import Path

from reports.merge import merge
from reports.results import encode, load
from suite.cli.report import emit
from suite.errors import Exit, UsageError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "merge",
        description="Make one results file of several that hold different targets, such as those "
        "of jobs that ran one kernel each.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a results file")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )
    parser.set_defaults(handler=_merge)


def _merge(arguments: argparse.Namespace) -> int:
    runs = {}
    for path in arguments.files:
        if str(path) in runs:
            raise UsageError(f"{path} is named twice")
        runs[str(path)] = load(path)
    emit(encode(merge(runs)).decode(), arguments.output)
    return Exit.CONFORMS
