# SPDX-License-Identifier: MIT
"""SIGIO from a scoped domain to a process group.

Source: "landlock: Fix LANDLOCK_SCOPE_SIGNAL bypass on the SIGIO path" (4b80320ca7ed).
"""

import os
import signal

from suite.case import (
    F_SETFL, F_SETOWN, SCOPE, Allowed, ByBug, Denied, Judge, Process, Ruleset, answers, covers,
    since,
)  # fmt: skip
from suite.landlock.bugs import SIGIO_BYPASS
from suite.process.calls.files import F_SETSIG

PENDING, NOTHING_PENDING = Allowed(), Denied("EAGAIN")
EXPECT = since(SCOPE.SIGNAL, ByBug(SIGIO_BYPASS, before=PENDING, after=NOTHING_PENDING))


def raise_sigio(process: Process, group: int) -> None:
    """Have the kernel send SIGUSR1 to a process group by input on a socket of ours."""
    receiver, sender = process.socketpair()
    process.fcntl(receiver, F_SETSIG, signal.SIGUSR1)
    process.fcntl(receiver, F_SETOWN, -group)
    process.fcntl(receiver, F_SETFL, os.O_ASYNC)
    process.syscall("write", sender, b"x", 1)


@answers("sig-fown-pgrp", "llr-03")
@covers(SCOPE.SIGNAL)
def test_to_process_group(process: Process, judge: Judge) -> None:
    """The owner of an fd may be a process group, but its members outside get no signal."""
    process.block_signals(signal.SIGUSR1)
    process.setpgid()
    group = process.getpid().value
    raise_sigio(process.fork(), group)
    control = process.observe(Process.take_signal, signal.SIGUSR1)
    raise_sigio(process.under(Ruleset(scope=SCOPE.SIGNAL)), group)
    observed = process.observe(Process.take_signal, signal.SIGUSR1)
    judge(EXPECT, observed, control)
