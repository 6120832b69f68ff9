# SPDX-License-Identifier: MIT
"""``landproof fuzz``: long programs on targets, held against their models."""

from __future__ import annotations

import argparse
import os
import secrets
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from reports.fuzzed import Fuzzed, answer
from suite.cli import kernels
from suite.cli.check import (
    add_kernels_option,
    add_machine_options,
    add_target_option,
    positive,
)
from suite.cli.exploring import fetched
from suite.cli.outlet import put, tell
from suite.cli.targets import choose
from suite.errors import Exit, InfrastructureError
from suite.explore.worker import Down, Maker, Up
from suite.fuzz.crew import Crew, Order
from suite.fuzz.finding import Agreement, Finding, Sign, Tally
from suite.fuzz.kept import Folder, default_folder, load
from suite.fuzz.program import Program
from vm.command import find_emulators

_SECONDS = 60
"""How long targets are fuzzed if nobody says so."""
_ENDLESS = 1 << 40
_SEEDS = 1 << 20
"""Seeds that are drawn are short, so that they can be typed."""
_EVERY_S = 15.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "fuzz",
        usage="landproof fuzz [PROGRAM...] [OPTION...]",
        description="Have Hypothesis write programs that are longer than what explore plays whole, "
        "and play each on targets and on the models of their ABI version, errata and known bugs. "
        "A program on which they differ is made as small as can be, told and kept; kept programs "
        "are played first.",
        epilog="PROGRAM plays kept programs and nothing else. Exits with 1 if a kernel differs "
        "from its model about Landlock, or died.",
    )
    parser.add_argument(
        "programs", nargs="*", metavar="PROGRAM", help="a kept program, by its name or its file"
    )
    add_kernels_option(parser, ())
    add_target_option(parser, "fuzz it, too (default: local, without --kernels)")
    parser.add_argument(
        "-n", dest="workers", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="how many targets are up at once (default: one a processor)",
    )  # fmt: skip
    parser.add_argument(
        "--most", type=positive, metavar="N", help="so many programs on each target at most"
    )
    parser.add_argument(
        "--seconds", type=positive, metavar="S",
        help=f"how long each target is fuzzed (default: {_SECONDS}; with --most, no end)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="write the programs of that seed (default: others)"
    )
    parser.add_argument(
        "--database", type=Path, metavar="FOLDER",
        help="keep programs here, and play those that are there first (default: in the user's "
        "cache)",
    )  # fmt: skip
    add_machine_options(parser)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    parser.set_defaults(handler=_fuzz)


def _fuzz(arguments: argparse.Namespace) -> int:
    folder = Folder(arguments.database or default_folder())
    if not arguments.programs:
        folder.make()
    kept, bad = folder.programs()
    asked = [load(folder.file_of(it) or Path(it)) for it in arguments.programs]
    for line in bad:
        tell(f"{line}; it is left out")
    targets = arguments.targets or ([] if arguments.kernels else ["local"])
    chosen = choose(targets, arguments.kernels or (), partial(kernels.open_store, arguments))
    find_emulators(chosen.kernels.values())  # better said before kernels are downloaded
    make, lost = fetched(arguments, chosen)
    names = [it for it in chosen.names if it not in lost]
    for it in names:
        make(it)  # or only a worker would hear that there is none of this name
    seed = secrets.randbelow(_SEEDS) if arguments.seed is None else arguments.seed
    most = 0 if asked else arguments.most or _ENDLESS
    seconds = arguments.seconds or (_ENDLESS if arguments.most else _SECONDS)
    first = tuple(asked or kept.values())
    orders = [Order(it, first, bool(asked), most, seconds, seed) for it in names]
    watcher = _Watcher(folder, lost)
    interrupted = _hunt(make, arguments.workers, watcher, orders)
    watcher.keep_unfinished()
    fuzzed = Fuzzed(watcher.findings, watcher.agreements, watcher.tallies, watcher.lost, seed)
    put(answer(fuzzed, watcher.files, interrupted=interrupted))
    return fuzzed.code if fuzzed.code is not Exit.CONFORMS or not interrupted else Exit.INTERRUPTED


def _hunt(make: Maker, workers: int, watcher: _Watcher, orders: Sequence[Order]) -> bool:
    """Fill all orders; whether that was interrupted."""
    try:
        with Crew(make, workers, watcher) as crew:
            crew.run(orders)
    except KeyboardInterrupt:
        return True
    return False


class _Watcher:
    """Keeps what is found, and says how far it is."""

    def __init__(self, folder: Folder, lost: dict[str, Down]) -> None:
        self.folder = folder
        self.lost = dict(lost)
        self.tallies: dict[str, Tally] = {}
        self.files: dict[Program, Path] = {}
        self.agreements: list[Agreement] = []
        self._latest: dict[tuple[str, Sign], Finding] = {}
        self._said = time.monotonic()

    @property
    def findings(self) -> list[Finding]:
        """The smallest program of each difference."""
        return list(self._latest.values())

    def up(self, target: str, up: Up) -> None:
        """A target has come up."""
        self.tallies[target] = Tally()
        tell(f"{target}: {up.facts.release}, ABI version {up.facts.abi}")

    def found(self, finding: Finding) -> None:
        """A program shows a difference; a smaller one of the same may follow."""
        key = finding.target, finding.sign
        if key not in self._latest:
            tell(f"{finding.target}: {finding.sign}")
        self._latest[key] = finding
        if finding.lines and not finding.was_kept:
            self._keep(finding)

    def keep_unfinished(self) -> None:
        """Keep the programs that nobody has made small yet, after an interrupt."""
        for finding in self.findings:
            if not finding.lines and not finding.was_kept:
                self._keep(finding)

    def _keep(self, finding: Finding) -> None:
        try:
            self.files[finding.program] = self.folder.keep(finding)
        except InfrastructureError as error:
            tell(f"{error}; the program is told in the end, and not kept")

    def agreed(self, agreement: Agreement) -> None:
        """A program that was asked for shows none."""
        self.agreements.append(agreement)

    def tallied(self, target: str, tally: Tally) -> None:
        """So much was done on a target."""
        self.tallies[target] = tally
        if time.monotonic() - self._said > _EVERY_S:
            self._said = time.monotonic()
            tell("; ".join(map(_progress, self.tallies.items())))

    def down(self, target: str, down: Down) -> None:
        """A target is given up."""
        self.lost[target] = down
        tell(f"{target}: {down.why}")


def _progress(done: tuple[str, Tally]) -> str:
    target, tally = done
    return f"{target}: {tally.programs:,} programs, {tally.met} things met"
