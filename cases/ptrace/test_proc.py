# SPDX-License-Identifier: MIT
"""The files in /proc of another process: those that tracing guards, and those that it does not.

Source: Documentation/userspace-api/landlock.rst, "Filesystem flags" of the "Current limitations";
fs/proc/base.c, tgid_base_stuff: ptrace_may_access() and mm_access() of each.
"""

from msgspec.structs import replace

from cases.controls import refused
from cases.ptrace.files import EACCES, GUARDED, listing, reading, writing
from cases.ptrace.reach import (
    ALLOWED,
    CAP_SYS_NICE,
    OUTSIDE,
    RULESET,
    Access,
    Action,
    reach,
    reach_outside,
)
from cases.relations import RELATIONS, Relation
from suite.case import Denied, Judge, Need, Process, answers, since, table


@table(GUARDED)
def test_guarded(case: Access, process: Process, judge: Judge) -> None:
    """What tells of the memory, the files and the calls of a process is denied from a domain."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


def allowed(call: Action, answers: str = "ptr-proc-allowed", *needs: Need) -> Access:
    return Access(call=call, answers=answers, needs=needs, expect=ALLOWED)


def slack(call: Action) -> Access:
    return Access(
        call=call,
        kept=1 << CAP_SYS_NICE,
        needs=(Need.ADMIN,),
        answers="ptr-timerslack",
        expect=ALLOWED,
    )


READABLE = (
    *("status", "stat", "statm", "cmdline", "comm", "limits", "mounts", "mountinfo"),
    *("mountstats", "oom_score", "oom_score_adj", "uid_map", "gid_map", "setgroups", "net/unix"),
)
FREE = {name.replace("/", "-").replace("_", "-"): allowed(reading(name)) for name in READABLE} | {
    "folder": allowed(listing(".")),
    "task": allowed(listing("task")),
    "ns": allowed(listing("ns")),
    "fd": allowed(listing("fd"), "ptr-proc-fddir"),
    # These are of all that share the memory.
    "oom-score-adj-write": replace(
        allowed(writing("oom_score_adj", b"1000"), "ptr-proc-oom"), own_memory=True
    ),
    "clear-refs-write": replace(
        allowed(writing("clear_refs", b"1"), "ptr-proc-clear_refs", Need.PROC_PAGE_MONITOR),
        own_memory=True,
    ),
    "timers": allowed(reading("timers"), "ptr-proc-timers", Need.PROC_TIMERS),
    "timerslack-read": slack(reading("timerslack_ns")),
    "timerslack-write": slack(writing("timerslack_ns", b"1")),
}


@table(FREE)
def test_unguarded(case: Access, process: Process, judge: Judge) -> None:
    """A domain does not hide processes: what credentials alone guard stays as it is."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


@answers("ptr-proc-write-comm")
def test_comm_of_another(process: Process, judge: Judge) -> None:
    """The name of another process can't be written for a reason that is not the domain's."""
    observed, control = reach_outside(process, writing("comm", b"name"))
    judge(since(RULESET.features, Denied("EINVAL")), observed, refused(control, "EINVAL"))


GUARDS = {"environ": "ptr-proc-environ", "cwd-readlink": "ptr-proc-links", "io": "ptr-proc-io"}


class Between(Access, frozen=True, kw_only=True):
    """Who looks at whom."""

    relation: Relation


BETWEEN = {
    f"{name}-{place}": Between(
        call=GUARDED[name].call,
        relation=relation,
        expect=ALLOWED if relation.reaches else EACCES,
        answers=answer,
        needs=GUARDED[name].needs,
        own_memory=GUARDED[name].own_memory,
    )
    for name, answer in GUARDS.items()
    for place, relation in RELATIONS.items()
    if relation is not OUTSIDE
}


@table(BETWEEN)
def test_relation(case: Between, process: Process, judge: Judge) -> None:
    """Who may trace a process may look at what is guarded, and nobody else in a domain."""
    judge(case.expect, *reach(process, case.call, case.relation))
