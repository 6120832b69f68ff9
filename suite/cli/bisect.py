# SPDX-License-Identifier: MIT
"""``landproof bisect``: the first kernel where a case gives another answer.

The kernels are builds of the archives between two of them, or a list of the user's own.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.bisect import Answer, Build, Like, bisect, page
from reports.render import render_page
from suite.cli import collect, kernels
from suite.cli.asking import Asker, Asks, CostAsker
from suite.cli.check import add_machine_options, names_of_kernels
from suite.cli.costs import THRESHOLD, percentage
from suite.cli.outlet import tell
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.errors import Exit, UsageError
from vm import catalogue
from vm.command import find_emulators
from vm.names import called
from vm.store import Store


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "bisect",
        description="Find the first kernel where a case gives another answer (verdict or observed "
        "outcome): of a distribution's builds between two ends, or of an ordered list of your own. "
        "Each is fetched and booted only when it is needed, with this case only.",
        epilog="The two ends are only that: which of them is better does not matter. Exits with 2 "
        "when both give the same answer. For commits of a git tree, see landproof check-tree.",
    )
    parser.add_argument(
        "case", metavar="CASE|CALL",
        help="the case's id, or how it begins; with --cost a call, such as open or open:layers=16",
    )  # fmt: skip
    parser.add_argument(
        "--cost", action="store_true",
        help="find where the cost of a call changes (see landproof cost)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=percentage, default=THRESHOLD, metavar="PERCENT",
        help="of costs: the least change that counts (default: 2)",
    )  # fmt: skip
    parser.add_argument("--good", metavar="NAME", help="one end, such as 6.12.43")
    parser.add_argument("--bad", metavar="NAME", help="the other, such as 6.12.117")
    parser.add_argument(
        "--kernels",
        type=names_of_kernels,
        metavar="[LABEL=]NAME,...",
        help="instead of both: the kernels to choose from, in order, the ends first and last, such "
        "as a=./linux-a,b=./linux-b,7.3",
    )
    add_machine_options(parser)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    add_output_options(parser, of="page")
    parser.set_defaults(handler=_bisect)


def _bisect(arguments: argparse.Namespace) -> int:
    foresee(arguments.output)
    ends = [it for it in (arguments.good, arguments.bad) if it is not None]
    if len(ends) != (0 if arguments.kernels else 2):
        raise UsageError("name the kernels to bisect: either --good and --bad, or --kernels A,B,…")
    store = kernels.open_store(arguments)
    labels = called(arguments.kernels, store) if arguments.kernels else {}
    find_emulators(labels.values() or ends)
    name, asker, like = _asker(arguments, store)
    named = _listed(labels, arguments, store) if labels else _archived(arguments, store)
    asks = _Told(asker, named).ask
    found = bisect(name, [*named], asks, like) if like else bisect(name, [*named], asks)
    emit(render_page(page(found), arguments.format, style_for(arguments)), arguments.output)
    return Exit.CONFORMS


def _asker(arguments: argparse.Namespace, store: Store) -> tuple[str, Asks, Like | None]:
    """What is asked about, who asks, and whether an answer is the same as another."""
    if arguments.cost:
        costs = CostAsker.of(arguments.case, store, arguments.consoles, arguments.threshold)
        return arguments.case, costs.ask, costs.alike
    case = collect.find(collect.declared_cases(), arguments.case)
    return case.id, Asker(case, store, arguments).ask, None


def _listed(
    labels: Mapping[str, str], arguments: argparse.Namespace, store: Store
) -> dict[Build, tuple[str, str]]:
    """The kernels of the user's list, in its order: of each, what it is called, and its name.

    Args:
        labels: The names by what they are called.
        arguments: Of the command line.
        store: Where kernels are.

    Raises:
        UsageError: One does not exist, or there is nothing to choose from.
    """
    if len(labels) < 2:
        raise UsageError(f"--kernels: {', '.join(labels)} is one kernel; name two at least")
    return {
        Build(label, _release(store, name, refresh=arguments.refresh)): (label, name)
        for label, name in labels.items()
    }


def _release(store: Store, name: str, *, refresh: bool) -> str:
    found = store.look(name, refresh=refresh).found
    return found.release if isinstance(found, catalogue.Build) else found.build.release


def _archived(arguments: argparse.Namespace, store: Store) -> dict[Build, tuple[str, str]]:
    """The builds of the archives from one end to the other: of each, what it is called twice."""
    names = (arguments.good, arguments.bad)
    known = store.available(refresh=arguments.refresh, of=names)
    good, bad = (store.choose(name, known) for name in names)
    if good == bad:
        raise UsageError(f"{' and '.join(names)} are the same build: {good.version}")
    if good.scheme != bad.scheme:
        raise UsageError(f"{' and '.join(names)} are of different sources")
    if good.flavour != bad.flavour:
        raise UsageError(f"{' and '.join(names)} are of different flavours")
    return {
        Build(build.version, build.release): (name, name)
        for build in _between(known, good, bad)
        for name in [f"{build.scheme}{build.release}"]
    }


def _between(
    known: Sequence[catalogue.Build], good: catalogue.Build, bad: catalogue.Build
) -> list[catalogue.Build]:
    """All builds of the same source and flavour from one end to the other, oldest first."""
    # Of one release, what its name means.
    unique = {
        build.release: build
        for build in known
        if (build.scheme, build.flavour) == (good.scheme, good.flavour)
    }
    ordered = catalogue.ordered(unique.values())
    first, last = (ordered.index(unique[end.release]) for end in (good, bad))
    return ordered[min(first, last) : max(first, last) + 1]


@dataclass(slots=True)
class _Told:
    """Asks builds, and tells each step on standard error."""

    asks: Asks
    named: Mapping[Build, tuple[str, str]]
    count: int = 0

    def ask(self, build: Build) -> Answer:
        """What who asks was answered."""
        self.count += 1
        answer = self.asks(*self.named[build])
        why = f": {answer.reason}" if answer.reason else ""
        tell(f"{self.count}: {build.version} ({build.release}): {answer}{why}")
        return answer
