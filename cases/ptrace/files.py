# SPDX-License-Identifier: MIT
"""The files in /proc of another process that tracing guards, and ways to use any of them.

Source: fs/proc/base.c, tgid_base_stuff: ptrace_may_access() and mm_access() of each.
"""

import os

from msgspec.structs import replace

from cases.ptrace.reach import RULESET, Access, Action, Target
from suite.case import CAP_SYS_ADMIN, O_PATH, Denied, Need, Process, since


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


GUARDED = {
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
    GUARDED[f"{name}-readlink"] = Access(
        call=readlink(link), answers="ptr-proc-links", expect=EACCES
    )
    GUARDED[f"{name}-open"] = Access(
        call=opening(link, O_PATH), answers="ptr-proc-magic-open", expect=EACCES
    )
