# SPDX-License-Identifier: MIT
"""What is left of calls for which there was no memory: nothing.

The kernel's objects are counted by the memory cgroup that they are charged to. Where caches are
debugged, none of them keeps what was freed, so the count comes down to what it was, to the byte.

Source: landlock_create_ruleset(2), landlock_add_rule(2) and landlock_restrict_self(2) in
security/landlock/syscalls.c, where they fail; Documentation/admin-guide/cgroup-v2.rst, "Memory
Interface Files", memory.stat.
"""

import signal

from cases.faults.doings import COUNTED, DOINGS
from cases.faults.shortage import FailNth
from cases.faults.sweep import Doing, Place, sweep
from cases.syscalls.groups import Group
from suite.case import (
    Judge, Need, Process, Row, Seen, Tree, answers, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.packed import packed

pytestmark = own_memory

FREED = Seen("all freed")
TRIES, A_WHILE = 14, packed("qq", 0, 500_000_000)
"""Much is freed, and counted, up to five seconds later than it is let go of."""
IGNORE = packed("4Q", signal.SIG_IGN, 0, 0, 0)
"""A struct sigaction: children that end are gone."""


class Swept(Row, frozen=True, kw_only=True):
    """What finds no memory."""

    doing: Doing


SWEPT = {
    name: Swept(doing=doing, needs=doing.needs, covers=doing.features[-1])
    for name, doing in {**DOINGS, **COUNTED}.items()
}


def wait(process: Process) -> None:
    process.syscall("ppoll", 0, 0, A_WHILE, 0)


def comes_down_to(process: Process, group: Group, owed: int) -> bool:
    """Whether a group has no more objects than that, sooner or later."""
    for _ in range(TRIES):
        if group.objects() <= owed:
            return True
        wait(process)
    return False


@vm_only
@needs(Need.FAULT_INJECTION, Need.MEMORY_GROUPS, Need.DEBUGGED_CACHES)
@answers("oom-leak")
@table(SWEPT)
def test_swept(case: Swept, process: Process, tree: Tree, judge: Judge) -> None:
    """Attempts that lack memory leave nothing that was not there before."""
    groups = f"{tree.path}/groups"
    process.mkdir(groups)
    group = Group(process, groups)
    group.member.syscall("rt_sigaction", signal.SIGCHLD, IGNORE, 0, 8)
    doing, place = case.doing, Place(tree)
    outcome = doing.control(group.member.fork(), place)
    if outcome == doing.wanted:
        shortage = FailNth(group.member, tree)
        sweep(doing, shortage, place)
        for _ in range(TRIES):
            wait(process)
        before = group.objects()
        sweep(doing, shortage, place)
        is_freed = comes_down_to(process, group, before)
        outcome = FREED if is_freed else Seen(f"{group.objects() - before} bytes not freed")
    judge(since(doing.features, FREED), outcome)
