# SPDX-License-Identifier: MIT
"""Calls where there is no memory: each is done, or gives ENOMEM and does nothing.

They are Landlock's, and those that make credentials, of which Landlock's are a part. An execve(2)
is one of a file that is no program: past that point the kernel ends who has no memory.

In the rows ``nth-…`` each allocation of a call fails in turn. In the rows ``limit-…``, which need
no kernel of one's own, a memory cgroup is full, so that not every allocation is seen to fail.

Source: Documentation/userspace-api/landlock.rst, "Memory usage"; the descriptions of the calls in
security/landlock/syscalls.c; security/landlock/cred.c.
"""

from collections.abc import Callable

from cases.faults.credentials import CLONES, CREDENTIALS
from cases.faults.doings import COUNTED, DOINGS
from cases.faults.shortage import GrowingLimit, MemoryLimit, Shortage
from cases.faults.sweep import WHOLE, Doing, Place, sweep
from cases.history.complaints import KernelLog
from suite.case import Judge, Need, Process, Row, Tree, own_memory, since, table, vm_only

pytestmark = own_memory


class Lack(Row, frozen=True, kw_only=True):
    """A call, and what has no memory for it."""

    doing: Doing
    shortage: Callable[[Process, Tree], Shortage]


def lack(doing: Doing, shortage: Callable[[Process, Tree], Shortage], need: Need) -> Lack:
    return Lack(
        doing=doing,
        shortage=shortage,
        needs=(need, *doing.needs),
        answers=doing.answers,
        covers=doing.features[-1],
    )


NTH = {
    f"nth-{name}": lack(doing, doing.counted, Need.FAULT_INJECTION)
    for name, doing in (DOINGS | COUNTED | CLONES | CREDENTIALS).items()
}
LACKS = NTH | {
    f"limit-{name}": lack(doing, shortage, Need.MEMORY_GROUPS)
    for doings, shortage in ((DOINGS, MemoryLimit), (CLONES, GrowingLimit))
    for name, doing in doings.items()
}


@vm_only
@table(LACKS)
def test_call(case: Lack, process: Process, tree: Tree, judge: Judge) -> None:
    """A call for which there is no memory gives ENOMEM, and does nothing."""
    doing, place = case.doing, Place(tree)
    log = KernelLog(process)
    outcome = doing.control(process.fork(), place)
    if outcome == doing.wanted:
        outcome = log.judged(sweep(doing, case.shortage(process, tree), place))
    judge(since(doing.features, WHOLE), outcome)
