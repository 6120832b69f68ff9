# SPDX-License-Identifier: MIT
"""``landproof check`` and ``landproof matrix``: the main jobs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from reports.render import render
from reports.results import save
from suite.agent import build
from suite.cli import kernels
from suite.cli.progress import RunProgress
from suite.cli.report import add_output_options, emit, style_for
from suite.cli.run import Outcome, run
from suite.errors import InfrastructureError, LandproofError, UsageError
from suite.records import TargetRecord
from vm import accel
from vm.catalogue import DEFAULT_SET
from vm.command import find_qemu
from vm.store import Store
from vm.target import GUEST_ARCH
from vm.tools import FullError, UnreachableError


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both verbs to the command line."""
    check = subparsers.add_parser(
        "check",
        help="check the running kernel (the default)",
        description="Check the running kernel and print the summary. Root is not needed; "
        "nothing on the machine is changed.",
    )
    _add_run_options(check)
    check.set_defaults(handler=_check)

    matrix = subparsers.add_parser(
        "matrix",
        help="fetch kernels, boot each in a virtual machine, print the matrix",
        description="Fetch kernels, boot each in a virtual machine, run the cases on it, "
        "print the matrix.",
    )
    matrix.add_argument(
        "--kernels",
        type=_names,
        default=list(DEFAULT_SET),
        metavar="NAME[,NAME...]",
        help=f"which ones (default: {','.join(DEFAULT_SET)})",
    )
    matrix.add_argument(
        "-n",
        dest="workers",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many virtual machines run at once (default: one a processor)",
    )
    matrix.add_argument("--accel", choices=["kvm", "tcg"], help="default: a trial boot decides")
    matrix.add_argument(
        "--consoles", type=Path, metavar="FOLDER", help="keep the console of every boot here"
    )
    kernels.add_archive_options(matrix)
    kernels.add_store_options(matrix)
    _add_run_options(matrix)
    matrix.set_defaults(handler=_matrix)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", dest="select", metavar="EXPRESSION", help="only cases that match")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="write the results file here (JSON)"
    )
    add_output_options(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names:
        raise argparse.ArgumentTypeError("no kernel is named")
    return names


def _check(arguments: argparse.Namespace) -> int:
    _foresee(arguments)
    with RunProgress(["local"]) as progress:
        outcome = run(["local"], select=arguments.select, watcher=progress)
    return _finish(outcome, arguments)


def _matrix(arguments: argparse.Namespace) -> int:
    _foresee(arguments)
    find_qemu()  # better said before kernels are downloaded
    store = kernels.open_store(arguments)
    wishes = list(dict.fromkeys(arguments.kernels))
    failures = _fetch(store, wishes, refresh=arguments.refresh)
    ready = [wish for wish in wishes if wish not in failures]
    if not ready:
        reasons = dict.fromkeys(str(error) for error in failures.values())
        raise InfrastructureError(f"no kernel to boot: {'; '.join(reasons)}")
    for wish, error in failures.items():
        print(f"{wish}: {error}", file=sys.stderr)
    options = [f"--store={store.folder}", f"--flavour={arguments.flavour}"]
    options.append(f"--accel={_choose(store, ready[0], arguments.accel)}")
    if arguments.consoles:
        options.append(f"--consoles={arguments.consoles}")
    targets = [f"vm:{wish}" for wish in ready]
    with RunProgress(targets) as progress:
        outcome = run(
            targets,
            options=options,
            select=arguments.select,
            workers=min(arguments.workers, len(targets)),
            watcher=progress,
        )
    outcome.results.targets += [
        TargetRecord(name=f"vm:{wish}", reason=str(error)) for wish, error in failures.items()
    ]
    return _finish(outcome, arguments)


def _fetch(store: Store, wishes: Sequence[str], *, refresh: bool) -> dict[str, LandproofError]:
    """Store the kernels; what could not be had, and why."""
    failures: dict[str, LandproofError] = {}
    hopeless: LandproofError | None = None
    with kernels.display() as show:
        for wish in wishes:
            try:
                if hopeless:
                    store.get(wish)
                else:
                    store.fetch(wish, refresh=refresh, progress=show)
            except UsageError:
                raise  # a name that nothing answers to: better said before minutes of work
            except (FullError, UnreachableError) as error:
                # The next download would fail likewise, after as long a wait.
                failures[wish] = hopeless = error
            except LandproofError as error:
                failures[wish] = hopeless or error
    return failures


def _choose(store: Store, wish: str, override: str | None) -> str:
    try:
        agent = build.agent(GUEST_ARCH)
    except build.BuildError as error:
        raise InfrastructureError(str(error)) from error
    console = Console(stderr=True)
    # A trial boot may take ten seconds.
    slow = console.is_terminal and override is None
    with console.status("accelerator: trial boot") if slow else nullcontext():
        choice = accel.decide(store.get(wish), agent, override)
    print(f"accelerator: {choice.accel} ({choice.why})", file=sys.stderr)
    return choice.accel


def _foresee(arguments: argparse.Namespace) -> None:
    """Refuse a file that can't be written now, not after minutes of work."""
    for path in (arguments.results, arguments.output):
        if path is None:
            continue
        written = path if path.exists() and not path.is_file() else path.parent
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
        if not os.access(written, os.W_OK):
            raise UsageError(f"cannot write {path}: no permission")


def _finish(outcome: Outcome, arguments: argparse.Namespace) -> int:
    try:
        if arguments.results:
            save(arguments.results, outcome.results)
    finally:
        # Whatever became of the file, what was observed is told.
        style = style_for(arguments.output)
        emit(render(outcome.results, arguments.format, style), arguments.output)
        if outcome.interrupted:
            print("interrupted: what was not run is lost", file=sys.stderr)
    return outcome.exit
