# SPDX-License-Identifier: MIT
"""``landproof check`` and ``landproof matrix``: the main jobs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from reports import words
from reports.diff import baselines
from reports.ending import INTERRUPTED, Ending, FailOn, Terms, judged
from reports.render import render
from reports.required import Required
from reports.results import save
from suite.agent import build
from suite.cli import collect, failing, kernels, known, require
from suite.cli.fetching import display
from suite.cli.outlet import screen, tell
from suite.cli.progress import RunProgress
from suite.cli.report import add_output_options, emit, foresee, style_for
from suite.cli.run import Ended, NoCaseError, run
from suite.cli.targets import Chosen, choose
from suite.errors import InfrastructureError, LandproofError, UsageError
from suite.judge.records import Results, TargetRecord
from suite.targets.schemes import registered
from vm import accel
from vm.catalogue import DEFAULT_SET
from vm.command import find_qemu
from vm.kernel import Kernel
from vm.store import Store
from vm.target import GUEST_ARCH, VM
from vm.tools import FullError, UnreachableError

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
    _add_target_option(check, "run the cases there, not on the running kernel")
    _add_run_options(check)
    check.set_defaults(handler=_check)

    matrix = subparsers.add_parser(
        "matrix",
        description="Fetch kernels, boot each in a virtual machine, run the cases on it, "
        "say who is at risk, and of what.",
    )
    matrix.add_argument(
        "--kernels",
        type=_names,
        metavar="[LABEL=]NAME[,...]",
        help=f"which ones (default: {','.join(DEFAULT_SET)}; with --target none), and what reports"
        " call them",
    )
    _add_target_option(matrix, "run the cases there too")
    matrix.add_argument(
        "-n",
        dest="workers",
        type=_positive,
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
    add_machine_options(matrix)
    kernels.add_archive_options(matrix)
    kernels.add_store_options(matrix)
    _add_run_options(matrix)
    matrix.set_defaults(handler=_matrix)


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """The options of every verb that boots kernels."""
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="default: a trial boot decides")
    parser.add_argument(
        "--consoles",
        type=Path,
        metavar="FOLDER",
        help="keep the console of every boot here: its beginning and its end",
    )
    parser.add_argument(
        "--boot",
        action="store_true",
        help="boot each emulated machine, also where its state after an earlier boot is kept",
    )


def machine_words(arguments: argparse.Namespace) -> list[str]:
    """Options of pytest that hand those of `add_machine_options` on, but for the accelerator."""
    consoles = [f"--consoles={arguments.consoles}"] if arguments.consoles else []
    return [*consoles, *(["--boot"] if arguments.boot else [])]


def _add_target_option(parser: argparse.ArgumentParser, says: str) -> None:
    parser.add_argument(
        "--target",
        dest="targets",
        action="append",
        default=[],
        metavar="NAME",
        help=f"{says}: {registered().usages}; repeatable",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="write the results file here (JSON)"
    )
    known.add_option(parser)
    failing.add_options(parser)
    require.add_options(parser)
    add_output_options(parser)


def _positive(text: str) -> int:
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


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names:
        raise argparse.ArgumentTypeError("no kernel is named")
    return names


def _is_brief(arguments: argparse.Namespace) -> bool:
    return not arguments.full and arguments.select is None


def _check(arguments: argparse.Namespace) -> int:
    chosen = choose(arguments.targets or ["local"])
    judge = _Judge(arguments, chosen.names)
    with _hinting(arguments.select), RunProgress(chosen.names) as progress:
        outcome = run(
            chosen.names,
            options=chosen.options,
            select=arguments.select,
            brief=_is_brief(arguments),
            watcher=progress,
        )
    return judge.finish(outcome)


@contextmanager
def _hinting(select: str | None) -> Iterator[None]:
    """Where a run's expression selects no case, say what is near."""
    try:
        yield
    except NoCaseError as error:
        hint = collect.hint(select or "", collect.declared_cases())
        raise UsageError("; ".join(filter(None, (str(error), hint)))) from error


def _matrix(arguments: argparse.Namespace) -> int:
    # Kernels that are named as targets are fetched, too.
    asked_for = arguments.kernels or (() if arguments.targets else DEFAULT_SET)
    chosen = choose(arguments.targets, asked_for, lambda: kernels.open_store(arguments))
    judge = _Judge(arguments, chosen.names)
    options, failures = _prepare(arguments, chosen)
    ready = [name for name in chosen.names if name not in failures]
    if not ready:
        reasons = dict.fromkeys(failures.values())
        raise InfrastructureError(f"no kernel to boot: {'; '.join(reasons)}")
    with _hinting(arguments.select), RunProgress(ready) as progress:
        outcome = run(
            ready,
            options=options,
            select=arguments.select,
            brief=_is_brief(arguments),
            workers=min(arguments.workers, _MOST_SHARES * len(ready)),
            watcher=progress,
        )
    outcome.results.targets += [
        TargetRecord(name=name, reason=reason) for name, reason in failures.items()
    ]
    return judge.finish(outcome)


def _prepare(arguments: argparse.Namespace, chosen: Chosen) -> tuple[list[str], dict[str, str]]:
    """Have kernels ready to boot: pytest's options for it, and why some targets are not ready."""
    if not chosen.kernels:
        return [], {}
    find_qemu()  # better said before kernels are downloaded
    store = kernels.open_store(arguments)
    ready, failures = _fetch(store, chosen.kernels, refresh=arguments.refresh)
    options = [f"--store={store.folder}", f"--flavour={arguments.flavour}", *chosen.options]
    if ready:
        for label, error in failures.items():
            tell(f"{label}: {error}")
        trial, *_ = ready.values()
        options.append(f"--accel={choose_accelerator(trial, arguments.accel)}")
    options += machine_words(arguments)
    if arguments.append:
        options.append(f"--append={arguments.append}")
    return options, {f"{VM}{label}": str(error) for label, error in failures.items()}


def _fetch(
    store: Store, names: Mapping[str, str], *, refresh: bool
) -> tuple[dict[str, Kernel], dict[str, LandproofError]]:
    """Store the kernels; by label those that are there now, and why others could not be had."""
    ready: dict[str, Kernel] = {}
    failures: dict[str, LandproofError] = {}
    hopeless: LandproofError | None = None
    with display() as show:
        for label, name in names.items():
            try:
                if hopeless:
                    ready[label] = store.get(name)
                else:
                    ready[label] = store.fetch(name, refresh=refresh, progress=show)
            except UsageError:
                raise  # a name that nothing answers to: better said before minutes of work
            except (FullError, UnreachableError) as error:
                # The next download would fail likewise, after as long a wait.
                failures[label] = hopeless = error
            except LandproofError as error:
                failures[label] = hopeless or error
    return ready, failures


def choose_accelerator(kernel: Kernel, override: str | None) -> str:
    """``kvm`` or ``tcg``: by a trial boot of a kernel, unless the user overrides it.

    Raises:
        InfrastructureError: There is no agent for the guest.
    """
    try:
        agent = build.agent(GUEST_ARCH)
    except build.BuildError as error:
        raise InfrastructureError(str(error)) from error
    console = screen()
    # A trial boot may take ten seconds.
    slow = console.is_terminal and override is None
    with console.status("accelerator: trial boot") if slow else nullcontext():
        choice = accel.decide(kernel, agent, override)
    tell(f"accelerator: {choice.accel} ({choice.why})")
    return choice.accel


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
        if _is_brief(arguments):
            tell("each behaviour was shown once; --full runs every case")
        if outcome.interrupted:
            tell("interrupted: what was not run is told as such")
            return
        for line in words.warnings(results):
            tell(line)
        if outcome.fault:
            return
        known.tell_faults(results, self._listed, whole=self._whole)
        if self._fail_on is FailOn.REGRESSION:
            _tell_regressions(ending)
        require.tell_unmet(results, arguments)

    @property
    def _whole(self) -> bool:
        return self._arguments.full and self._arguments.select is None

    def _terms(self, outcome: Ended, results: Results) -> Terms:
        """What the run is held against; one that did not come to its end says nothing of lists."""
        whole = not outcome.interrupted and not outcome.fault
        return Terms(
            fail_on=self._fail_on,
            baseline=self._baseline,
            required=require.required(self._arguments) if whole else Required(),
            stale=known.faults_of(results, self._listed, whole=self._whole) if whole else (),
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
