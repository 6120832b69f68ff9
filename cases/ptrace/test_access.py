# SPDX-License-Identifier: MIT
"""System calls that ask whether a process may be traced, and those that do not.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; ptrace(2), "Ptrace access
mode checking"; ptrace_may_access() and mm_access() where the kernel calls them.
"""

import os
import struct
from dataclasses import dataclass
from resource import RLIMIT_CORE

from cases.ptrace.reach import ALLOWED, PAGE, RULESET, Access, Action, Target, reach, reach_outside
from cases.relations import RELATIONS, Relation
from suite.case import (
    CAP_SYS_ADMIN, CLONE_NEWUTS, Case, Denied, Judge, Need, Out, Pack, Process, since, table,
)  # fmt: skip
from suite.process.calls.tasks import PR_SCHED_CORE

OUTSIDE = RELATIONS["domain-to-no-domain"]
CAP_SYS_NICE = 23
KCMP_VM, MADV_COLD = 1, 20
PIDFD_GET_UTS_NAMESPACE = 0xFF0A
PR_SCHED_CORE_GET = 0
WHO_PROCESS, BEST_EFFORT = 1, 2 << 13 | 7


def remote(name: str) -> Action:
    def transfer(process: Process, target: Target) -> None:
        own, its = Pack(((8, bytes(8)), (8, 8))), Pack(((8, target.page), (8, 8)))
        process.syscall(name, target.pid, own, 1, its, 1, 0)

    return transfer


def pidfd_getfd(process: Process, target: Target) -> None:
    process.syscall("pidfd_getfd", process.pidfd_open(target.pid), 0, 0)


def get_robust_list(process: Process, target: Target) -> None:
    process.syscall("get_robust_list", target.pid, Out(8), Out(8))


def kcmp(process: Process, target: Target) -> None:
    process.syscall("kcmp", process.getpid(), target.pid, KCMP_VM, 0, 0)


def move_pages(process: Process, target: Target) -> None:
    process.syscall("move_pages", target.pid, 1, Pack(((8, target.page),)), None, Out(4), 0)


def migrate_pages(process: Process, target: Target) -> None:
    node = struct.pack("<Q", 1)
    process.syscall("migrate_pages", target.pid, 64, node, node)


def process_madvise(process: Process, target: Target) -> None:
    place = Pack(((8, target.page), (8, PAGE)))
    process.syscall("process_madvise", process.pidfd_open(target.pid), place, 1, MADV_COLD, 0)


def enter(process: Process, target: Target) -> None:
    process.setns(process.pidfd_open(target.pid), CLONE_NEWUTS)


def open_namespace(process: Process, target: Target) -> None:
    process.ioctl(process.pidfd_open(target.pid), PIDFD_GET_UTS_NAMESPACE)


def core_cookie(process: Process, target: Target) -> None:
    process.prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, target.pid, 0, Out(8))


def opening(name: str) -> Action:
    return lambda process, target: process.open(target.file(name), os.O_RDONLY)


def denied(
    call: Action,
    answers: str,
    errno: str = "EPERM",
    *,
    kept: int = 0,
    needs: tuple[Need, ...] = (),
    own_memory: bool = False,
) -> Access:
    return Access(
        call=call,
        answers=answers,
        kept=kept,
        needs=needs,
        own_memory=own_memory,
        expect=since(RULESET.features, Denied(errno)),
    )


CASES = {
    "process-vm-readv": denied(remote("process_vm_readv"), "ptr-vm-readv", own_memory=True),
    "process-vm-writev": denied(remote("process_vm_writev"), "ptr-vm-readv", own_memory=True),
    "pidfd-getfd": Access(
        call=pidfd_getfd,
        answers=("ptr-pidfd-getfd", "fd-pidfd-getfd"),
        expect=since(RULESET.features, Denied("EPERM")),
    ),
    "get-robust-list": denied(get_robust_list, "ptr-robust-list"),
    "kcmp": denied(kcmp, "ptr-kcmp", needs=(Need.KCMP,), own_memory=True),
    "move-pages": denied(move_pages, "ptr-move-pages", needs=(Need.MOVE_PAGES,), own_memory=True),
    "migrate-pages": denied(
        migrate_pages, "ptr-move-pages", needs=(Need.MIGRATE_PAGES,), own_memory=True
    ),
    "process-madvise": denied(
        process_madvise,
        "ptr-process-madvise",
        "EACCES",
        kept=1 << CAP_SYS_NICE,
        needs=(Need.ROOT,),
        own_memory=True,
    ),
    "setns": denied(
        enter, "ptr-setns-pidfd", kept=1 << CAP_SYS_ADMIN, needs=(Need.ADMIN,), own_memory=True
    ),
    "pidfd-namespace": denied(
        open_namespace, "ptr-pidfd-namespace", "EACCES", needs=(Need.PIDFD_NAMESPACES,)
    ),
    "core-scheduling": denied(core_cookie, "ptr-core-scheduling", needs=(Need.CORE_SCHEDULING,)),
    "proc-mem": denied(opening("mem"), "ptr-proc-mem", "EACCES", own_memory=True),
    "proc-cwd": denied(opening("cwd"), "ptr-proc-magic-open", "EACCES"),
    "proc-root": denied(opening("root"), "ptr-proc-magic-open", "EACCES"),
    "proc-fd": denied(opening("fd/0"), "ptr-proc-magic-open", "EACCES"),
}


@table(CASES)
def test_outside(case: Access, process: Process, judge: Judge) -> None:
    """A process outside of the domain can't be looked into where that needs to trace it."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


def affinity(process: Process, target: Target) -> None:
    process.syscall("sched_setaffinity", target.pid, 8, b"\xff" * 8)


def limits(process: Process, target: Target) -> None:
    none = struct.pack("<QQ", 0, 0)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Case):
    """An action, and who acts on whom."""

    call: Action
    relation: Relation


BETWEEN = {
    f"{name}-{place}": Between(
        call=CASES[name].call,
        relation=relation,
        expect=ALLOWED if relation.reaches else CASES[name].expect,
        answers=CASES[name].answers,
        needs=CASES[name].needs,
        own_memory=CASES[name].own_memory,
    )
    for name in ("process-vm-readv", "process-vm-writev", "pidfd-getfd", "kcmp", "proc-cwd")
    for place, relation in RELATIONS.items()
    if relation is not OUTSIDE
}


@table(BETWEEN)
def test_relation(case: Between, process: Process, judge: Judge) -> None:
    """Who may trace a process may look into it, and nobody else in a domain."""
    judge(case.expect, *reach(process, case.call, case.relation))
