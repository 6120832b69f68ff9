# SPDX-License-Identifier: MIT
"""Run cases on targets: pytest inside, results outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import cases
from suite.cli import safety
from suite.errors import InfrastructureError, UsageError, told_fault
from suite.judge.records import Results
from suite.run.coming import Coming
from suite.run.recorder import Recorder, Watcher
from suite.run.selection import selector

CONFIG = Path(cases.__file__).parent / "pytest.ini"
PLUGINS = ("-pxdist", "-ptimeout")
"""Named, since none is loaded that merely happens to be installed."""
_UNUSED = (
    *("terminal", "cacheprovider", "logging", "tmpdir", "skipping", "warnings"),
    "unraisableexception",
)
"""Of pytest's own: cases have no use for a folder of pytest's, which xdist would make, nor for
``skipif`` and ``xfail``, since they have needs and lists of known deviations; warnings, and what
fails in a destructor, would be kept for the terminal that is left out, and Python itself prints
them. For the latter, each process would also look five times for garbage before it ends.
"""
QUIET = (*PLUGINS, *(f"-pno:{name}" for name in _UNUSED), "--capture=no")
"""Captured, the progress of a run in this process would not be seen."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run came to."""

    results: Results
    interrupted: bool
    fault: str = ""
    """What else ended it before its end."""


class NoCaseError(UsageError):
    """An expression selects no case."""


def run(
    targets: Sequence[str],
    *,
    options: Sequence[str] = (),
    select: str | None = None,
    nodes: Sequence[str] = (),
    brief: bool = False,
    workers: int = 1,
    coming: Coming | None = None,
    watcher: Watcher | None = None,
    plugins: Sequence[object] = (),
) -> Ended:
    """Run the cases on these targets.

    Args:
        targets: Their names, such as ``local`` and ``vm:7.3``.
        options: More options of our pytest plugins.
        select: Only cases that match, as ``suite.run.selection`` has it.
        nodes: Only these cases, by pytest's ids; all when empty.
        brief: Only as many of them as show each behaviour once.
        workers: How many targets run at once.
        coming: Those of the targets that come while others run; what is given up has no results.
        watcher: Told of every case.
        plugins: More plugins of pytest, for a run that has one worker.

    Raises:
        LandproofError: There is no such target.
        NoCaseError: No case matches.
        InfrastructureError: Cases can't be read.
    """
    safety.check_memory()
    selector(select or "")  # better said here than by each worker
    recorder = Recorder(targets, watcher)
    folder = CONFIG.parent
    arguments = [
        *([str(folder.parent / node) for node in nodes] or [str(folder)]),
        f"--rootdir={folder.parent}",
        f"--config-file={CONFIG}",
        *QUIET,
        *(f"--target={name}" for name in targets),
        *options,
    ]
    if select:
        arguments.append(f"--select={select}")
    if brief:
        arguments.append("--brief")
    if workers > 1 or coming:
        arguments += [f"--numprocesses={workers}", "--max-worker-restart=20"]
    code = pytest.main(arguments, plugins=[recorder, *([coming] if coming else []), *plugins])
    for name in coming.given_up if coming else ():
        recorder.targets.pop(name, None)
    if not recorder.targets:
        return Ended(recorder.results(), interrupted=False)
    if recorder.refused:
        recorder.refused.told = True
        raise recorder.refused
    if recorder.uncollected:
        raise InfrastructureError("; ".join(recorder.uncollected))
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        if select:
            raise NoCaseError(f"no case matches {select!r}")
        raise UsageError(f"no cases in {folder}")
    if recorder.fault and not isinstance(recorder.fault, KeyboardInterrupt):
        if not recorder.heard:
            raise recorder.fault
        return Ended(recorder.results(), interrupted=False, fault=told_fault(recorder.fault))
    if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        raise InfrastructureError(f"pytest ended with {code!r}: run pytest in {folder} to see why")
    interrupted = code == pytest.ExitCode.INTERRUPTED
    return Ended(recorder.results(interrupted=interrupted), interrupted)
