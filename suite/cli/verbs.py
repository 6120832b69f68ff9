# SPDX-License-Identifier: MIT
"""The verbs of ``landproof``: the whole command line, and which function each line calls."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from suite.cli.outlet import put, tell
from suite.errors import Exit

_PARSERS = {
    "check": "suite.cli.check:add_parsers",
    "matrix": "suite.cli.check:add_parsers",
    "kernels": "suite.cli.kernels:add_parser",
    "report": "suite.cli.report:add_parsers",
    "diff": "suite.cli.report:add_parsers",
    "merge": "suite.cli.merge:add_parser",
    "known": "suite.cli.draft:add_parser",
    "history": "suite.cli.history:add_parser",
    "bisect": "suite.cli.bisect:add_parser",
    "explain": "suite.cli.explain:add_parser",
    "repro": "suite.cli.repro:add_parser",
    "ci": "suite.cli.ci:add_parser",
    "doctor": "suite.cli.doctor:add_parser",
}
"""What adds each verb to the command line, in the order of the help."""

_EPILOG = """\
exit codes: 0 conforms; 1 a kernel deviates, a requirement is unmet, or a regression;
2 wrong usage; 3 the machine's or landproof's fault (nothing booted, a download failed);
4 interrupted; 5 nothing could be checked: no target has Landlock, or something hides it"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line; the usage of some verbs is longer than a screen."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: object = None) -> None:
        """Print help as any other answer; argparse would not say that it can't."""
        if file is sys.stdout:
            put(message)
        elif message:
            tell(message.rstrip("\n"))


def parser(verb: str = "") -> argparse.ArgumentParser:
    """The command line: all of it, unless only one verb is asked for.

    To import what all of them need takes three times as long as a report.
    """
    whole: argparse.ArgumentParser = _Parser(
        prog="landproof",
        description="Prove what your kernel's Landlock really does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=version("landproof"))
    subparsers = whole.add_subparsers(dest="verb", metavar="VERB")
    for path in [_PARSERS[verb]] if verb in _PARSERS else dict.fromkeys(_PARSERS.values()):
        pkgutil.resolve_name(path)(subparsers)
    return whole


def handle(given: Sequence[str]) -> int:
    """Do what the words of a command line say; the exit code.

    Raises:
        LandproofError: It can't be done.
        SystemExit: The words make no sense, or ask for help.
    """
    words = list(given)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "check")
    chosen = parser(words[0]).parse_args(words)
    return int(chosen.handler(chosen))
