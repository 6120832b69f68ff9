# SPDX-License-Identifier: MIT
"""ptrace(2), and the calls that ask whether one might trace.

Source: kernel/ptrace.c, mm/process_vm_access.c, kernel/kcmp.c, kernel/pid.c, kernel/futex.
"""

from __future__ import annotations

import errno

from suite.kernel import pidfds, tracing
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.registry import CInt, CLong, CUint, CUlong, Pointer, call
from suite.kernel.signals import numbered
from suite.kernel.tasks import Task
from suite.kernel.tracing import ATTACH, FSCREDS, READ, REALCREDS
from suite.process.uapi import (
    PTRACE_ATTACH,
    PTRACE_DETACH,
    PTRACE_INTERRUPT,
    PTRACE_SEIZE,
    PTRACE_TRACEME,
)

_SYSCALL = 24
"""PTRACE_SYSCALL."""
_MOST_PARTS = 1024
"""UIO_MAXIOV."""
_KCMP_VM, _KCMP_KINDS = 1, 8
"""KCMP_VM, and how many kinds there are."""
_MADV_COLD, _MADVICES = 20, {3, 14, 15, 20, 21, 25}
"""MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_COLLAPSE."""
_NODE = 0
_HEAD_SIZE = 24
"""Of a struct robust_list_head."""


@call("ptrace")
def ptrace(kernel: Kernel, task: Task, request: CLong, pid: CLong, a: CUlong, data: CUlong) -> int:
    """ptrace(2), of the requests that cases make."""
    if request == PTRACE_TRACEME:
        tracing.trace_me(kernel, task)
        return 0
    target = numbered(task.namespaces.pids, pid)
    if request in (PTRACE_ATTACH, PTRACE_SEIZE):
        if request == PTRACE_SEIZE and (a or data):
            if a:
                raise Errno(errno.EIO)
            raise NotModelled("tracing: options")
        tracing.attach(kernel, task, target, is_seized=request == PTRACE_SEIZE)
    elif request == PTRACE_INTERRUPT:
        tracing.interrupt(kernel, task, target)
    else:
        _request(kernel, task, target, request, a, data)
    return 0


def _request(
    kernel: Kernel, task: Task, target: Task, request: int, address: int, data: int
) -> None:
    """What is asked of a tracee that is held."""
    trace = tracing.tracee_of(task, target)
    match request:
        case 2:  # PTRACE_PEEKDATA
            task.memory.write(data, _foreign(target, address))
        case 5:  # PTRACE_POKEDATA
            _foreign(target, address)
            target.memory.put(address, data, 8)
        case 7 | 24:  # PTRACE_CONT, PTRACE_SYSCALL
            tracing.resume(kernel, target, trace, data, at_calls=request == _SYSCALL)
        case value if value == PTRACE_DETACH:
            tracing.detach(kernel, target, trace, data)
        case 3 if not address:  # PTRACE_PEEKUSER
            task.memory.write(data, bytes(8))  # r15, which our tasks have no use for
        case _:
            raise NotModelled("tracing: requests")


def _foreign(target: Task, address: int) -> bytes:
    """A word of a tracee."""
    try:
        return target.memory.read(address, 8)
    except Errno as error:
        raise Errno(errno.EIO) from error


@call("process_vm_readv")
def process_vm_readv(
    kernel: Kernel, task: Task, pid: CInt, own: Pointer, owns: CUlong, its: Pointer, count: CUlong
) -> int:
    """process_vm_readv(2); without flags, of which there are none."""
    return _transfer(kernel, task, pid, (own, owns), (its, count), writes=False)


@call("process_vm_writev")
def process_vm_writev(
    kernel: Kernel, task: Task, pid: CInt, own: Pointer, owns: CUlong, its: Pointer, count: CUlong
) -> int:
    """process_vm_writev(2)."""
    return _transfer(kernel, task, pid, (own, owns), (its, count), writes=True)


def _transfer(
    kernel: Kernel,
    task: Task,
    pid: int,
    own: tuple[int, int],
    its: tuple[int, int],
    *,
    writes: bool,
) -> int:
    """Source: process_vm_rw()."""
    mine, theirs = _parts(task, *own), _parts(task, *its)
    if not sum(size for _, size in mine) or not theirs:
        return 0
    if len(mine) > 1 or len(theirs) > 1:
        raise NotModelled("memory: several parts")
    target = numbered(task.namespaces.pids, pid)
    try:
        memory = tracing.memory_of(kernel, task, target, ATTACH | REALCREDS)
    except Errno as error:
        raise Errno(errno.EPERM if error.number == errno.EACCES else error.number) from error
    size = min(mine[0][1], theirs[0][1])
    if writes:
        memory.write(theirs[0][0], task.memory.read(mine[0][0], size))
    else:
        task.memory.write(mine[0][0], memory.read(theirs[0][0], size))
    return size


def _parts(task: Task, address: int, count: int) -> list[tuple[int, int]]:
    """A list of struct iovec."""
    if count > _MOST_PARTS:
        raise Errno(errno.EINVAL)
    return [
        (task.memory.integer(at, 8), task.memory.integer(at + 8, 8))
        for at in range(address, address + 16 * count, 16)
    ]


@call("kcmp")
def kcmp(kernel: Kernel, task: Task, one: CInt, other: CInt, kind: CInt) -> int:
    """kcmp(2), of KCMP_VM."""
    pair = [numbered(task.namespaces.pids, it) for it in (one, other)]
    for it in pair:
        tracing.require_access(kernel, task, it, READ | REALCREDS)
    if not 0 <= kind < _KCMP_KINDS:
        raise Errno(errno.EINVAL)
    if kind != _KCMP_VM:
        raise NotModelled("tracing: kinds of kcmp")
    first, second = (id(it.memory) for it in pair)
    return 0 if first == second else 1 if first < second else 2


@call("get_robust_list")
def get_robust_list(kernel: Kernel, task: Task, pid: CInt, head: Pointer, size: Pointer) -> int:
    """get_robust_list(2): our tasks have none."""
    target = numbered(task.namespaces.pids, pid) if pid else task
    tracing.require_access(kernel, task, target, READ | REALCREDS)
    task.memory.put(size, _HEAD_SIZE, 8)
    task.memory.put(head, 0, 8)
    return 0


@call("move_pages")
def move_pages(
    kernel: Kernel, task: Task, pid: CInt, count: CUlong, pages: Pointer, nodes: Pointer,
    status: Pointer, flags: CInt,
) -> int:  # fmt: skip
    """move_pages(2), to ask where pages are: there is but one node.

    Source: find_mm_struct() and kernel_move_pages() in mm/migrate.c.
    """
    target = numbered(task.namespaces.pids, pid) if pid else task
    tracing.require_access(kernel, task, target, READ | REALCREDS)
    if nodes or flags:
        raise NotModelled("memory: pages that move")
    for number in range(count):
        page = task.memory.integer(pages + 8 * number, 8)
        if not any(target.memory.read(page, PAGE)):
            raise NotModelled("memory: pages that nobody wrote to")
        task.memory.put(status + 4 * number, _NODE, 4)
    return 0


@call("migrate_pages")
def migrate_pages(
    kernel: Kernel, task: Task, pid: CInt, most: CUlong, old: Pointer, new: Pointer
) -> int:
    """migrate_pages(2) from the only node there is to itself."""
    masks = [task.memory.integer(it, 8) for it in (old, new)]
    target = numbered(task.namespaces.pids, pid) if pid else task
    tracing.require_access(kernel, task, target, READ | REALCREDS)
    if masks != [1, 1]:
        raise NotModelled("memory: nodes")
    return 0


@call("process_madvise")
def process_madvise(
    kernel: Kernel, task: Task, fd: CInt, parts: Pointer, count: CUlong, advice: CInt, flags: CUint
) -> int:
    """process_madvise(2), which has nothing to do here.

    Source: SYSCALL_DEFINE5(process_madvise) in mm/madvise.c.
    """
    if flags:
        raise Errno(errno.EINVAL)
    asked = _parts(task, parts, count)
    target = pidfds.pidfd(task, fd).task
    if advice not in _MADVICES:
        raise Errno(errno.EINVAL)
    memory = tracing.memory_of(kernel, task, target, READ | FSCREDS)
    if memory is not task.memory and not capable(task.credentials, "SYS_NICE", kernel.user):
        raise Errno(errno.EPERM)
    if advice != _MADV_COLD:
        raise NotModelled("memory: advice")
    for address, size in asked:
        if not memory.is_mapped(address, size):
            raise Errno(errno.ENOMEM)
    return sum(size for _, size in asked)


@call("pidfd_open")
def pidfd_open(kernel: Kernel, task: Task, pid: CInt, flags: CUint) -> int:
    """pidfd_open(2)."""
    if flags & ~(pidfds.PIDFD_THREAD | pidfds.PIDFD_NONBLOCK) or pid <= 0:
        raise Errno(errno.EINVAL)
    target = numbered(task.namespaces.pids, pid)
    if not target.is_leader and not flags & pidfds.PIDFD_THREAD:
        raise Errno(errno.ENOENT)  # EINVAL before Linux 6.15
    return pidfds.opened(kernel, task, target, flags)


@call("pidfd_getfd")
def pidfd_getfd(kernel: Kernel, task: Task, pidfd: CInt, fd: CInt, flags: CUint) -> int:
    """pidfd_getfd(2). Source: __pidfd_fget() in kernel/pid.c."""
    if flags:
        raise Errno(errno.EINVAL)
    target = pidfds.pidfd(task, pidfd).task
    tracing.require_access(kernel, task, target, ATTACH | REALCREDS)
    if not target.is_alive:
        raise Errno(errno.ESRCH)
    file = target.files.get(fd, or_path=True)
    return task.files.add(file, closes_on_exec=True)
