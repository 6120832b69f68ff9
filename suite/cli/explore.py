# SPDX-License-Identifier: MIT
"""``landproof explore``: all small programs on every target, held against each other."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import platformdirs

from reports.explored.build import build
from reports.explored.document import Explored, Program, json
from reports.explored.text import listed, text
from suite.cli import kernels, shards
from suite.cli.check import (
    add_kernels_option,
    add_machine_options,
    add_target_option,
    positive,
)
from suite.cli.exploring import Quiet, Shown, comparing, fetched, made, model_sources
from suite.cli.outlet import put, put_table, tell
from suite.cli.report import emit, foresee
from suite.cli.targets import choose
from suite.errors import Exit, UsageError
from suite.explore.causes import Causes
from suite.explore.exploration import Chosen, Exploration, Part
from suite.explore.given import word
from suite.explore.ledger import IN_MEMORY, Ledger
from suite.explore.pool import Pool
from suite.explore.script import labels
from suite.explore.single import Seen, Single
from suite.explore.space import Name, Space, named
from suite.explore.spaces import SPACES, revisions
from suite.explore.worker import Down, Maker
from vm.command import find_emulators


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "explore",
        usage="landproof explore [SPACE... | SPACE:NUMBER...] [OPTION...]",
        description="Play all programs of bounded kinds (spaces), none of them random, on each "
        "target. Targets are compared with each other, where each difference has to be predicted "
        "by the ABI version or errata, and with the same programs written in other ways. What was "
        "played is kept in a file, so that an interrupted exploration goes on where it was.",
        epilog="SPACE:NUMBER shows one program, its calls and what each decision came to. Exits "
        "with 1 if a difference is unexplained or a kernel died.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="SPACE",
        help=f"of {', '.join(SPACES)} (default: all), or one program: {next(iter(SPACES))}:1234",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="say which spaces there are")
    what.add_argument(
        "--report", action="store_true",
        help="tell of what is kept once more, and play nothing (default: of all targets there)",
    )  # fmt: skip
    what.add_argument("--anew", action="store_true", help="forget what these targets gave before")
    add_kernels_option(parser, ())
    add_target_option(parser, "explore it, too (default: local, without --kernels)")
    parser.add_argument(
        "-n", dest="workers", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="how many targets are up at once, of one kernel too (default: one a processor)",
    )  # fmt: skip
    _add_part_options(parser)
    parser.add_argument(
        "--no-model", action="store_true", help="do not hold targets against the model"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE",
        help="keep what was given here (default: in the user's cache), and go on from there",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print all that was found as JSON"
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )
    add_machine_options(parser)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    parser.set_defaults(handler=_explore)


def _add_part_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="first", type=_number, default=0, metavar="N",
        help="the first program of each space (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="last", type=_number, metavar="N", help="the last one (default: that of all)"
    )
    parser.add_argument(
        "--most", type=positive, metavar="N", help="so many programs of each space at most"
    )
    parser.add_argument(
        "--shard", metavar="I/N", default=os.environ.get(shards.VARIABLE) or "1/1",
        help=f"only each N-th program, beginning with the I-th (default: ${shards.VARIABLE})",
    )  # fmt: skip
    parser.add_argument(
        "--relations", dest="every", type=_number, default=64, metavar="N",
        help="play each N-th program in other ways, too, that have to give the same; 0: none "
        "(default: 64)",
    )  # fmt: skip


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _explore(arguments: argparse.Namespace) -> int:
    if arguments.list:
        put_table(listed(SPACES.values()), ["space", "programs", "what"], ["left", "right"])
        return Exit.CONFORMS
    programs = [named(it, SPACES) for it in arguments.names if ":" in it]
    spaces = [_space(it) for it in arguments.names if ":" not in it]
    if programs and spaces:
        raise UsageError("either spaces to be explored, or programs to be shown")
    if programs and (arguments.report or arguments.anew):
        raise UsageError("--report and --anew are of spaces; what a program gives is not kept")
    part = _part(arguments)
    asked = spaces or [*SPACES.values()]
    if not any(part.numbers(it) for it in asked):
        ends = ", ".join(f"{it.name} ends at {it.size - 1}" for it in asked)
        raise UsageError(f"--from, --to and --shard leave no program: {ends}")
    foresee(arguments.output)
    targets = arguments.targets or ([] if arguments.kernels or arguments.report else ["local"])
    chosen = choose(targets, arguments.kernels or (), partial(kernels.open_store, arguments))
    state = arguments.state or platformdirs.user_cache_path("landproof") / "explore.db"
    if arguments.report:
        return _report(arguments, state, chosen.names, spaces)
    find_emulators(chosen.kernels.values())  # better said before kernels are downloaded
    make, lost = fetched(arguments, chosen)
    names = [it for it in chosen.names if it not in lost]
    for it in names:
        make(it)  # or only a worker would hear that there is none of this name
    causes = None if arguments.no_model else Causes(make)
    if programs:
        explored = _shown(programs, names, make, causes, lost, every=bool(part.every))
        return _put(explored, arguments)
    with Ledger(state, revisions()) as ledger:
        if ledger.others:
            others = ", ".join(ledger.others)
            tell(f"{state}: programs of {others} were those of another landproof; played anew")
        for name in names if arguments.anew else ():
            ledger.forget(name)
        with Shown(names) as watcher:
            exploration = Exploration(ledger, names, asked, part, watcher, causes, model_sources())
            exploration.gone.update(lost)
            interrupted = _play(exploration, arguments.workers, make)
        with comparing():
            explored = build(exploration.found(), interrupted=interrupted)
    return _put(explored, arguments, state)


def _space(name: str) -> Space:
    if name not in SPACES:
        raise UsageError(f"there is no space {name!r} (there is {', '.join(SPACES)})")
    return SPACES[name]


def _put(explored: Explored, arguments: argparse.Namespace, state: Path | None = None) -> int:
    """Write what was found, as it was asked for; the exit code.

    Args:
        explored: What was found.
        arguments: Whether as JSON, and where to.
        state: The file that keeps what was played.
    """
    if arguments.json or arguments.output:
        told = json(explored) if arguments.json else text(explored, state)
        emit(told, arguments.output)
    else:
        put(text(explored, state))
    return explored.code


def _report(
    arguments: argparse.Namespace, state: Path, targets: Sequence[str], spaces: Sequence[Space]
) -> int:
    """Tell of what was played before, without playing anything.

    Raises:
        UsageError: Nothing was.
    """
    with Ledger(state, revisions(), to_read=True) as ledger:
        if unknown := [it for it in targets if it not in ledger.targets]:
            raise UsageError(
                f"{state} has nothing of {', '.join(unknown)} "
                f"(it has {', '.join(ledger.targets) or 'nothing'})"
            )
        asked = spaces or [it for it in SPACES.values() if it.name in ledger.spaces]
        if others := [it.name for it in asked if it.name in ledger.others]:
            tell(f"{state}: programs of {', '.join(others)} are those of another landproof")
        causes = None if arguments.no_model else Causes(partial(made, options=()))
        names = targets or ledger.targets
        exploration = Exploration(ledger, names, asked, _part(arguments), Quiet(), causes)
        exploration.recall()
        with comparing():
            explored = build(exploration.found())
    return _put(explored, arguments)


def _part(arguments: argparse.Namespace) -> Part:
    shard, of = shards.numbers(arguments.shard, "--shard")
    end = None if arguments.last is None else arguments.last + 1
    if end is not None and end <= arguments.first:
        raise UsageError("--to is less than --from: no program is between them")
    return Part(arguments.first, end, shard, of, arguments.most, arguments.every)


def _play(exploration: Exploration, workers: int, make: Maker) -> bool:
    """Play all that is left; whether that was interrupted."""
    shares = max(1, workers // max(len(exploration.targets), 1))
    try:
        with Pool(make, workers, exploration, lambda _target: shares) as pool:
            exploration.run(pool)
    except KeyboardInterrupt:
        return True
    return False


def _shown(
    programs: Sequence[Name],
    targets: Sequence[str],
    make: Maker,
    causes: Causes | None,
    lost: Mapping[str, Down],
    *,
    every: bool,
) -> Explored:
    """What programs come to on each target, held against each other, with their calls.

    Args:
        programs: By number.
        targets: Their names.
        make: Makes them.
        causes: Plays on models; None if targets are held against none.
        lost: Targets that can't be had.
        every: Whether they are played in other manners, too.
    """
    spaces = [*dict.fromkeys(it.space for it in programs)]
    part = Chosen(every=int(every), names=programs)
    with Ledger(IN_MEMORY, {}) as ledger:
        exploration = Exploration(ledger, targets, spaces, part, Quiet(), causes)
        exploration.gone.update(lost)
        with Single(make, exploration) as single:
            exploration.run(single)
        order = [*dict.fromkeys(programs)]
        seen = sorted(single.seen, key=lambda it: order.index(it.name))
        return build(exploration.found(), [_program(it) for it in seen])


def _program(seen: Seen) -> Program:
    space, number = seen.name.space, seen.name.number
    words = map(word, seen.given.codes)
    # A program that decided nothing has labels, but no outcomes.
    outcomes = dict(zip(labels(space, number), words, strict=False))
    return Program(
        space=space.name,
        number=number,
        target=seen.target,
        fault=seen.given.fault,
        outcomes=outcomes,
        calls=seen.calls,
    )
