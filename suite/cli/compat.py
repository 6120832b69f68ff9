# SPDX-License-Identifier: MIT
"""``landproof compat``: which kernels have a feature, what the others answer, what to do then."""

import argparse
from pathlib import Path

from reports.compat import names, told
from reports.compat.asked import Asked, of_abi, of_kernel
from reports.compat.build import build
from reports.compat.document import Compat
from reports.compat.names import Named
from reports.compat.publish import published
from reports.render import render_page
from reports.results import load
from suite.cli.near import few, near
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.errors import Exit, UsageError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "compat",
        description="Say from which ABI version on a feature of Landlock is there, what older "
        "kernels answer, and what to do then; or the same of everything. The data came with "
        "landproof: no kernel is asked.",
    )
    parser.add_argument(
        "feature",
        nargs="?",
        metavar="FEATURE",
        help="a right, scope, flag, limit, erratum, known bug, call or struct, by any usual name: "
        "fs.truncate, LANDLOCK_ACCESS_FS_TRUNCATE, truncate, 'erratum 4', CVE-2026-72183",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--abi", type=int, metavar="N", help="on kernels of this ABI version")
    which.add_argument(
        "--kernel",
        metavar="RELEASE",
        help="on this kernel: 6.12.80, or what uname -r or uname -rv prints",
    )
    parser.add_argument(
        "--results",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the data of these results files in place of those that came with landproof",
    )
    add_output_options(parser, of="page")
    parser.set_defaults(handler=_compat)


def _compat(arguments: argparse.Namespace) -> int:
    foresee(arguments.output)
    runs = [load(path) for path in arguments.results or ()]
    compat = build(*runs) if runs else published()
    named = _named(compat, arguments.feature) if arguments.feature is not None else None
    page = told.page(compat, named, _asked(compat, arguments))
    emit(render_page(page, arguments.format, style_for(arguments)), arguments.output)
    return Exit.CONFORMS


def _named(compat: Compat, text: str) -> Named:
    """What is asked for.

    Raises:
        UsageError: There is no such thing, or several; says which are near.
    """
    match names.find(compat, text):
        case [one]:
            return one
        case [] if why := names.left_out(text):
            raise UsageError(f"no feature {text!r}: {why}")
        case []:
            everything = [it.name for it in names.everything(compat)]
            like = near(text, everything)
            hint = f"near are: {few(like)}" if like else "landproof compat lists them all"
            raise UsageError(f"no feature {text!r}; {hint}")
        case several:
            raise UsageError(f"{text!r} may be {' or '.join(it.name for it in several)}: say which")


def _asked(compat: Compat, arguments: argparse.Namespace) -> Asked | None:
    if arguments.abi is not None:
        return of_abi(compat, arguments.abi)
    return of_kernel(compat, arguments.kernel) if arguments.kernel is not None else None
