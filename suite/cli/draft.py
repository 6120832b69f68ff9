# SPDX-License-Identifier: MIT
"""``landproof known draft``: a first list of known deviations, from results."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from reports.known_draft import Entry, draft, write
from reports.results import load
from reports.words import plural
from suite.cli import known
from suite.cli.outlet import tell
from suite.cli.report import emit, foresee
from suite.errors import UsageError
from suite.judge.records import Fault, Results


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command ``known`` with its verb to the command line."""
    parser = subparsers.add_parser(
        "known",
        description="Lists of known deviations: what they name fails no run with --known.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser(
        "draft",
        help="write the list of all that deviates in results",
        description="Write a list of all that deviates in a results file: known bugs as such, and "
        "each other case with a reason that is yours to write. Such an entry expires soon.",
        epilog="With --known, only what that list lacks: landproof known draft RESULTS --known "
        "known.toml >> known.toml. Exits with 1 only when an entry of --known expired or matched "
        "nothing.",
    )
    verb.add_argument("file", type=Path, metavar="RESULTS", help="a results file")
    known.add_option(verb)
    verb.add_argument(
        "--output", type=Path, metavar="FILE", help="write to this new file, not standard output"
    )
    verb.set_defaults(handler=_draft)


def _draft(arguments: argparse.Namespace) -> int:
    output: Path | None = arguments.output
    foresee(output)
    if output and output.is_file():
        # Reasons that somebody wrote are not written over.
        raise UsageError(f"{output} exists: give it as --known, and append what it lacks (>>)")
    listed = known.listed(arguments)
    results = load(arguments.file)
    entries = draft(results, listed[1] if listed else [], known.today())
    emit(write(entries, results, known.today()), output)
    tell(_summary(entries, results))
    return known.tell_faults(results, listed)


def _summary(entries: Sequence[Entry], results: Results) -> str:
    faults = sum(len(entry.cases) for entry in entries)
    open_ones = sum(entry.known.is_draft for entry in entries)
    told = "nothing deviates that is not listed"
    if entries:
        number = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
        told = f"{number} for {plural(faults, 'fault')}; {open_ones} with a reason to write (TODO)"
    verdicts = (case.verdict for target in results.targets for case in target.cases)
    others = sum(verdict.fault is Fault.OURS for verdict in verdicts)
    lost = f"; {plural(others, 'case')} broken or lost, which no list excuses"
    return told + lost if others else told
