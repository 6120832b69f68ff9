# SPDX-License-Identifier: MIT
"""The command ``landproof``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from suite.cli import bisect, check, ci, doctor, explain, history, kernels, merge, report
from suite.errors import Exit, LandproofError

_EPILOG = """\
exit codes: 0 conforms; 1 a kernel deviates, a requirement is unmet, or a regression;
2 wrong usage; 3 the machine's or landproof's fault (nothing booted, a download failed);
4 interrupted; 5 nothing could be checked: no target has Landlock, or something hides it"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line; the usage of some verbs is longer than a screen."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole: argparse.ArgumentParser = _Parser(
        prog="landproof",
        description="Prove what your kernel's Landlock really does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=version("landproof"))
    subparsers = whole.add_subparsers(dest="verb", metavar="VERB")
    check.add_parsers(subparsers)
    kernels.add_parser(subparsers)
    report.add_parsers(subparsers)
    merge.add_parser(subparsers)
    history.add_parser(subparsers)
    bisect.add_parser(subparsers)
    explain.add_parser(subparsers)
    ci.add_parser(subparsers)
    doctor.add_parser(subparsers)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "check")
    # What a service manager, a CI runner or a terminal that is closed sends is to end a run as
    # cleanly as Ctrl-C does; what nohup ignores stays ignored.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        chosen = parser().parse_args(given)
        code = int(chosen.handler(chosen))
        sys.stdout.flush()
        return code
    except LandproofError as error:
        if not error.told:
            print(f"landproof: {error}", file=sys.stderr)
        return error.exit
    except KeyboardInterrupt:
        print("landproof: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough; keep Python from complaining at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.CONFORMS


if __name__ == "__main__":
    sys.exit(main())
