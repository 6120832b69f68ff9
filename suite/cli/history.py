# SPDX-License-Identifier: MIT
"""``landproof history``: when the verdicts of a kernel series changed."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from reports.history import history, page
from reports.render import render_page
from reports.results import load
from suite.cli import costs
from suite.cli.report import add_output_options, emit, style_for
from suite.errors import Exit, UsageError
from vm.catalogue import version_key


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "history",
        description="Say, for every kernel series, which of its builds changed which verdict or "
        "observation; of files of landproof cost, what came to cost otherwise. The results may "
        "come from one run of many kernels, or from many runs.",
    )
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="a results file, or a folder: every *.json in it",
    )
    add_output_options(parser, of="page")
    parser.set_defaults(handler=_history)


def _history(arguments: argparse.Namespace) -> int:
    files = list(_files(arguments.paths))
    if costs.is_costs(files[0]):
        return costs.history(files, arguments, version_key)
    runs = {str(path): load(path) for path in files}
    text = render_page(page(history(runs, version_key)), arguments.format, style_for(arguments))
    emit(text, arguments.output)
    return Exit.CONFORMS


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
        elif found := sorted(path.glob("*.json")):
            yield from found
        else:
            raise UsageError(f"no results in {path}: it holds no *.json")
