# SPDX-License-Identifier: MIT
"""Run all cases on a mutant of this kernel: ``mutant.py RESULTS``.

Its landlock_restrict_self(2) succeeds and restricts nothing.
"""

import sys
from pathlib import Path

from reports.results import save
from suite.cli.run import run
from suite.landlock.abi import RESTRICT
from suite.process.process import Process
from suite.process.promise import Call
from suite.values import Fd


def restrict_nothing(process: Process, ruleset: Fd, flags: RESTRICT | int = 0) -> Call:
    """A call that gives 0 instead."""
    return process.syscall("sched_yield")


if __name__ == "__main__":
    Process.restrict_self = restrict_nothing  # type: ignore[assignment, method-assign]
    save(Path(sys.argv[1]), run(["local"]).results)
