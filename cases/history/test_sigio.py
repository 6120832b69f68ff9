# SPDX-License-Identifier: MIT
"""SIGIO from a scoped domain to a process group.

Source: "landlock: Fix LANDLOCK_SCOPE_SIGNAL bypass on the SIGIO path" (4b80320ca7ed).
"""

import signal

from cases.processes import raise_sigio
from suite.case import (
    SCOPE, Allowed, ByBug, Denied, Judge, Process, Ruleset, answers, covers, since,
)  # fmt: skip
from suite.landlock.bugs import SIGIO_BYPASS

PENDING, NOTHING_PENDING = Allowed(), Denied("EAGAIN")
EXPECT = since(SCOPE.SIGNAL, ByBug(SIGIO_BYPASS, before=PENDING, after=NOTHING_PENDING))


@answers("sig-fown-pgrp", "llr-03")
@covers(SCOPE.SIGNAL)
def test_to_process_group(process: Process, judge: Judge) -> None:
    """The owner of an fd may be a process group, but its members outside get no signal."""
    process.block_signals(signal.SIGUSR1)
    process.setpgid()
    group = process.getpid().value
    raise_sigio(process.fork(), -group)
    control = process.observe(Process.take_signal, signal.SIGUSR1)
    raise_sigio(process.under(Ruleset(scope=SCOPE.SIGNAL)), -group)
    observed = process.observe(Process.take_signal, signal.SIGUSR1)
    judge(EXPECT, observed, control)
