# SPDX-License-Identifier: MIT
"""What capabilities are good for in a domain: nothing, but for reading memory by CAP_PERFMON.

Source: security/landlock/task.c, hook_ptrace_access_check(): it asks for no capability;
kernel/fork.c, may_access_mm(), and kernel/events/core.c, perf_check_permission(), which ask for
CAP_PERFMON where tracing was denied.
"""

import os

from msgspec.structs import replace

from suite.packed import packed
from cases.ptrace.calls import CALLS, attach
from cases.ptrace.files import EACCES, EPERM, GUARDED
from cases.ptrace.reach import ALLOWED, CAP_SYS_NICE, Access, Target, reach_outside
from suite.case import (
    Call, Expectation, Judge, Need, Process, answers, needs, own_memory, table, vm_only,
)  # fmt: skip
from suite.process.uapi import CAP_PERFMON

ALL, PERFMON = None, 1 << CAP_PERFMON


def as_root(row: Access, *more: str) -> Access:
    needs = (*row.needs, Need.ROOT)
    return replace(row, kept=ALL, needs=needs, answers=more)


ROOT = "ptr-root-caps"
DENIED = {
    "root-attach": Access(call=attach, kept=ALL, expect=EPERM, needs=(Need.ROOT,), answers=ROOT)
}
for name in ("process-vm-readv", "process-vm-writev", "pidfd-getfd", "kcmp", "get-robust-list"):
    DENIED[f"root-{name}"] = as_root(CALLS[name], ROOT)
for name in ("mem", "io", "syscall", "fd-0-readlink", "fdinfo", "cwd-open"):
    DENIED[f"root-{name}"] = as_root(GUARDED[name], ROOT, "ptr-perfmon-bypass")


@table(DENIED)
def test_root(case: Access, process: Process, judge: Judge) -> None:
    """All capabilities do not open a process outside of the domain."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


def perfmon(row: Access, expect: Expectation, need: Need, kept: int | None, more: str) -> Access:
    needs = (*row.needs, need)
    return replace(row, kept=kept, expect=expect, needs=needs, answers=more)


READ = ("environ", "maps", "smaps", "auxv", "pagemap")
READS, NOTHING, BYPASS = Need.PERFMON_READS, Need.PERFMON_READS_NOTHING, "ptr-perfmon-bypass"
MADVISE = "ptr-process-madvise"
BY_PERFMON = (
    {f"perfmon-{name}": perfmon(GUARDED[name], ALLOWED, READS, PERFMON, BYPASS) for name in READ}
    | {f"root-{name}": perfmon(GUARDED[name], EACCES, NOTHING, ALL, BYPASS) for name in READ}
    | {
        "perfmon-process-madvise": perfmon(
            CALLS["process-madvise"], ALLOWED, READS, PERFMON | 1 << CAP_SYS_NICE, MADVISE
        ),
        "root-process-madvise": perfmon(CALLS["process-madvise"], EACCES, NOTHING, ALL, MADVISE),
    }
)


@table(BY_PERFMON)
def test_perfmon(case: Access, process: Process, judge: Judge) -> None:
    """CAP_PERFMON reads what describes memory, in kernels where it does, from a domain too."""
    judge(case.expect, *reach_outside(process, case.call, case.kept))


PARANOID, NOT_THE_KERNEL = "/proc/sys/kernel/perf_event_paranoid", b"2"
PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, PERF_ATTR_SIZE = 1, 9, 64
EXCLUDE_KERNEL_AND_HYPERVISOR, EXCLUDE_ON_BIG = 3 << 5, 3 << 1
"""In the first byte of bit-fields, which begin with its highest bit on big-endian machines."""


def open_event(process: Process, target: Target) -> None:
    attr = packed("IIQ", PERF_TYPE_SOFTWARE, PERF_ATTR_SIZE, PERF_COUNT_SW_DUMMY)
    exclude = EXCLUDE_ON_BIG if process.session.is_big else EXCLUDE_KERNEL_AND_HYPERVISOR
    attr += packed("24xB23x", exclude)
    process.syscall("perf_event_open", attr, target.pid, -1, -1, 0)


EVENTS = {
    "perf-event": Access(call=open_event, expect=EACCES),
    "perf-event-perfmon": Access(call=open_event, kept=PERFMON, expect=ALLOWED),
}


@vm_only
@own_memory
@needs(Need.ROOT, Need.PERF_EVENTS)
@answers("ptr-perf-open")
@table(EVENTS)
def test_perf_event(case: Access, process: Process, judge: Judge) -> None:
    """Events of a process outside of the domain can be counted with CAP_PERFMON alone."""
    before = process.read_file(PARANOID)
    write_file(process, PARANOID, NOT_THE_KERNEL)
    observed, control = reach_outside(process.fork(), case.call, case.kept)
    outcomes = observed.outcome, control.outcome
    write_file(process, PARANOID, before).batch.settle()
    judge(case.expect, *outcomes)


def write_file(process: Process, path: str, data: bytes) -> Call:
    fd = process.open(path, os.O_WRONLY)
    process.write(fd, data)
    return process.close(fd)
