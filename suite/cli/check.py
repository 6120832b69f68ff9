# SPDX-License-Identifier: MIT
"""``landproof check`` and ``landproof matrix``: the main jobs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from reports import words
from reports.diff import baselines
from reports.ending import INTERRUPTED, Ending, FailOn, Terms, judged
from reports.render import render
from reports.required import Required
from reports.results import save
from suite.cli import collect, failing, kernels, known, require, shards
from suite.cli.outlet import tell
from suite.cli.preparing import Preparation, fetch_beneath
from suite.cli.progress import RunProgress
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.cli.run import Ended, NoCaseError, run
from suite.cli.targets import Chosen, choose
from suite.errors import InfrastructureError, UsageError
from suite.judge.records import Results, TargetRecord
from suite.run.coming import Coming
from suite.run.scheduler import WORTH
from suite.targets.schemes import registered
from vm.catalogue import DEFAULT_SET
from vm.command import find_emulators
from vm.target import VM

_MOST_SHARES = 4
"""Machines that run cases of one kernel at once: each boots it, and reads all cases before."""
_SHOWN = 20
"""Regressions that are named beside the report, which names all of them."""


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both verbs to the command line."""
    check = subparsers.add_parser(
        "check",
        description="Check the running kernel and print the summary. Root is not needed; "
        "nothing on the machine is changed.",
    )
    add_target_option(check, "run the cases there, not on the running kernel")
    _add_run_options(check)
    check.set_defaults(handler=_check)

    matrix = subparsers.add_parser(
        "matrix",
        description="Fetch kernels, boot each in a virtual machine, run the cases on it, "
        "say who is at risk, and of what.",
    )
    add_kernels_option(matrix)
    add_target_option(matrix, "run the cases there too")
    matrix.add_argument(
        "-n",
        dest="workers",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many virtual machines run at once, of one kernel too (default: one a processor)",
    )
    matrix.add_argument(
        "--append",
        type=_parameters,
        default="",
        metavar="PARAMETERS",
        help="boot every kernel with these parameters, too, such as 'lsm=capability'",
    )
    matrix.add_argument(
        "--processors",
        type=positive,
        default=1,
        metavar="N",
        help="of each machine (default: 1, with which most races are found best)",
    )
    add_machine_options(matrix)
    kernels.add_archive_options(matrix)
    kernels.add_store_options(matrix)
    _add_run_options(matrix)
    matrix.set_defaults(handler=_matrix)


def add_kernels_option(
    parser: argparse.ArgumentParser, default: Sequence[str] = DEFAULT_SET
) -> None:
    """The option that says which kernels are booted."""
    parser.add_argument(
        "--kernels",
        type=names_of_kernels,
        metavar="[LABEL=]NAME[,...]",
        help=f"which ones (default: {','.join(default)}; with --target none), and what reports"
        " call them",
    )


def add_machine_options(parser: argparse.ArgumentParser, *, restores: bool = True) -> None:
    """The options of every verb that boots kernels; some never restore them."""
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="default: a trial boot decides")
    parser.add_argument(
        "--consoles",
        type=Path,
        metavar="FOLDER",
        help="keep the console of every boot here: its beginning and its end",
    )
    if not restores:
        parser.set_defaults(boot=True)
        return
    parser.add_argument(
        "--boot",
        action="store_true",
        help="boot each emulated machine, also where its state after an earlier boot is kept",
    )


def machine_words(arguments: argparse.Namespace) -> list[str]:
    """Options of pytest that hand those of `add_machine_options` on, but for the accelerator."""
    consoles = [f"--consoles={arguments.consoles}"] if arguments.consoles else []
    return [*consoles, *(["--boot"] if arguments.boot else [])]


def add_target_option(parser: argparse.ArgumentParser, says: str) -> None:
    """The option that says where cases run, besides kernels that are booted."""
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        default=[],
        metavar="NAME",
        help=f"{says}: {registered().usages}; repeatable",
    )


def add_case_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which cases are run; `is_brief` reads one of them."""
    parser.add_argument(
        "--full",
        action="store_true",
        help="run every case; else, without -k, those that show each behaviour once",
    )
    parser.add_argument(
        "-k",
        dest="select",
        metavar="EXPRESSION",
        help="of all cases, only these: an id as printed, such as fs/truncate or fs/truncate[*], "
        "or what has a word in its area, file, function or row; 'claims/files or net and not udp'",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add_case_options(parser)
    shards.add_option(parser)
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="write the results file here (JSON)"
    )
    known.add_option(parser)
    failing.add_options(parser)
    require.add_options(parser)
    add_output_options(parser)


def positive(text: str) -> int:
    """A number of something.

    Raises:
        argparse.ArgumentTypeError: It is less than one.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _parameters(text: str) -> str:
    words = text.split()
    if not text.isprintable():
        raise argparse.ArgumentTypeError("parameters are words, with spaces between them")
    if ours := [word for word in words if word.startswith(("init=", "rdinit=", "--"))]:
        raise argparse.ArgumentTypeError(f"{ours[0]}: what the guest runs is landproof's agent")
    return " ".join(words)


def names_of_kernels(text: str) -> list[str]:
    """What ``--kernels`` was given, name by name.

    Raises:
        argparse.ArgumentTypeError: There is none.
    """
    names = [name for name in text.split(",") if name]
    if not names:
        raise argparse.ArgumentTypeError("no kernel is named")
    return names


def is_brief(arguments: argparse.Namespace) -> bool:
    """Whether each behaviour is shown once."""
    return not arguments.full and arguments.select is None


def _check(arguments: argparse.Namespace) -> int:
    everything = choose(arguments.targets or ["local"])
    shard = _shard(arguments, everything)
    chosen = shard.of(everything)
    judge = _Judge(arguments, chosen.names)
    with hinting(arguments.select), RunProgress(chosen.names, 1) as progress:
        outcome = run(
            chosen.names,
            options=[*chosen.options, *shard.options],
            select=arguments.select,
            brief=is_brief(arguments),
            watcher=progress,
        )
    return judge.finish(shard.noted(outcome))


def _shard(arguments: argparse.Namespace, everything: Chosen) -> shards.Shard:
    with hinting(arguments.select):
        return shards.shard(arguments, everything.names, brief=is_brief(arguments))


@contextmanager
def hinting(select: str | None) -> Iterator[None]:
    """Where a run's expression selects no case, say what is near."""
    try:
        yield
    except NoCaseError as error:
        hint = collect.hint(select or "", collect.declared_cases())
        raise UsageError("; ".join(filter(None, (str(error), hint)))) from error


def _matrix(arguments: argparse.Namespace) -> int:
    # Kernels that are named as targets are fetched, too.
    asked_for = arguments.kernels or (() if arguments.targets else DEFAULT_SET)
    store = partial(kernels.open_store, arguments)
    everything = choose(arguments.targets, asked_for, store)
    shard = _shard(arguments, everything)
    chosen = shard.of(everything)
    judge = _Judge(arguments, chosen.names)
    hidden = fetch_beneath(chosen.others, store, refresh=arguments.refresh)
    with hinting(arguments.select), RunProgress(chosen.names, arguments.workers) as progress:
        arguments.workers = _useful_workers(arguments, len(chosen.names))
        if chosen.kernels:
            outcome = _prepare_and_run(arguments, chosen, shard.options, progress)
        else:
            words = (
                machine_options(arguments, arguments.accel) if hidden else machine_words(arguments)
            )
            outcome = _run(arguments, chosen.names, [*words, *shard.options], progress)
    return judge.finish(shard.noted(outcome))


def _useful_workers(arguments: argparse.Namespace, targets: int) -> int:
    """As many as were asked for, but none that would start only to hear that nothing is left."""
    shares = _MOST_SHARES
    if arguments.select and arguments.workers > targets:
        shares = max(1, min(shares, len(collect.ids(arguments.select)) // WORTH))
    asked_for: int = arguments.workers
    return min(asked_for, shares * targets)


def _prepare_and_run(
    arguments: argparse.Namespace, chosen: Chosen, parts: Sequence[str], progress: RunProgress
) -> Ended:
    """Run the cases on each kernel as soon as it is ready."""
    find_emulators(chosen.kernels.values())  # better said before kernels are downloaded
    store = kernels.open_store(arguments)
    prepared = Preparation(store, arguments.accel, progress)
    prepared.look(chosen.kernels, refresh=arguments.refresh)
    if arguments.workers == 1 and prepared.is_all_here:
        prepared.finish()  # cases need no process of their own then
    targets = [*(f"{VM}{label}" for label in prepared.labels), *chosen.others]
    if not targets:
        raise prepared.none_left()
    # If it is not known now, workers know it by when the first kernel is ready.
    accelerator = prepared.accelerator.accel if prepared.accelerator else None
    options = [*machine_options(arguments, accelerator), *chosen.options, *parts]
    with nullcontext() if prepared.is_finished else prepared.meanwhile() as coming:
        outcome = _run(arguments, targets, options, progress, coming)
    if not outcome.results.targets:
        raise prepared.none_left()
    told = {target.name for target in outcome.results.targets}
    failures = {f"{VM}{it}": prepared.failures.get(it) for it in chosen.kernels}
    outcome.results.targets += [
        TargetRecord(name=name, reason=str(error))
        for name, error in failures.items()
        if error and name not in told  # an interrupted run may not have heard of it
    ]
    return outcome


def machine_options(arguments: argparse.Namespace, accelerator: str | None) -> Iterator[str]:
    """Pytest's options for what boots."""
    yield f"--store={kernels.open_store(arguments).folder}"
    yield f"--flavour={arguments.flavour}"
    if accelerator:
        yield f"--accel={accelerator}"
    yield from machine_words(arguments)
    if getattr(arguments, "append", ""):
        yield f"--append={arguments.append}"
    if getattr(arguments, "processors", 1) > 1:
        yield f"--processors={arguments.processors}"


def _run(
    arguments: argparse.Namespace,
    targets: Sequence[str],
    options: Sequence[str],
    progress: RunProgress,
    coming: Coming | None = None,
) -> Ended:
    return run(
        targets,
        options=[*options],
        select=arguments.select,
        brief=is_brief(arguments),
        workers=arguments.workers,
        coming=coming,
        watcher=progress,
    )


class _Judge:
    """What a run is held against, read before it, and what it comes to.

    Args:
        arguments: Of the command line.
        targets: Those that are to run.

    Raises:
        UsageError: A file can't be read or written, or the baseline has none of the targets.
    """

    def __init__(self, arguments: argparse.Namespace, targets: Sequence[str]) -> None:
        foresee(arguments.results, arguments.output)
        self._arguments = arguments
        self._listed = known.listed(arguments)
        self._baseline = failing.baseline(arguments)
        if self._baseline:
            baselines(self._baseline, [TargetRecord(name=name) for name in targets])
        self._fail_on = failing.fail_on(arguments)

    def finish(self, outcome: Ended) -> int:
        """Save and print the results; the exit code.

        The report comes after all messages: at a terminal the answer is what stays in sight.
        """
        arguments = self._arguments
        results = known.marked(outcome.results, self._listed)
        ending = judged(results, self._terms(outcome, results))
        try:
            if arguments.results:
                save(arguments.results, ending.results)
        finally:
            # Whatever became of the file, what was observed is told.
            self._tell(results, ending, outcome)
            text = render(ending.results, arguments.format, style_for(arguments))
            emit(text, arguments.output, arguments.format)
        if outcome.fault and not outcome.interrupted:
            raise InfrastructureError(_lost(outcome))
        return ending.code

    def _tell(self, results: Results, ending: Ending, outcome: Ended) -> None:
        """Say what is to be said beside the report."""
        arguments = self._arguments
        if is_brief(arguments):
            tell("each behaviour was shown once; --full runs every case")
        if outcome.interrupted:
            tell("interrupted: what was not run is told as such")
            return
        for line in words.warnings(results):
            tell(line)
        if outcome.fault:
            return
        known.tell_faults(results, self._listed, whole=self._is_whole(results))
        if self._fail_on is FailOn.REGRESSION:
            _tell_regressions(ending)
        require.tell_unmet(results, arguments)

    def _is_whole(self, results: Results) -> bool:
        """Whether every case ran, so that what a list names was seen."""
        alone = results.sharding is None
        return self._arguments.full and self._arguments.select is None and alone

    def _terms(self, outcome: Ended, results: Results) -> Terms:
        """What the run is held against; one that did not come to its end says nothing of lists."""
        whole = not outcome.interrupted and not outcome.fault
        return Terms(
            fail_on=self._fail_on,
            baseline=self._baseline,
            required=require.required(self._arguments) if whole else Required(),
            stale=known.faults_of(results, self._listed, whole=self._is_whole(results))
            if whole
            else (),
            ended=INTERRUPTED if outcome.interrupted else _lost(outcome),
        )


def _lost(outcome: Ended) -> str:
    return f"what was not run is lost: {outcome.fault}" if outcome.fault else ""


def _tell_regressions(ending: Ending) -> None:
    found = list(ending.regressions)
    for line in found[:_SHOWN]:
        tell(f"regression: {line}")
    if len(found) > _SHOWN:
        tell(f"and {len(found) - _SHOWN} more regressions")
