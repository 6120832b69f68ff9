# SPDX-License-Identifier: MIT
"""``landproof explain``: all about one case."""

import argparse
from pathlib import Path

from reports.explain import explain, page
from reports.render import render_page
from reports.results import load
from suite.cli import collect
from suite.cli.report import add_output_options, emit, style_for
from suite.cli.run import run
from suite.errors import Exit
from suite.judge.behaviours import behaviours


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "explain",
        description="Say what a case is about, where that is written, what kernels owe, what was "
        "seen, and how to see it once more. Without --results the case runs here.",
    )
    parser.add_argument("case", metavar="CASE", help="its id, or how it begins")
    parser.add_argument(
        "--results", type=Path, nargs="+", metavar="FILE", help="results files that may hold it"
    )
    add_output_options(parser, of="page")
    parser.set_defaults(handler=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    runs = [load(path) for path in arguments.results or ()]
    case = collect.find(collect.declared_cases(), arguments.case)
    if not runs:
        outcome = run(["local"], nodes=[case.node("local")])
        if outcome.interrupted:
            raise KeyboardInterrupt
        runs.append(outcome.results)
    told = explain(case, behaviours(), runs)
    emit(render_page(page(told), arguments.format, style_for(arguments)), arguments.output)
    return Exit.CONFORMS
