# SPDX-License-Identifier: MIT
"""Calls that fail, and things that are replaced or end, leave nothing behind in the kernel.

Source: security/landlock/syscalls.c, landlock_restrict_self(), where abort_creds() ends what fails;
security/landlock/fs.c, landlock_append_fs_rule() and hook_file_set_fowner().
"""

from cases.syscalls.leaks import READ, Leak, ready, rows
from cases.syscalls.slabs import LOOKS, NOTHING, kept
from suite.case import (
    Allowed, Call, Judge, Need, Outcome, Process, Seen, Tree, answers, needs, since, table, vm_only,
)  # fmt: skip


def leave(case: Leak, process: Process, tree: Tree, looks: int = LOOKS) -> Outcome:
    """What the kernel keeps; or what it refused."""
    built, actor = ready(case, process, tree)
    if built.outcome != Allowed():
        return built.outcome

    def repeat() -> None:
        for _ in range(case.times):
            case.once(actor, built.calls[0], tree)
        actor.session.flush()

    return kept(process, case.times, repeat, looks)


@vm_only
@needs(Need.SLABINFO)
@table(rows("leak"))
def test_nothing(case: Leak, process: Process, tree: Tree, judge: Judge) -> None:
    """However often it is done, the kernel has as many objects as before."""
    judge(since(READ.fs, NOTHING), leave(case, process, tree))


def hold_ruleset(process: Process, _: Call, __: Tree) -> None:
    process.build(READ)


@vm_only
@answers("leak-seen")
@needs(Need.SLABINFO)
def test_held(process: Process, tree: Tree, judge: Judge) -> None:
    """Rulesets that are held are seen: what is left behind would be."""
    found = leave(Leak(once=hold_ruleset), process, tree, looks=1)
    seen = Seen("kept") if found != NOTHING and isinstance(found, Seen) else found
    judge(since(READ.fs, Seen("kept")), seen)
