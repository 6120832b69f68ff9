# SPDX-License-Identifier: MIT
"""What else asks whether a process may be traced.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; ptrace(2), "Ptrace access
mode checking".
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, table
from suite.ruleset import Ruleset
from suite.session import Out

RULESET = Ruleset(fs=FS.MAKE_BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Case):
    """A call on another process, given its process id."""

    call: Callable[[Process, int], object]


def denied(call: Callable[[Process, int], object], errno: str = "EPERM", *answers: str) -> Access:
    return Access(call=call, expect=since(RULESET.features, Denied(errno)), answers=answers)


def allowed(call: Callable[[Process, int], object]) -> Access:
    return Access(call=call, expect=since(RULESET.features, Allowed()))


def pidfd_getfd(process: Process, pid: int) -> None:
    process.syscall("pidfd_getfd", process.pidfd_open(pid), 0, 0)


def get_robust_list(process: Process, pid: int) -> None:
    process.syscall("get_robust_list", pid, Out(8), Out(8))


CASES = {
    "pidfd-getfd": denied(pidfd_getfd, "EPERM", "fd-pidfd-getfd"),
    "get-robust-list": denied(get_robust_list),
    "proc-mem": denied(lambda p, pid: p.open(f"/proc/{pid}/mem", os.O_RDONLY), "EACCES"),
    "proc-cwd": denied(lambda p, pid: p.open(f"/proc/{pid}/cwd", os.O_PATH), "EACCES"),
    "proc-root": denied(lambda p, pid: p.open(f"/proc/{pid}/root", os.O_PATH), "EACCES"),
    "proc-fd": denied(lambda p, pid: p.open(f"/proc/{pid}/fd/0", os.O_PATH), "EACCES"),
    "proc-status": allowed(lambda p, pid: p.open(f"/proc/{pid}/status", os.O_RDONLY)),
    "pidfd-open": allowed(Process.pidfd_open),
}


@table(CASES)
def test_outside(case: Access, process: Process, judge: Judge) -> None:
    """A process outside of the domain can't be looked into where that needs to trace it."""
    pid = process.getpid().value
    control = process.fork().observe(case.call, pid)
    judge(case.expect, process.under(RULESET).observe(case.call, pid), control)
