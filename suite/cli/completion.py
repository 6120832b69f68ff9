# SPDX-License-Identifier: MIT
"""``landproof completion``: a script by which a shell completes what is typed after landproof."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

from suite.cli import verbs
from suite.cli.outlet import put
from suite.errors import Exit
from vm.catalogue import DEFAULT_SET

SHELLS = ("bash", "zsh", "fish")
"""Those whose scripts are tried; shtab knows more."""
_FOLDERS = {"DIR", "FOLDER"}
"""What help calls an argument that is a folder."""
_FILES = {"FILE", "PATH", "RESULTS", "A|FILE", "B|X", "COMMAND"}
"""What it calls one that may be a file."""
_WORDS = " ".join([*DEFAULT_SET, "installed", "host"])
KERNELS = {
    "bash": "_landproof_kernels",
    "zsh": f"{{_values -s , kernel {_WORDS}}}",
    "fish": f"(string split ' ' '{_WORDS}')",
    "preamble": {
        # The name behind the last comma is the one that is being typed.
        "bash": f"""\
_landproof_kernels() {{
  local before=""
  [[ $1 == *,* ]] && before="${{1%,*}},"
  compgen -P "$before" -W "{_WORDS}" -- "${{1##*,}}"
}}
"""
    },
}
"""Names of kernels: those that need no look at an archive."""
_KERNEL_ARGUMENTS = {"kernels", "kernel", "names"}
"""How the parser calls arguments that are names of kernels."""

_EPILOG = """\
bash:  landproof completion bash \\
         > ~/.local/share/bash-completion/completions/landproof
fish:  landproof completion fish > ~/.config/fish/completions/landproof.fish
zsh:   landproof completion zsh > FOLDER/_landproof
         FOLDER is one of $fpath, named there before compinit is called
A folder that is missing has to be made first."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "completion",
        description="Print a script by which a shell completes verbs, options, their choices,\n"
        "names of files and of kernels.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to read it")
    parser.set_defaults(handler=_completion)


def _completion(arguments: argparse.Namespace) -> int:
    whole = verbs.whole()
    for action in _actions(whole):
        if complete := _completed_by(action):
            action.complete = complete  # type: ignore[attr-defined] # where shtab looks for it
    put(f"{shtab.complete(whole, arguments.shell).rstrip()}\n")
    return Exit.CONFORMS


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a command line, those of its verbs, too."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from _actions(verb)


def _completed_by(action: argparse.Action) -> object:
    """What completes an argument, in the words of shtab; None if nothing does."""
    if action.dest in _KERNEL_ARGUMENTS:
        return KERNELS
    if action.metavar in _FOLDERS:
        return shtab.DIRECTORY
    return shtab.FILE if action.metavar in _FILES else None
