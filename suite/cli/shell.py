# SPDX-License-Identifier: MIT
"""``landproof shell``: a look around on a kernel, from this terminal."""

from __future__ import annotations

import argparse
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from suite.cli.command import add_tree_options, chosen_of, folders_of, order_of, words_of
from suite.cli.commanding import Commands
from suite.cli.on_kernel import OnKernel
from suite.cli.outlet import tell
from suite.command.order import Order
from suite.command.terminal import OnTerminal
from suite.errors import Exit, UsageError
from suite.judge.ran import End
from suite.process.process import Process
from suite.targets.schemes import registered
from vm.catalogue import DEFAULT_SET

_CHUNK = 1024
_ESCAPE = b"\x1d"
"""Ctrl-], as in telnet(1): a guest need not hear the others."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "shell",
        usage="landproof shell [--kernel NAME] [OPTION...] [-- COMMAND [ARGUMENT...]]",
        description="Start your shell, or a command, on a kernel, with this machine's files, "
        "read-only, and with this terminal. See landproof run.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--kernel", default=DEFAULT_SET[-1], metavar="NAME", help="which one (default: %(default)s)"
    )
    which.add_argument("--target", metavar="NAME", help=f"or a target: {registered().usages}")
    add_tree_options(parser)
    parser.set_defaults(handler=_shell)


def _shell(arguments: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal here; without one: landproof run -- COMMAND")
    words = words_of(arguments) or [os.environ.get("SHELL", "/bin/sh")]
    targets = [arguments.target] if arguments.target else []
    chosen = chosen_of(arguments, targets, [] if targets else [arguments.kernel])
    (name,) = chosen.names
    order, shared = order_of(arguments, words), folders_of(arguments)
    target = Commands(arguments, order, shared).target(name, chosen)
    with _restored():
        ran = OnKernel(target, order, shared, heard=_show, begin=_begin).run()
    tell(f"{name}: {ran.reason or ran.ending}")
    if ran.end in (End.PASSED, End.FAILED):
        return Exit.CONFORMS  # a shell's own is that of what was typed last
    return Exit.DEVIATES if ran.end.is_verdict else Exit.INFRASTRUCTURE


def _begin(root: Process, order: Order) -> OnTerminal:
    """Start it; from then on, all that is typed is its own."""
    tell("Ctrl-] ends it")
    running = OnTerminal(root, order, _typed, _size)
    tty.setraw(sys.stdin.fileno(), termios.TCSADRAIN)  # what was typed meanwhile is kept
    return running


def _typed() -> bytes:
    stdin = sys.stdin.fileno()
    if not select.select([stdin], [], [], 0)[0]:
        return b""
    data = os.read(stdin, _CHUNK)
    if _ESCAPE in data or not data:
        raise KeyboardInterrupt
    return data


def _size() -> tuple[int, int]:
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    return rows, columns


def _show(data: bytes) -> None:
    """What a program prints is for this terminal, as it is in a shell here."""
    stdout = sys.stdout.fileno()
    while data:
        data = data[os.write(stdout, data) :]


@contextmanager
def _restored() -> Iterator[None]:
    """Give the terminal back as it was."""
    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    try:
        yield
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)
