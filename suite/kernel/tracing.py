# SPDX-License-Identifier: MIT
"""Who may look into a process, and who traces whom.

Source: kernel/ptrace.c; cap_ptrace_access_check() in security/commoncap.c; ptrace(2), "Ptrace
access mode checking". There is no Yama.
"""

from __future__ import annotations

import errno
from signal import SIGKILL, SIGSTOP, SIGTRAP

from suite.kernel import signals
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.life import let_go
from suite.kernel.memory import Memory
from suite.kernel.tasks import Signal, Task, Trace

READ, ATTACH, NOAUDIT, FSCREDS, REALCREDS = 1, 2, 4, 8, 16
"""PTRACE_MODE_*: what is asked for, and whose ids count."""
_EVENT_STOP = 128
_STOPPED = 0x7F


def require_access(kernel: Kernel, task: Task, target: Task, mode: int) -> None:
    """Ask whether a task may look into another. Source: __ptrace_may_access().

    Raises:
        Errno: EPERM.
    """
    if target.group is task.group:
        return
    mine, theirs = task.credentials, target.credentials
    ids = (mine.fsuid, mine.fsgid) if mode & FSCREDS else (mine.uid, mine.gid)
    is_same = {ids} == {
        (theirs.euid, theirs.egid), (theirs.suid, theirs.sgid), (theirs.uid, theirs.gid)
    }  # fmt: skip
    is_less = not theirs.permitted & ~(mine.effective if mode & FSCREDS else mine.permitted)
    is_plain = is_same and target.group.dumpable == 1 and mine.user is theirs.user and is_less
    if not is_plain and not capable(mine, "SYS_PTRACE", theirs.user):
        raise Errno(errno.EPERM)
    kernel.hooks.ptrace_access_check(task, target, audit=not mode & NOAUDIT)


def may_access(kernel: Kernel, task: Task, target: Task, mode: int) -> bool:
    """Whether a task may look into another. Source: ptrace_may_access()."""
    try:
        require_access(kernel, task, target, mode)
    except Errno:
        return False
    return True


def memory_of(kernel: Kernel, task: Task, target: Task, mode: int) -> Memory:
    """The memory of a process that a task may look into. Source: mm_access() in kernel/fork.c.

    Raises:
        Errno: ESRCH if it has ended; EACCES.
    """
    if not target.is_alive:
        raise Errno(errno.ESRCH)
    memory = target.memory
    if memory is task.memory or may_access(kernel, task, target, mode):
        return memory
    if mode & READ and capable(task.credentials, "PERFMON", kernel.user):
        return memory  # may_access_mm() in kernel/fork.c, from Linux 6.16 on
    raise Errno(errno.EACCES)


# Tracing


def attach(kernel: Kernel, task: Task, target: Task, *, is_seized: bool) -> None:
    """PTRACE_ATTACH or PTRACE_SEIZE. Source: ptrace_attach().

    Raises:
        Errno: EPERM.
    """
    if target.group is task.group:
        raise Errno(errno.EPERM)
    require_access(kernel, task, target, ATTACH | REALCREDS)
    if not target.is_alive or target.trace is not None:
        raise Errno(errno.EPERM)
    _begin(kernel, task, target, is_seized=is_seized)
    if not is_seized:
        signals.queue(kernel, target, Signal(SIGSTOP, signals.SI_KERNEL), to_thread=True)
    elif target.group.stopped:
        signals.trap(kernel, target, _event(target.group.stopped))


def trace_me(kernel: Kernel, task: Task) -> None:
    """PTRACE_TRACEME. Source: ptrace_traceme() and cap_ptrace_traceme().

    Raises:
        Errno: EPERM.
    """
    parent = task.group.parent
    if task.trace is not None or parent is None:
        raise Errno(errno.EPERM)
    mine, theirs = task.credentials, parent.credentials
    is_more = mine.user is theirs.user and not mine.permitted & ~theirs.permitted
    if not is_more and not capable(theirs, "SYS_PTRACE", mine.user):
        raise Errno(errno.EPERM)
    kernel.hooks.ptrace_traceme(task, parent)
    _begin(kernel, parent, task, is_seized=False)


def _begin(kernel: Kernel, tracer: Task, tracee: Task, *, is_seized: bool) -> None:
    tracee.trace = Trace(tracer, is_seized)
    kernel.has_traced = True


def _event(number: int) -> int:
    """The status of a stop that is no signal's: PTRACE_EVENT_STOP."""
    return (_EVENT_STOP << 8 | number) << 8 | _STOPPED


def tracee_of(task: Task, target: Task, *, is_stopped: bool = True) -> Trace:
    """What a tracer has of a tracee. Source: ptrace_check_attach().

    Raises:
        Errno: ESRCH if it does not trace it, or if it does not hold it.
    """
    trace = target.trace
    if trace is None or trace.tracer is not task:
        raise Errno(errno.ESRCH)
    if is_stopped and (trace.stop is None or not target.is_alive):
        raise Errno(errno.ESRCH)
    return trace


def interrupt(kernel: Kernel, task: Task, target: Task) -> None:
    """PTRACE_INTERRUPT.

    Raises:
        Errno: EIO if it was not seized.
    """
    trace = tracee_of(task, target, is_stopped=False)
    if not trace.is_seized:
        raise Errno(errno.EIO)
    if trace.stop is None:
        signals.trap(kernel, target, _event(SIGTRAP))


def resume(
    kernel: Kernel, target: Task, trace: Trace, number: int, *, at_calls: bool = False
) -> None:
    """Let a tracee go on, with a signal or 0. Source: ptrace_resume() and ptrace_signal().

    Raises:
        Errno: EIO for what is no signal.
    """
    if not 0 <= number <= signals.LAST:
        raise Errno(errno.EIO)
    had_signal = trace.has_caught
    trace.stop, trace.is_unseen, trace.has_caught, trace.at_calls = None, False, False, at_calls
    if number == SIGKILL:
        signals.queue(kernel, target, Signal(SIGKILL))
    elif number and had_signal:
        signals.deliver(kernel, target, number)
    signals.act(kernel, target)


def detach(kernel: Kernel, target: Task, trace: Trace, number: int) -> None:
    """PTRACE_DETACH.

    Raises:
        Errno: EIO for what is no signal.
    """
    if not 0 <= number <= signals.LAST:
        raise Errno(errno.EIO)
    had_signal = trace.has_caught
    target.trace = None
    if number and had_signal:
        signals.deliver(kernel, target, number)
    let_go(kernel, target)
