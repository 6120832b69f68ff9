# SPDX-License-Identifier: MIT
"""The options ``--baseline`` and ``--fail-on``: which faults end a run with 1."""

import argparse
from pathlib import Path

from reports.ending import FailOn
from reports.results import load
from suite.judge.records import Results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them to a verb."""
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE", help="results whose faults are no regressions"
    )
    parser.add_argument(
        "--fail-on",
        type=FailOn,
        choices=list(FailOn),
        help="what ends it with 1: any deviation (the default), with --known or --baseline only "
        "what is in neither (the default with them), or nothing",
    )


def baseline(arguments: argparse.Namespace) -> Results | None:
    """The results that the option names.

    Raises:
        UsageError: They can't be read.
    """
    return load(arguments.baseline) if arguments.baseline else None


def fail_on(arguments: argparse.Namespace) -> FailOn:
    """What the options ask for, or imply."""
    implied = FailOn.REGRESSION if arguments.known or arguments.baseline else FailOn.DEVIATION
    return arguments.fail_on or implied
