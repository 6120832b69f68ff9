# SPDX-License-Identifier: MIT
"""The verbs of ``landproof``: the whole command line, and which function each line calls."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from suite.cli.outlet import put, tell
from suite.errors import Exit


class _Verb(NamedTuple):
    """A verb, as the help of all of them has it."""

    path: str
    """What adds it to the command line, and imports what it takes."""
    help: str


_VERBS = {
    "check": _Verb("suite.cli.check:add_parsers", "check the running kernel (the default)"),
    "matrix": _Verb(
        "suite.cli.check:add_parsers",
        "fetch kernels, boot each in a virtual machine, say who is at risk",
    ),
    "run": _Verb("suite.cli.command:add_parser", "run any command on each kernel, one table"),
    "clients": _Verb(
        "suite.cli.clients:add_parser", "try other people's enforcers, or yours, on kernels"
    ),
    "explore": _Verb(
        "suite.cli.explore:add_parser",
        "play all small programs on targets, and hold targets against each other",
    ),
    "fuzz": _Verb(
        "suite.cli.fuzz:add_parser",
        "play long programs on targets, and hold targets against their models",
    ),
    "cost": _Verb(
        "suite.cli.cost:add_parser", "what Landlock costs on each kernel, in instructions"
    ),
    "shell": _Verb("suite.cli.shell:add_parser", "look around on a kernel, from this terminal"),
    "kernels": _Verb(
        "suite.cli.kernels:add_parser", "list, fetch and prune the kernels that can be booted"
    ),
    "report": _Verb("suite.cli.report:add_parser", "render a results file again"),
    "diff": _Verb(
        "suite.cli.diff:add_parser", "say what changed between two results files, or two kernels"
    ),
    "plan": _Verb("suite.cli.plan:add_parser", "say what each of several machines would run"),
    "merge": _Verb("suite.cli.merge:add_parser", "make one results file of several"),
    "known": _Verb("suite.cli.draft:add_parser", "draft a list of known deviations, for --known"),
    "history": _Verb("suite.cli.history:add_parser", "say which build of a series changed what"),
    "bisect": _Verb("suite.cli.bisect:add_parser", "find the kernel where a case's answer changes"),
    "check-tree": _Verb(
        "suite.cli.check_tree:add_parser", "what git bisect run takes: one case on a build tree"
    ),
    "explain": _Verb(
        "suite.cli.explain:add_parser", "say what a case is about, and what was seen of it"
    ),
    "repro": _Verb(
        "suite.cli.repro:add_parser", "write a case as one C file, to report a bug with"
    ),
    "compat": _Verb(
        "suite.cli.compat:add_parser",
        "which kernels have a feature of Landlock, and what the others answer",
    ),
    "ci": _Verb("suite.cli.ci:add_parser", "print a workflow for a CI service"),
    "doctor": _Verb(
        "suite.cli.doctor:add_parser",
        "what this machine can do, and the command that mends what it can't",
    ),
    "completion": _Verb(
        "suite.cli.completion:add_parser", "print what completes commands in bash, zsh or fish"
    ),
}
"""In the order of the help."""

_EPILOG = """\
exit codes:
  0  conforms
  1  a kernel deviates, a requirement is unmet, or a regression
  2  wrong usage
  3  the machine's or landproof's fault (nothing booted, a download failed)
  4  interrupted
  5  nothing could be checked: no target has Landlock, or something hides it"""


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


class _Verbs(argparse._SubParsersAction):  # type: ignore[type-arg] # at run time it takes none
    """Gives each verb the help that the list of all has for it."""

    def add_parser(self, name: str, **given: Any) -> argparse.ArgumentParser:  # noqa: ANN401 (what a parser may be given)
        """Add one; the same as in argparse, but that there is a help for it."""
        added: argparse.ArgumentParser = super().add_parser(
            name, **{"help": _VERBS[name].help, **given}
        )
        return added


class _Version(argparse.Action):
    """Says the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415 (it takes its time)

        put(f"{version('landproof')}\n")
        parser.exit()


def parser(verb: str = "") -> argparse.ArgumentParser:
    """The command line as far as one verb needs it; without one, as far as its help does.

    To import what all verbs need takes ten times as long as to print the help.
    """
    top, subparsers = _top()
    if verb in _VERBS:
        pkgutil.resolve_name(_VERBS[verb].path)(subparsers)
    else:
        for name in _VERBS:
            subparsers.add_parser(name)
    return top


def whole() -> argparse.ArgumentParser:
    """The command line with all that every verb takes: for what is made from it."""
    top, subparsers = _top()
    for path in dict.fromkeys(its.path for its in _VERBS.values()):
        pkgutil.resolve_name(path)(subparsers)
    return top


def _top() -> tuple[argparse.ArgumentParser, argparse._SubParsersAction[argparse.ArgumentParser]]:
    """The command line without verbs, and where they are added."""
    top = _Parser(
        prog="landproof",
        description="Prove what your kernel's Landlock really does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--version", action=_Version, nargs=0, help="show program's version number and exit"
    )
    return top, top.add_subparsers(dest="verb", metavar="VERB", action=_Verbs, parser_class=_Parser)


def handle(given: Sequence[str]) -> int:
    """Do what the words of a command line say; the exit code.

    Raises:
        LandproofError: It can't be done.
        SystemExit: The words make no sense, or ask for help.
    """
    chosen = parsed(given)
    return int(chosen.handler(chosen))


def parsed(given: Sequence[str]) -> argparse.Namespace:
    """What the words of a command line say; ``handler`` does it.

    Raises:
        SystemExit: They make no sense, or ask for help.
    """
    words = list(given)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "check")
    return parser(words[0]).parse_args(words)
