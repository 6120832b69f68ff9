# SPDX-License-Identifier: MIT
"""The files in /proc of another process: those that tracing guards, and those that it does not.

Source: Documentation/userspace-api/landlock.rst, "Filesystem flags" of the "Current limitations";
fs/proc/base.c, tgid_base_stuff: ptrace_may_access() and mm_access() of each.
"""

import os
from dataclasses import dataclass, replace

from cases.ptrace.reach import ALLOWED, RULESET, Access, Action, Target, reach, reach_outside
from cases.relations import RELATIONS, Relation
from suite.case import CAP_SYS_ADMIN, O_PATH, Denied, Judge, Need, Process, answers, since, table

OUTSIDE = RELATIONS["domain-to-no-domain"]
CAP_SYS_NICE = 23


def reading(name: str) -> Action:
    def read(process: Process, target: Target) -> None:
        process.read(process.open(target.file(name), os.O_RDONLY), 4096)

    return read


def opening(name: str, flags: int = os.O_RDONLY) -> Action:
    return lambda process, target: process.open(target.file(name), flags)


def writing(name: str, data: bytes) -> Action:
    def write(process: Process, target: Target) -> None:
        process.write(process.open(target.file(name), os.O_WRONLY), data)

    return write


def readlink(name: str) -> Action:
    return lambda process, target: process.readlink(target.file(name))


def listing(name: str) -> Action:
    """Twice: some kernels refuse a directory's entries after its own."""

    def read(process: Process, target: Target) -> None:
        fd = process.open(target.file(name), os.O_RDONLY)
        process.list_dir(fd)
        process.list_dir(fd)

    return read


EPERM, EACCES = (since(RULESET.features, Denied(errno)) for errno in ("EPERM", "EACCES"))
MONITOR, SYSCALL, STACK = Need.PROC_PAGE_MONITOR, Need.PROC_SYSCALL, Need.PROC_STACK


def file(name: str, answers: str, *needs: Need) -> Access:
    return Access(call=reading(name), answers=answers, needs=needs, expect=EACCES)


def memory(name: str, answers: str, *needs: Need) -> Access:
    return replace(file(name, answers, *needs), own_memory=True)


DENIED = {
    "environ": memory("environ", "ptr-proc-environ"),
    "maps": memory("maps", "ptr-proc-maps"),
    "numa-maps": memory("numa_maps", "ptr-proc-maps", Need.PROC_NUMA_MAPS),
    "smaps": memory("smaps", "ptr-proc-maps", MONITOR),
    "smaps-rollup": memory("smaps_rollup", "ptr-proc-maps", MONITOR),
    "auxv": memory("auxv", "ptr-proc-auxv"),
    "pagemap": memory("pagemap", "ptr-proc-pagemap", MONITOR),
    "mem": Access(call=opening("mem"), answers="ptr-proc-mem", own_memory=True, expect=EACCES),
    "mem-to-write": Access(
        call=opening("mem", os.O_RDWR), answers="ptr-proc-mem", own_memory=True, expect=EACCES
    ),
    "io": file("io", "ptr-proc-io", Need.PROC_IO),
    "syscall": Access(
        call=reading("syscall"), answers="ptr-proc-syscall", needs=(SYSCALL,), expect=EPERM
    ),
    "personality": Access(call=reading("personality"), answers="ptr-proc-syscall", expect=EPERM),
    "stack": Access(
        call=reading("stack"),
        kept=1 << CAP_SYS_ADMIN,
        answers="ptr-proc-stack",
        needs=(STACK,),
        expect=EPERM,
    ),
    "timers-guarded": file("timers", "ptr-proc-timers", Need.PROC_GUARDED_TIMERS),
    "fdinfo": Access(call=opening("fdinfo"), answers="ptr-proc-fdinfo", expect=EACCES),
    "fdinfo-of-fd": Access(call=reading("fdinfo/0"), answers="ptr-proc-fdinfo", expect=EACCES),
    "map-files": Access(
        call=listing("map_files"), answers="ptr-proc-map_files", own_memory=True, expect=EACCES
    ),
}
for link in ("cwd", "root", "exe", "fd/0", "ns/net", "ns/user"):
    name = link.replace("/", "-")
    DENIED[f"{name}-readlink"] = Access(
        call=readlink(link), answers="ptr-proc-links", expect=EACCES
    )
    DENIED[f"{name}-open"] = Access(
        call=opening(link, O_PATH), answers="ptr-proc-magic-open", expect=EACCES
    )


@table(DENIED)
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
    assert control.outcome == Denied("EINVAL")
    judge(since(RULESET.features, Denied("EINVAL")), observed)


GUARDS = {"environ": "ptr-proc-environ", "cwd-readlink": "ptr-proc-links", "io": "ptr-proc-io"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Access):
    """Who looks at whom."""

    relation: Relation


BETWEEN = {
    f"{name}-{place}": Between(
        call=DENIED[name].call,
        relation=relation,
        expect=ALLOWED if relation.reaches else EACCES,
        answers=answer,
        needs=DENIED[name].needs,
        own_memory=DENIED[name].own_memory,
    )
    for name, answer in GUARDS.items()
    for place, relation in RELATIONS.items()
    if relation is not OUTSIDE
}


@table(BETWEEN)
def test_relation(case: Between, process: Process, judge: Judge) -> None:
    """Who may trace a process may look at what is guarded, and nobody else in a domain."""
    judge(case.expect, *reach(process, case.call, case.relation))
