# SPDX-License-Identifier: MIT
"""What is left of calls for which there was no memory: nothing.

The kernel's objects are counted by the memory cgroup that they are charged to. Where caches are
debugged, none of them keeps what was freed, so the count comes down to what it was, to the byte.

Source: landlock_create_ruleset(2), landlock_add_rule(2) and landlock_restrict_self(2) in
security/landlock/syscalls.c, where they fail; hook_cred_free() in security/landlock/cred.c;
Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files", memory.stat.
"""

import signal

from cases.faults.credentials import CREDENTIALS
from cases.faults.doings import DOINGS
from cases.faults.sweep import Doing, Place, sweep
from cases.syscalls.groups import Group
from suite.case import (
    Judge, Need, Process, Row, Seen, Tree, answers, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.packed import packed

pytestmark = own_memory

FREED = Seen("all freed")
SECOND = packed("qq", 1, 0)
LAG, SETTLED = 3, 12
"""Seconds after which all is counted, and after which all is freed that was let go of."""
IGNORE = packed("4Q", signal.SIG_IGN, 0, 0, 0)
"""A struct sigaction: children that end are gone."""


class Swept(Row, frozen=True, kw_only=True):
    """What finds no memory."""

    doing: Doing


DOING = DOINGS | CREDENTIALS
SWEPT = {
    name: Swept(doing=DOING[name], needs=DOING[name].needs, covers=DOING[name].features[-1])
    for name in (
        "create-ruleset",
        "add-path",
        "restrict-self-layered",
        "restrict-self-tsync",
        "fork",
        "execve",
    )
}
"""Those that make objects of different kinds: each takes half a minute."""


def objects(process: Process, group: Group) -> int:
    """The bytes of objects that a group holds a second later."""
    process.syscall("ppoll", 0, 0, SECOND, 0)
    return group.objects()


def kept(process: Process, group: Group, before: int) -> int:
    """The bytes that are not freed, however long one waits."""
    for second in range(3 * SETTLED):
        more = objects(process, group) - before
        if second >= LAG and more <= 0:
            break
    return more


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
        shortage = doing.counted(group.member, tree)
        # Of other files: what is kept with a file would be there already.
        sweep(doing, shortage, Place(tree.twin()))
        before = min(objects(process, group) for _ in range(SETTLED))
        sweep(doing, shortage, place)
        more = kept(process, group, before)
        outcome = FREED if more <= 0 else Seen(f"{more} bytes not freed")
    judge(since(doing.features, FREED), outcome)
