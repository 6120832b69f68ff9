# SPDX-License-Identifier: MIT
"""Filters of system calls (seccomp(2)): classic BPF, as little of it as cases use.

Source: kernel/seccomp.c; Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from suite.kernel.capabilities import capable
from suite.kernel.errors import CallEndedError, Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task
from suite.process.uapi import (
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO,
)

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""
_KEY = "seccomp"
_ARCHES = {"x86_64": 0xC000003E, "i386": 0x40000003}
"""AUDIT_ARCH_*."""
RET_KILL_THREAD, RET_KILL_PROCESS = 0, 0x80000000
_ACTION, _MOST = 0xFFFF0000, 4096


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, and those that were installed before."""

    instructions: tuple[tuple[int, int, int, int], ...]
    """Each: code, offsets if true and if false, operand."""
    before: Filter | None


def filters(task: Task) -> Filter | None:
    """The newest filter of a task."""
    found = task.extra.get(_KEY)
    return found if isinstance(found, Filter) else None


def install(kernel: Kernel, task: Task, flags: int, program: int) -> int:
    """Add a filter to a task (a struct sock_fprog at this address), or to all of its threads.

    Raises:
        Errno: EINVAL, EFAULT; EACCES without no_new_privs and CAP_SYS_ADMIN.
    """
    if flags & ~SECCOMP_FILTER_FLAG_TSYNC:
        raise NotModelled("seccomp: flags")
    count = task.memory.integer(program, 2)
    if not 0 < count <= _MOST:
        raise Errno(errno.EINVAL)
    if not task.no_new_privs and not capable(task.credentials, "SYS_ADMIN", task.credentials.user):
        raise Errno(errno.EACCES)
    raw = task.memory.read(task.memory.integer(program + 8, 8), 8 * count)
    instructions = tuple(struct.iter_unpack("<HBBI", raw))
    if {it[0] for it in instructions} - {_LOAD, _EQUAL, _RETURN}:
        raise NotModelled("seccomp: instructions")
    if instructions[-1][0] != _RETURN:
        raise Errno(errno.EINVAL)
    before = filters(task)
    made = Filter(instructions, before)
    threads = task.group.threads if flags & SECCOMP_FILTER_FLAG_TSYNC else [task]
    for it in threads:
        if it is not task and not _is_ancestor(filters(it), before):
            return it.number_in(task.namespaces.pids)
    for it in threads:
        it.extra[_KEY] = made
        it.no_new_privs = it.no_new_privs or task.no_new_privs
    return 0


def _is_ancestor(older: Filter | None, newer: Filter | None) -> bool:
    """Whether a thread's filters are those of the caller, or a beginning of them."""
    while newer is not None and newer is not older:
        newer = newer.before
    return newer is older


def answer(task: Task, number: int, arguments: list[int]) -> int:
    """What the filters of a task make of a call: SECCOMP_RET_* with its data.

    Of several filters, the action that allows least counts, and of equal ones the newest.
    """
    data = struct.pack("<iIQ6Q", number, _ARCHES[task.arch], 0, *arguments)
    found, it = SECCOMP_RET_ALLOW, filters(task)
    while it is not None:
        given = _run(it, data)
        if _rank(given) < _rank(found):
            found = given
        it = it.before
    return found


def _rank(action: int) -> int:
    """By how little it allows: as a signed number."""
    action &= _ACTION
    return action - (1 << 32) if action & RET_KILL_PROCESS else action


def _run(program: Filter, data: bytes) -> int:
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, operand = program.instructions[at]
        at += 1
        if code == _LOAD:
            accumulator = int.from_bytes(data[operand : operand + 4], "little")
        elif code == _EQUAL:
            at += if_true if accumulator == operand else if_false
        else:
            return operand


def check(task: Task, number: int, arguments: list[int]) -> None:
    """Let the filters of a task look at a call before it is made.

    Raises:
        Errno: They answer in its place.
        Killed: They end who makes it.
    """
    given = answer(task, number, arguments)
    action = given & _ACTION
    if action == SECCOMP_RET_ERRNO:
        raise Errno(min(given & 0xFFFF, 4095))
    if action in (RET_KILL_THREAD, RET_KILL_PROCESS):
        raise Killed(whole=action == RET_KILL_PROCESS)
    if action != SECCOMP_RET_ALLOW:
        raise NotModelled("seccomp: actions")


class Killed(CallEndedError):  # noqa: N818 (nothing is wrong)
    """A filter ends the thread, or its whole process."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole
