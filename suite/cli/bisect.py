# SPDX-License-Identifier: MIT
"""``landproof bisect``: the first build of the archives where a case gives another answer."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from reports.bisect import Answer, Build, bisect, page
from reports.render import render_page
from suite.cli import collect, kernels
from suite.cli.check import add_machine_options, machine_words
from suite.cli.fetching import display
from suite.cli.outlet import tell
from suite.cli.preparing import choose_accelerator
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.cli.run import run
from suite.errors import Exit, LandproofError, UsageError
from suite.run.declared import Declared
from vm import catalogue
from vm.command import find_qemu
from vm.store import Store
from vm.tools import FullError, UnreachableError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "bisect",
        description="Find the first of a distribution's kernel builds where a case gives another "
        "answer (verdict or observed outcome). Builds are fetched as they are needed, and boot "
        "with this case only.",
        epilog="The two ends are only that: which of them is better does not matter. Exits with 2 "
        "when both give the same answer.",
    )
    parser.add_argument("case", metavar="CASE", help="its id, or how it begins")
    parser.add_argument("--good", required=True, metavar="NAME", help="one end, such as 6.12.43")
    parser.add_argument("--bad", required=True, metavar="NAME", help="the other, such as 6.12.117")
    add_machine_options(parser)
    kernels.add_archive_options(parser)
    kernels.add_store_options(parser)
    add_output_options(parser, of="page")
    parser.set_defaults(handler=_bisect)


def _bisect(arguments: argparse.Namespace) -> int:
    foresee(arguments.output)
    find_qemu()
    case = collect.find(collect.declared_cases(), arguments.case)
    store = kernels.open_store(arguments)
    known = store.available(refresh=arguments.refresh)
    names = (arguments.good, arguments.bad)
    good, bad = (store.choose(name, known) for name in names)
    if good == bad:
        raise UsageError(f"{' and '.join(names)} are the same build: {good.version}")
    if good.scheme != bad.scheme:
        raise UsageError(f"{' and '.join(names)} are of different sources")
    if good.flavour != bad.flavour:
        raise UsageError(f"{' and '.join(names)} are of different flavours")
    builds = [Build(build.version, build.release) for build in _between(known, good, bad)]
    found = bisect(case.id, builds, _Boots(case, store, arguments, good.scheme).ask)
    emit(render_page(page(found), arguments.format, style_for(arguments)), arguments.output)
    return Exit.CONFORMS


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
class _Boots:
    """Asks builds for one case; tells each step on standard error."""

    case: Declared
    store: Store
    arguments: argparse.Namespace
    scheme: str
    """Of the names of all builds."""
    accelerator: str | None = None
    count: int = 0

    def ask(self, build: Build) -> Answer:
        """Fetch, boot, run the case.

        Raises:
            FullError: No room for this build, nor for any other.
            UnreachableError: No network for it.
            KeyboardInterrupt: The run was interrupted.
        """
        self.count += 1
        answer = self._answer(build)
        why = f": {answer.reason}" if answer.reason else ""
        line = f"{self.count}: {build.version} ({build.release}): {answer}{why}"
        tell(line)
        return answer

    def _answer(self, build: Build) -> Answer:
        name = f"{self.scheme}{build.release}"
        try:
            with display() as show:
                kernel = self.store.fetch(name, progress=show)
        except (FullError, UnreachableError):
            raise  # the next one would fail likewise
        except LandproofError as error:
            return Answer(None, reason=str(error), booted=False)
        if self.accelerator is None:
            self.accelerator = choose_accelerator(kernel, self.arguments.accel)
        target = f"vm:{name}"
        options = [f"--store={self.store.folder}", f"--accel={self.accelerator}"]
        options += machine_words(self.arguments)
        outcome = run([target], options=options, nodes=[self.case.node(target)])
        if outcome.interrupted:
            raise KeyboardInterrupt
        (told,) = outcome.results.targets
        (record,) = told.cases
        return Answer.of(record)
