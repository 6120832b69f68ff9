# SPDX-License-Identifier: MIT
"""``landproof run``: any command on each kernel, and one table."""

from __future__ import annotations

import argparse
import os
import pwd
from collections.abc import Sequence
from pathlib import Path

from reports import commands
from suite.cli import kernels
from suite.cli.check import add_kernels_option, add_machine_options, add_target_option, positive
from suite.cli.commanding import Commands, make_folder
from suite.cli.outlet import put
from suite.cli.report import foresee
from suite.cli.targets import Chosen, choose
from suite.command.order import Order
from suite.errors import Exit, UsageError
from suite.judge.ran import End, Ran
from vm import folders
from vm.catalogue import DEFAULT_SET
from vm.command import find_emulators
from vm.folders import Folder

_LEFT_OUT = ("TMPDIR", "TMP", "TEMP", "XDG_RUNTIME_DIR", "LANDPROOF_", "DISPLAY", "SSH_AUTH_SOCK")
"""Beginnings of variables that name what the guest does not have."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "run",
        usage="landproof run [--kernels NAME,...] [OPTION...] -- COMMAND [ARGUMENT...]",
        description="Run a command in this folder on each kernel, as you, in a virtual machine "
        "that has this machine's files, read-only; /tmp and the like are empty there. What it "
        "prints comes on standard error, a table at the end on standard output.",
        epilog="In its environment: LANDPROOF_KERNEL, LANDPROOF_ABI (0 without Landlock), "
        "LANDPROOF_ERRATA (a mask), LANDLOCK_CRATE_TEST_ABI (the same as LANDPROOF_ABI, for tests "
        "that ask for it). Exits with 0 if the command passed on all, 1 if it failed, crashed or "
        "hung on one, 2 or 3 if it could not be run. Such as: landproof run --kernels 6.1,6.12,7.3 "
        "--rw target -- cargo test",
    )
    add_kernels_option(parser)
    add_target_option(parser, "run it there, too, in the files of that machine")
    add_tree_options(parser)
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="then it is killed (default: never)"
    )
    parser.add_argument(
        "-n", dest="workers", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="how many machines run at once (default: one a processor)",
    )  # fmt: skip
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="keep all that it prints here, a file a kernel"
    )
    parser.add_argument(
        "--junit", default="", metavar="FILE",
        help="the JUnit report that the command writes: its cases are in ours (--format junit)",
    )  # fmt: skip
    parser.add_argument("--tap", action="store_true", help="the command prints TAP: likewise")
    _add_output_options(parser)
    parser.set_defaults(handler=_run)


def add_tree_options(parser: argparse.ArgumentParser) -> None:
    """The options of every verb that runs a command, and the command behind them."""
    parser.add_argument(
        "--rw", action="append", default=[], type=Path, metavar="DIR",
        help="a folder that the command may write to, here, for good; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR",
        help="the folder that is its root, such as an unpacked distribution (default: /)",
    )  # fmt: skip
    parser.add_argument(
        "--cwd", metavar="DIR", help="the folder in which it starts, in that root (default: this)"
    )
    parser.add_argument(
        "--user", metavar="NAME", help="who it runs as, such as root (default: you)"
    )
    parser.add_argument(
        "--network", choices=["loopback", "none"], default="loopback",
        help="what it has (default: loopback)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=positive, default=1024, metavar="MIB", help="of a machine (default: 1024)"
    )
    add_machine_options(parser, restores=False)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.set_defaults(flavour=None)  # `chosen_of` knows which


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    names = list(commands.FORMATS)
    which.add_argument(
        "--format", choices=names, default=names[0],
        help=f"how to write the table (default: {names[0]})",
    )  # fmt: skip
    which.add_argument(
        "--json", dest="format", action="store_const", const="json",
        help="the same as --format json",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("more than 0 seconds")
    return number


def _run(arguments: argparse.Namespace) -> int:
    words = words_of(arguments)
    if not words:
        raise UsageError("no command; write it behind --, such as: landproof run -- make check")
    foresee(arguments.output)
    make_folder(arguments.logs)
    names = arguments.kernels or (() if arguments.targets else DEFAULT_SET)
    chosen = chosen_of(arguments, arguments.targets, names)
    order = order_of(arguments, words, arguments.timeout)
    job = Commands(arguments, order, folders_of(arguments))
    rans = job.run(chosen)
    text = commands.FORMATS[arguments.format](rans, words, is_tap=arguments.tap)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        put(text)
    return _code(rans, job.refused)


def chosen_of(
    arguments: argparse.Namespace, targets: Sequence[str], names: Sequence[str]
) -> Chosen:
    """The targets of a command, and kernels by names; those that say no flavour get files here.

    Raises:
        LandproofError: There is none of a name, or an emulator lacks.
    """
    if arguments.flavour is None:
        arguments.flavour = folders.flavour()
    chosen = choose(targets, names, lambda: kernels.open_store(arguments))
    find_emulators(chosen.kernels.values())  # better said before kernels are downloaded
    return chosen


def words_of(arguments: argparse.Namespace) -> list[str]:
    """The command, which argparse leaves behind its ``--``."""
    words: list[str] = arguments.command
    return words[1:] if words[:1] == ["--"] else words


def order_of(
    arguments: argparse.Namespace, words: Sequence[str], timeout_s: float | None = None
) -> Order:
    """What is to be run, as the options have it.

    Raises:
        UsageError: There is no such user.
    """
    user, group, groups = _user(arguments.user)
    return Order(
        words=tuple(words),
        folder=str(Path(arguments.cwd or ".").absolute()),
        environment={
            name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)
        },
        user=user,
        group=group,
        groups=groups,
        is_own_user=arguments.user is None,
        timeout_s=timeout_s,
        is_connected=arguments.network != "none",
    )


def _user(name: str | None) -> tuple[int, int, tuple[int, ...]]:
    """The ids of a user, the group, and the other groups."""
    if name is None:
        return os.getuid(), os.getgid(), tuple(os.getgroups())
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError(f"--user {name}: no such user on this machine") from error
    groups = tuple(os.getgrouplist(name, found.pw_gid))
    return found.pw_uid, found.pw_gid, groups


def folders_of(arguments: argparse.Namespace) -> list[Folder]:
    """The folders of this machine that a guest has, the tree first.

    Raises:
        UsageError: One is none.
    """
    root: Path = arguments.root.absolute()
    for path in (root, *arguments.rw):
        if not path.is_dir():
            raise UsageError(f"{path} is no folder on this machine")
    writable = [it.resolve() for it in arguments.rw]
    return [Folder(root, "/"), *(Folder(it, str(it), writable=True) for it in writable)]


def _code(rans: Sequence[Ran], refused: Sequence[Exit]) -> Exit:
    ends = {it.end for it in rans}
    if End.INTERRUPTED in ends:
        return Exit.INTERRUPTED
    if any(it.is_verdict for it in ends):
        return Exit.DEVIATES
    if ends != {End.PASSED}:
        return next(iter(refused), Exit.INFRASTRUCTURE)
    return Exit.CONFORMS
