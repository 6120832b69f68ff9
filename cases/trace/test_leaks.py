# SPDX-License-Identifier: MIT
"""Each ruleset and each domain is freed, also where calls fail, and where things are replaced.

Source: include/trace/events/landlock.h, landlock_free_ruleset and landlock_free_domain ("Lifecycle
consistency"); security/landlock/domain.c, landlock_put_domain_deferred().
"""

from cases.processes import end, pause
from cases.syscalls.leaks import READ, Leak, ready, rows
from suite.case import (
    Allowed, Judge, Need, Process, Seen, Trace, Tree, needs, since, table, vm_only,
)  # fmt: skip
from suite.witness.leaks import LOOKS

EVENTS = "create_ruleset", "create_domain", "free_ruleset", "free_domain"
TIMES = 3


def living(trace: Trace, process: Process) -> set[str]:
    """The rulesets and domains that are not freed, also when all that is freed later must be."""
    made: set[str] = set()
    for look in range(LOOKS):
        for event in trace.take():
            what = event.fields.get("domain") or event.fields["ruleset"].partition(".")[0]
            made = made - {what} if event.name.startswith("free") else made | {what}
        if not made:
            break
        pause(process, look)
    return made


@vm_only
@needs(Need.TRACEPOINTS)
@table(rows("trc-leak"))
def test_all_freed(case: Leak, process: Process, tree: Tree, judge: Judge) -> None:
    """Whatever is made of it, each of them is freed once its process has ended."""
    with Trace(process, *EVENTS) as trace:
        built, actor = ready(case, process, tree)
        if built.outcome == Allowed():
            for _ in range(TIMES):
                case.once(actor, built.calls[0], tree)
            end(process, actor)
        left = living(trace, process) if trace.on else {"no event"}
    freed = Seen(f"kept {' '.join(sorted(left))}" if left else "all freed")
    judge(since(READ.fs, Seen("all freed")), freed if built.outcome == Allowed() else built.outcome)
