# SPDX-License-Identifier: MIT
"""Run cases on a kernel that lacks Landlock's tracepoints: ``RESULTS TARGET SELECTION``.

It is asked for tracepoints under names that it does not have.
"""

import sys
from pathlib import Path

from reports.results import save
from suite.cli.run import run
from suite.process.process import Process
from suite.process.promise import Call
from suite.values import Fd
from suite.witness import tracefs

_attach = Process.open_tracepoint


def attach_to_nothing(process: Process, name: str, program: Fd) -> Call:
    """A call that finds no such tracepoint."""
    return _attach(process, f"{name}_not", program)


if __name__ == "__main__":
    tracefs.PREFIX = "landlock_not_"
    Process.open_tracepoint = attach_to_nothing  # type: ignore[assignment, method-assign]
    results, target, selection = sys.argv[1:]
    save(Path(results), run([target], select=selection).results)
