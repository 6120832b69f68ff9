# SPDX-License-Identifier: MIT
"""The options ``--require…``: what a kernel has to claim and provide, or the run ends with 1."""

from __future__ import annotations

import argparse

from reports.required import ERRATA, FEATURES, NEWEST, Required, unmet
from suite.cli import outlet
from suite.cli.near import few, near
from suite.errors import Exit
from suite.judge.records import Results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a verb."""
    parser.add_argument(
        "--require-abi",
        type=_version,
        default=0,
        metavar="N",
        help="exit with 1 unless every kernel claims and provides ABI version N",
    )
    parser.add_argument(
        "--require",
        dest="require_features",
        type=_features,
        action="extend",
        default=[],
        metavar="FEATURE[,FEATURE...]",
        help="the same for access rights, scopes and flags, such as fs.truncate,scope.signal",
    )
    parser.add_argument(
        "--require-errata",
        type=_errata,
        action="extend",
        default=[],
        metavar="N[,N...]",
        help="the same for errata: claimed, and the fix was seen",
    )


def required(arguments: argparse.Namespace) -> Required:
    """What the options ask for."""
    return Required(
        arguments.require_abi,
        tuple(dict.fromkeys(arguments.require_features)),
        tuple(dict.fromkeys(arguments.require_errata)),
    )


def tell_unmet(results: Results, arguments: argparse.Namespace) -> Exit:
    """Print a line for each target that lacks something; the exit code that they ask for.

    That a kernel never came up is told, too, but is no fault of the kernel's.
    """
    asked = required(arguments)
    code = Exit.CONFORMS
    for target in results.targets:
        if line := unmet(target, asked):
            outlet.tell(line)
            code = Exit.DEVIATES if target.facts else code
    return code


def _version(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= NEWEST:
        raise argparse.ArgumentTypeError(f"{text!r}: landproof knows ABI 1 to {NEWEST}")
    return number


def _features(text: str) -> list[str]:
    return [_feature(name.strip()) for name in text.split(",")]


def _feature(name: str) -> str:
    if name.lower() in FEATURES:
        return name.lower()
    like = few(near(name, FEATURES) or FEATURES)
    raise argparse.ArgumentTypeError(f"no feature {name!r}; near are: {like}")


def _errata(text: str) -> list[int]:
    known = {str(number): number for number in ERRATA}
    for word in text.split(","):
        if word.strip() not in known:
            raise argparse.ArgumentTypeError(
                f"no erratum {word.strip()!r}; landproof knows {', '.join(known)}"
            )
    return [known[word.strip()] for word in text.split(",")]
