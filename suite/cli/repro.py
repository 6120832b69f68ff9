# SPDX-License-Identifier: MIT
"""``landproof repro``: a case as one C file that needs nothing of landproof."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from suite.agent.build import host_arch
from suite.cli import collect
from suite.cli.report import emit
from suite.cli.repro_programs import written, written_of
from suite.cli.repro_results import faults, write_all
from suite.cli.run import run
from suite.cli.targets import choose
from suite.errors import Exit, UsageError
from suite.explore.spaces import SPACES
from suite.fuzz.kept import Folder, default_folder
from suite.judge.outcome import Allowed, Outcome
from suite.judge.records import TargetRecord, Verdict
from suite.judge.verdict import Judgement
from suite.repro.errors import UnwritableError
from suite.repro.program import Owed, Shape, program
from suite.repro.script import Seen
from suite.run.tracing import Traced, Tracer

_MOST = 1000
"""Characters of a note: a reason may hold a console's last lines."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "repro",
        description="Run a case, or the faults of a results file where they were seen, and write "
        "C files that need nothing else: each makes the same system calls in the same processes, "
        "tells them as strace does, and exits with 0 if the kernel does what it owes, with 1 if "
        "it does not, with 2 if the set-up failed. Build them with cc -static.",
    )
    parser.add_argument(
        "what",
        metavar="CASE|FILE|PROGRAM",
        help="a case, by its id or how that begins; a results file; or a program of landproof "
        "explore, such as paths:1234, or of landproof fuzz, by its name or file",
    )
    parser.add_argument(
        "case",
        nargs="?",
        metavar="CASE|DECISION",
        help="of a results file, only this one, fault or not; of a program, what is looked at "
        "(default: the first that is denied)",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="run it there, such as vm:7.1 (default: local); of a results file, only this one's",
    )
    parser.add_argument(
        "--kselftest",
        dest="shape",
        action="store_const",
        const=Shape.KSELFTEST,
        default=Shape.PROGRAM,
        help="write a test for the kernel's tools/testing/selftests/landlock",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="instead of standard output; a folder, where there are several files to write",
    )
    parser.set_defaults(handler=_repro)


def _repro(arguments: argparse.Namespace) -> int:
    if (file := Folder(default_folder()).file_of(arguments.what)) is not None:
        text = written_of(file, arguments.case, arguments.target or "local", arguments.shape)
        emit(text, arguments.output)
        return Exit.CONFORMS
    if Path(arguments.what).suffix == ".json" or Path(arguments.what).is_file():
        found = faults(Path(arguments.what), arguments.case, arguments.target)
        return write_all(found, arguments.output, arguments.shape, _traced, reproducer)
    if arguments.what.partition(":")[0] in SPACES:
        text = written(arguments.what, arguments.case, arguments.target or "local", arguments.shape)
        emit(text, arguments.output)
        return Exit.CONFORMS
    if arguments.case is not None:
        raise UsageError(f"{arguments.what} is no results file, so that no other case can follow")
    case = collect.find(collect.declared_cases(), arguments.what)
    target, kept = _traced(arguments.target or "local", [case.id])
    if not kept:
        raise UnwritableError(f"{case.id} came to no outcome on {target.name}: {_why(target)}")
    emit(reproducer(kept[-1], target, arguments.shape), arguments.output)
    return Exit.CONFORMS


def _traced(target: str, cases: list[str]) -> tuple[TargetRecord, list[Traced]]:
    """Run cases on a target; gives what is known of it, and those that came to something there.

    Results of another version may name cases that there are not.

    Raises:
        LandproofError: There is no such target, or it can't be had.
    """
    declared = collect.declared_cases()
    kept: list[Traced] = []
    chosen = choose([target])
    (name,) = chosen.names
    nodes = [declared[case].node(name) for case in cases if case in declared]
    if not nodes:
        raise UsageError(f"this version has no case {cases[0]}")
    ended = run([name], options=chosen.options, nodes=nodes, plugins=[Tracer(kept.append)])
    if ended.interrupted:
        raise KeyboardInterrupt
    latest = {it.record.id: it for it in kept}.values()
    done = [it for it in latest if it.judgement is not None or it.record.verdict.dead]
    return ended.results.targets[0], done


def reproducer(traced: Traced, target: TargetRecord, shape: Shape = Shape.PROGRAM) -> str:
    """The file for a case that was run on a target.

    Raises:
        UnwritableError: It can't be written yet; the message says why.
    """
    identity = traced.record.id
    try:
        judgement = traced.judgement
        if traced.observed is None and judgement is not None:
            raise UnwritableError("what it comes to is put together from several things seen")
        owed = Owed(
            identity,
            tuple(_notes(traced, target)),
            _owed(judgement),
            traced.abi,
            traced.place,
            traced.agent,
            host_arch(),
            may_die=judgement is None,
            commands=traced.commands,
        )
        seen = Seen(traced.observed or (), traced.control, traced.outside)
        return program(owed, traced.calls, seen, shape)
    except UnwritableError as error:
        raise UnwritableError(f"{identity} can't be written in C yet: {error}") from error


def _owed(judgement: Judgement | None) -> tuple[Outcome, ...]:
    """What a kernel may come to; if it died, that all calls return is enough."""
    if judgement is None:
        return (Allowed(),)
    other = judgement.clause.other
    return (judgement.expected,) if other is None else (judgement.expected, other)


def _notes(traced: Traced, target: TargetRecord) -> list[str]:
    record = traced.record
    release = target.facts.release if target.facts else ""
    paragraphs = [
        record.summary,
        f"Source: {record.source}" if record.source else "",
        f"Owed ({record.clause}): {record.expected}" if record.expected else "Owed: to survive",
        f"Observed on {release} ({target.name}): {record.observed or record.reason.strip()}: "
        f"{record.verdict}",
        record.bug,
    ]
    return [line for it in paragraphs if it for line in textwrap.wrap(it[:_MOST], 90)]


def _why(target: TargetRecord) -> str:
    record = next(iter(target.cases), None)
    if record is None:
        return target.reason
    return record.reason or (str(record.verdict) if record.verdict is not Verdict.LOST else "")
