# SPDX-License-Identifier: MIT
"""``landproof clients``: other people's enforcers under our cases."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from reports.render import render
from reports.results import save
from suite.cli import kernels
from suite.cli.check import (
    add_kernels_option,
    add_machine_options,
    hinting,
    machine_words,
    positive,
)
from suite.cli.fetching import display, labelled
from suite.cli.outlet import put_table, tell
from suite.cli.preparing import choose_accelerator
from suite.cli.progress import RunProgress
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.cli.run import run
from suite.cli.targets import choose
from suite.clients.description import Client, find, known, parted, read
from suite.errors import Exit, InfrastructureError, UsageError
from suite.judge.enforced import Enforced
from suite.judge.records import Results
from vm import folders, trees
from vm.client_target import CLIENT, Name, order_of
from vm.command import find_emulators
from vm.source import Report
from vm.store import Progress
from vm.target import LABEL, VM

_SELECT = "fs/rights or net/rights or claims/scopes"
"""The cases that show each right and scope in a domain of its own, without and with a rule."""
_KERNELS = ("6.1", "6.12", "7.3")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "clients",
        description="Run the cases in the domains that other people's enforcers make: libraries, "
        "sandboxes, your own. What each asks of the kernel is seen by its system calls.",
    )
    verbs = parser.add_subparsers(dest="clients_verb", metavar="VERB", required=True)
    listing = verbs.add_parser(
        "list",
        help="the clients that landproof brings",
        description="The clients that landproof brings.",
    )
    listing.set_defaults(handler=_list)
    _add_run(verbs.add_parser(
        "run",
        help="try clients on kernels",
        usage="landproof clients run [CLIENT...] [--kernels NAME,...] [--target NAME]\n"
        "                             [OPTION...]",
        description="Try clients on kernels: what each enforces, refuses, drops and says.",
        epilog="Exits with 1 if a client degrades silently or breaks, or what it asked for is not "
        "enforced. Such as: landproof clients run ./my-client.toml --kernels 6.1,7.3",
    ))  # fmt: skip


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clients", nargs="*", metavar="CLIENT[+MODE]",
        help="one that landproof brings, or the file that describes yours (default: all)",
    )  # fmt: skip
    add_kernels_option(parser, _KERNELS)
    parser.add_argument(
        "--target", dest="targets", action="append", default=[], metavar="NAME",
        help="local, or a kernel that lies, such as lying:rocky-9.7/local and"
        " lying:one-more/vm:6.12; repeatable, without --kernels these alone",
    )  # fmt: skip
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-k", dest="select", default=_SELECT, metavar="EXPRESSION",
        help="which cases (default: each right and scope, denied and allowed)",
    )  # fmt: skip
    which.add_argument(
        "--full", dest="select", action="store_const", const=None,
        help="every case whose policy a client can express",
    )  # fmt: skip
    parser.add_argument(
        "-n", dest="workers", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="how many machines run at once (default: one a processor)",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep all that was seen")
    add_machine_options(parser, restores=False)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    add_output_options(parser, family="clients", verbose="show a row a right and kernel, too")
    parser.set_defaults(handler=_run, flavour=None)


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    clients = [read(find(name)) for name in known()]
    put_table(
        [(it.name, ", ".join(it.modes), it.source.suite, it.summary) for it in clients],
        ["client", "modes", "from", "what it is"],
    )
    return Exit.CONFORMS


def _run(arguments: argparse.Namespace) -> int:
    foresee(arguments.results, arguments.output)
    columns = list(_columns(arguments.clients or known()))
    if arguments.flavour is None:
        arguments.flavour = folders.flavour()
    names = arguments.kernels or (() if arguments.targets else _KERNELS)
    places = _places(arguments, [*(f"{VM}{name}" for name in names), *arguments.targets])
    find_emulators(kernel for _, kernels in places for kernel in kernels.values())
    clients = [client for _, client in columns]
    options = _prepared(arguments, {k: v for _, its in places for k, v in its.items()}, clients)
    targets = [f"{CLIENT}{column}@{place}" for place, _ in places for column, _ in columns]
    with hinting(arguments.select), RunProgress(targets, arguments.workers) as progress:
        ended = run(
            targets,
            options=options,
            select=arguments.select,
            workers=min(arguments.workers, len(targets)),
            watcher=progress,
        )
    if arguments.results:
        save(arguments.results, ended.results)
    emit(
        render(ended.results, arguments.format, style_for(arguments)),
        arguments.output,
        arguments.format,
    )
    if ended.interrupted:
        return Exit.INTERRUPTED
    if ended.fault:
        raise InfrastructureError(f"what was not run is lost: {ended.fault}")
    return _code(ended.results)


def _places(
    arguments: argparse.Namespace, names: Sequence[str]
) -> list[tuple[str, Mapping[str, str]]]:
    """Where clients are tried, as targets name it, with the names of kernels by their labels.

    Raises:
        UsageError: No client runs on such a target.
    """
    places = []
    for name in dict.fromkeys(names):
        base = Name.of(f"{CLIENT}CLIENT@{name}").target
        chosen = choose([base], (), lambda: kernels.open_store(arguments))
        places.append((name.removesuffix(base) + chosen.names[0], chosen))
    return [(place, chosen.kernels) for place, chosen in places]


def _columns(words: Sequence[str]) -> Iterator[tuple[str, Client]]:
    """The clients in each of their modes, as targets name them, with their descriptions."""
    for word in words:
        name, mode = parted(word)
        client = read(find(name))
        if mode and mode not in client.modes:
            raise UsageError(
                f"{name} has no mode {mode}; it has {', '.join(client.modes) or 'none'}"
            )
        for it in [mode] if mode else client.modes or [""]:
            yield f"{name}+{it}" if it else name, client


def _prepared(
    arguments: argparse.Namespace, wanted: Mapping[str, str], clients: Sequence[Client]
) -> list[str]:
    """Have trees and kernels here before anything runs; pytest's options that say which."""
    orders = [order for client in clients if (order := order_of(client)) is not None]
    options = []
    with display() as show:
        for order in trees.together(orders):
            trees.tree(order, report=_shows(order.suite, show))
        if wanted:
            store = kernels.open_store(arguments)
            options += [f"--store={store.folder}", f"--flavour={arguments.flavour}"]
            found = [
                store.fetch(name, refresh=arguments.refresh, progress=labelled(label, show))
                for label, name in wanted.items()
            ]
            options.append(f"--accel={choose_accelerator(found[0], arguments.accel)}")
    labels = [f"{LABEL}={label}={name}" for label, name in wanted.items() if label != name]
    return [*options, *labels, *machine_words(arguments)]


def _shows(suite: str, show: Callable[[Progress], None]) -> Report:
    return lambda stage, done, total: show(Progress(f"tree of {suite}", stage, done, total))


def _code(results: Results) -> Exit:
    seen = [case.client.enforced for it in results.targets for case in it.cases if case.client]
    seen += [
        it.facts.client.canary.enforced
        for it in results.targets
        if it.facts and it.facts.client and it.facts.client.canary
    ]
    if any(it.is_fault for it in seen):
        return Exit.DEVIATES
    if all(it is Enforced.NOT_SHOWN for it in seen):
        tell("nothing was shown of any client")
        return Exit.INFRASTRUCTURE
    if any(it.facts is None for it in results.targets):  # the report says which, and why
        return Exit.INFRASTRUCTURE
    return Exit.CONFORMS
