# SPDX-License-Identifier: MIT
"""System calls that ask whether a process may be traced, and those that do not.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; ptrace(2), "Ptrace access
mode checking"; ptrace_may_access() and mm_access() where the kernel calls them.
"""

from resource import RLIMIT_CORE

from suite.packed import packed
from cases.ptrace.calls import CALLS
from cases.ptrace.files import opening
from cases.ptrace.reach import ALLOWED, OUTSIDE, Access, Action, Target, reach, reach_outside
from cases.relations import RELATIONS, Relation
from suite.case import Case, Judge, Out, Process, table

WHO_PROCESS, BEST_EFFORT = 1, 2 << 13 | 7


@table(CALLS)
def test_outside(case: Access, process: Process, judge: Judge) -> None:
    """A process outside of the domain can't be looked into where that needs to trace it."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


def affinity(process: Process, target: Target) -> None:
    process.syscall("sched_setaffinity", target.pid, 8, b"\xff" * 8)


def limits(process: Process, target: Target) -> None:
    none = packed("QQ", 0, 0)
    process.syscall("prlimit64", target.pid, RLIMIT_CORE, none, Out(16))


def allowed(call: Action, *answers: str) -> Access:
    shown = answers or ("ptr-not-ptrace-gated", "gap-ipc")
    return Access(call=call, answers=shown, expect=ALLOWED)


FREE = {
    "pidfd-open": allowed(
        lambda process, to: process.pidfd_open(to.pid), "ptr-pidfd-open", "gap-ipc"
    ),
    "proc-status": allowed(opening("status"), "ptr-proc-allowed"),
    "prlimit": allowed(limits),
    "setpriority": allowed(lambda process, to: process.syscall("setpriority", 0, to.pid, 19)),
    "sched-setaffinity": allowed(affinity),
    "ioprio-set": allowed(
        lambda process, to: process.syscall("ioprio_set", WHO_PROCESS, to.pid, BEST_EFFORT)
    ),
    "getpgid": allowed(lambda process, to: process.syscall("getpgid", to.pid)),
    "getsid": allowed(lambda process, to: process.syscall("getsid", to.pid)),
    "sched-getscheduler": allowed(
        lambda process, to: process.syscall("sched_getscheduler", to.pid)
    ),
}


@table(FREE)
def test_unrestricted(case: Access, process: Process, judge: Judge) -> None:
    """A process outside of the domain can be asked and set up as far as credentials allow it."""
    judge(case.expect, *reach_outside(process, case.call))


class Between(Case, frozen=True, kw_only=True):
    """An action, and who acts on whom."""

    call: Action
    relation: Relation


BETWEEN = {
    f"{name}-{place}": Between(
        call=CALLS[name].call,
        relation=relation,
        expect=ALLOWED if relation.reaches else CALLS[name].expect,
        answers=CALLS[name].answers,
        needs=CALLS[name].needs,
        own_memory=CALLS[name].own_memory,
    )
    for name in ("process-vm-readv", "process-vm-writev", "pidfd-getfd", "kcmp", "proc-cwd")
    for place, relation in RELATIONS.items()
    if relation is not OUTSIDE
}


@table(BETWEEN)
def test_relation(case: Between, process: Process, judge: Judge) -> None:
    """Who may trace a process may look into it, and nobody else in a domain."""
    judge(case.expect, *reach(process, case.call, case.relation))
