# SPDX-License-Identifier: MIT
"""System calls that ask whether a process may be traced.

Source: ptrace(2), "Ptrace access mode checking"; ptrace_may_access() and mm_access() where the
kernel calls them.
"""

from suite.packed import packed
from cases.ptrace.files import opening
from cases.ptrace.reach import CAP_SYS_NICE, PAGE, RULESET, Access, Action, Target
from suite.case import (
    CAP_SYS_ADMIN, CLONE_NEWUTS, PTRACE_ATTACH, Denied, Need, Out, Pack, Process, since,
)  # fmt: skip
from suite.process.uapi import PR_SCHED_CORE, PTRACE_DETACH

KCMP_VM, MADV_COLD = 1, 20
PIDFD_GET_UTS_NAMESPACE = 0xFF0A
PR_SCHED_CORE_GET = 0


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
    node = packed("Q", 1)
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


def attach(process: Process, target: Target) -> None:
    """And detach, so that another one may do the same."""
    process.ptrace(PTRACE_ATTACH, target.pid)
    process.wait(target.pid)
    process.ptrace(PTRACE_DETACH, target.pid)


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


CALLS = {
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
