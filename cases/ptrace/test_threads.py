# SPDX-License-Identifier: MIT
"""Threads of a process in different domains: to each other they are one process.

Source: kernel/ptrace.c, __ptrace_may_access(): same_thread_group() comes before every security
module.
"""

import os
from collections.abc import Callable

from cases.inheritance.held import tid
from cases.ptrace.reach import ALLOWED, RULESET, prepare
from suite.case import Case, Denied, Judge, Process, Ruleset, answers, own_memory, table

pytestmark = own_memory


def opening(name: str) -> Callable[[Process, int], object]:
    return lambda process, other: process.open(f"/proc/self/task/{other}/{name}", os.O_RDONLY)


def readlink(process: Process, other: int) -> None:
    process.readlink(f"/proc/self/task/{other}/cwd")


class Sibling(Case, frozen=True, kw_only=True):
    """What a thread in a domain does to a sibling, and the layers of the sibling."""

    call: Callable[[Process, int], object]
    layers: tuple[Ruleset, ...] = ()


CALLS = {"environ": opening("environ"), "mem": opening("mem"), "cwd": readlink}
CASES = {
    f"sibling-thread-{name}": Sibling(call=call, expect=ALLOWED) for name, call in CALLS.items()
} | {
    f"sibling-thread-in-other-domain-{name}": Sibling(call=call, layers=(RULESET,), expect=ALLOWED)
    for name, call in CALLS.items()
}


@answers("ptr-same-process-threads")
@table(CASES)
def test_sibling(case: Sibling, process: Process, judge: Judge) -> None:
    """A thread may look at its siblings, whichever domain they are in."""
    prepare(process)
    leader = process.fork()
    sibling = leader.thread()
    outside, number = process.getpid().value, tid(sibling)
    sibling.restrict(*case.layers)
    leader.restrict(RULESET)
    denied = leader.observe(Process.open, f"/proc/{outside}/environ", os.O_RDONLY)
    observed = leader.observe(case.call, number)
    judge(case.expect, observed if denied.outcome == Denied("EACCES") else denied)
