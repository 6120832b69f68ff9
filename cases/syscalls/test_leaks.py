# SPDX-License-Identifier: MIT
"""Calls that fail, and things that are replaced or end, leave nothing behind in the kernel.

Source: security/landlock/syscalls.c, landlock_restrict_self(), where abort_creds() ends what fails;
security/landlock/fs.c, landlock_append_fs_rule() and hook_file_set_fowner().
"""

from cases.syscalls.leaks import READ, Leak, ready, rows
from cases.syscalls.slabs import NOTHING, kept
from suite.case import Allowed, Judge, Need, Outcome, Process, Tree, needs, since, table, vm_only

TIMES = 100


def leave(case: Leak, process: Process, tree: Tree) -> Outcome:
    """What the kernel keeps; or what it refused."""
    built, actor = ready(case, process, tree)
    if built.outcome != Allowed():
        return built.outcome

    def repeat() -> None:
        for _ in range(TIMES):
            case.once(actor, built.calls[0], tree)
        actor.session.flush()

    return kept(process, TIMES, repeat)


@vm_only
@needs(Need.SLABINFO)
@table(rows("leak"))
def test_nothing(case: Leak, process: Process, tree: Tree, judge: Judge) -> None:
    """However often it is done, the kernel has as many objects as before."""
    judge(since(READ.fs, NOTHING), leave(case, process, tree))
