# SPDX-License-Identifier: MIT
"""``landproof cost``: what domains add to calls, on each kernel."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path

from reports.cost import document
from reports.cost.page import page
from reports.cost.text import text
from suite.cli import kernels
from suite.cli.check import add_kernels_option, add_target_option, positive
from suite.cli.costing import Wish, chosen_hooks, emulator, measured
from suite.cli.exploring import made
from suite.cli.fetching import display, labelled
from suite.cli.outlet import put, tell
from suite.cli.report import emit, foresee
from suite.cli.targets import Chosen, choose
from suite.cost.hooks import HOOKS
from suite.cost.measure import COUNTED, TIMED
from suite.errors import Exit, LandproofError, UsageError
from suite.judge.costs import INSTRUCTIONS, NANOSECONDS, Costs, Kernel
from suite.targets.base import Target
from vm.architecture import of_name
from vm.catalogue import DEFAULT_SET
from vm.command import find_emulators
from vm.counted import CountedTarget
from vm.target import VM, VmTarget

_FORMATS: dict[str, Callable[[Costs], str]] = {
    "text": text,
    "full": partial(text, verbose=True),
    "html": page,
    "json": document.json,
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "cost",
        usage="landproof cost [CALL...] [--kernels NAME,...] [OPTION...]",
        description="Measure what a domain adds to calls, by depth of the path, layers and rules, "
        "and what Landlock keeps of kernel memory. Machines are emulated with a clock that counts "
        "instructions, so that every machine gives the same numbers, however busy it is. "
        "Instructions are no cycles.",
        epilog="To compare: landproof diff BEFORE.json AFTER.json --threshold 2; landproof history "
        f"FILE...; landproof bisect --cost CALL. Calls: {', '.join(HOOKS)}.",
    )
    parser.add_argument("hooks", nargs="*", metavar="CALL", help="such as open (default: all)")
    add_kernels_option(parser)
    add_target_option(parser, "with --wall: measure there, too (default: local)")
    parser.add_argument(
        "--wall", action="store_true",
        help="measure time in place of instructions, with a domain and without by turns: on this "
        "machine, or on kernels if KVM works",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=positive, default=2, metavar="N",
        help="measure each kernel so often, to see whether runs agree (default: 2)",
    )  # fmt: skip
    parser.add_argument("--no-memory", action="store_true", help="measure calls only")
    parser.add_argument(
        "-n", dest="workers", type=positive, metavar="N",
        help="how many machines run at once (default: one a processor; with --wall one)",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep all of it, as JSON")
    parser.add_argument(
        "--show", type=Path, metavar="FILE", help="measure nothing: show what --results has kept"
    )
    _add_output_options(parser)
    parser.add_argument(
        "--consoles", type=Path, metavar="FOLDER", help="keep the console of every boot here"
    )
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    parser.set_defaults(handler=_cost)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--format", choices=[*_FORMATS], default="text",
        help="how to write it (default: text; full: every point, too; html: a page with charts)",
    )  # fmt: skip
    which.add_argument(
        "-v", dest="format", action="store_const", const="full", help="the same as --format full"
    )
    which.add_argument(
        "--json", dest="format", action="store_const", const="json",
        help="the same as --format json",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )


def _cost(arguments: argparse.Namespace) -> int:
    foresee(arguments.results, arguments.output)
    if arguments.show:
        if arguments.hooks or arguments.kernels or arguments.targets:
            raise UsageError("--show shows all that a file holds, and measures nothing")
        _put(document.load(arguments.show), arguments)
        return Exit.CONFORMS
    wished = chosen_hooks(arguments.hooks)
    chosen = _chosen(arguments)
    targets, lost = _targets(arguments, chosen)
    wish = Wish(
        hooks=wished,
        effort=TIMED if arguments.wall else COUNTED,
        counted=not arguments.wall,
        memory=not (arguments.no_memory or arguments.wall),
        runs=arguments.runs,
    )
    workers = arguments.workers or (1 if arguments.wall else os.cpu_count() or 1)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    found, interrupted = measured(targets, wish, workers)
    costs = Costs(
        landproof=metadata.version("landproof"),
        started=started,
        unit=NANOSECONDS if arguments.wall else INSTRUCTIONS,
        emulator="" if arguments.wall else _emulators(chosen.kernels.values()),
        kernels=[*found, *lost],
    )
    if arguments.results:
        emit(document.json(costs), arguments.results)
    _put(costs, arguments)
    return _code(costs.kernels, interrupted=interrupted)


def _chosen(arguments: argparse.Namespace) -> Chosen:
    if arguments.targets and not arguments.wall:
        raise UsageError(
            "--target is for --wall: instructions are counted in machines only (--kernels)"
        )
    default = () if arguments.wall else DEFAULT_SET
    targets = arguments.targets or (["local"] if arguments.wall and not arguments.kernels else [])
    names = arguments.kernels or default
    return choose(targets, names, partial(kernels.open_store, arguments))


def _targets(
    arguments: argparse.Namespace, chosen: Chosen
) -> tuple[list[list[Target]], list[Kernel]]:
    """The targets of each run; and what can't be had, with why."""
    find_emulators(chosen.kernels.values())  # better said before kernels are downloaded
    store = kernels.open_store(arguments)
    targets: list[list[Target]] = []
    lost: list[Kernel] = []
    for label, name in chosen.kernels.items():
        try:
            with display() as show:
                kernel = store.fetch(
                    name, refresh=arguments.refresh, progress=labelled(label, show)
                )
        except LandproofError as error:
            tell(f"{label}: {error}")
            lost.append(Kernel(target=f"{VM}{label}", reason=str(error)))
            continue
        make = partial(VmTarget, accelerator="kvm") if arguments.wall else CountedTarget
        targets.append(
            [make(f"{VM}{label}", kernel, folder=arguments.consoles) for _ in range(arguments.runs)]
        )
    for name in chosen.others:
        targets.append([made(name, ()) for _ in range(arguments.runs)])
    return targets, lost


def _emulators(names: Iterable[str]) -> str:
    """What counted, of kernels of these names: one line for each that there is."""
    told = (emulator(arch) for arch in dict.fromkeys(of_name(name) for name in names))
    return "; ".join(dict.fromkeys(told))


def _put(costs: Costs, arguments: argparse.Namespace) -> None:
    told = _FORMATS[arguments.format](costs)
    if arguments.output:
        emit(told, arguments.output)
    else:
        put(told)


def _code(found: Sequence[Kernel], *, interrupted: bool) -> Exit:
    if interrupted:
        return Exit.INTERRUPTED
    if not any(it.abi for it in found) and any(it.release for it in found):
        return Exit.NO_LANDLOCK
    failed = [it for it in found if not it.costs and not (it.release and not it.abi)]
    return Exit.INFRASTRUCTURE if failed or not found else Exit.CONFORMS
