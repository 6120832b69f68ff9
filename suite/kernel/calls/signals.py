# SPDX-License-Identifier: MIT
"""Sending, blocking, and taking signals.

Source: kernel/signal.c.
"""

from __future__ import annotations

import errno
import signal

from suite.kernel import signals
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.pidfds import pidfd
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.signals import SI_TKILL, SI_USER, bit, from_user, numbered, send_to
from suite.kernel.tasks import Signal, Task
from suite.process.uapi import (
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
)

_MASK_SIZE, _ACTION_SIZE = 8, 32
_UNBLOCKABLE = bit(signal.SIGKILL) | bit(signal.SIGSTOP)


@call("kill")
def kill(kernel: Kernel, task: Task, pid: CInt, number: CInt) -> int:
    """kill(2). Source: kill_something_info()."""
    if pid == -(1 << 31):
        raise Errno(errno.ESRCH)
    if pid > 0:
        receiver = numbered(task.namespaces.pids, pid)
        send_to(kernel, task, receiver, from_user(task, receiver, number))
    elif pid == -1:
        _everybody(kernel, task, number)
    else:
        group = _group(kernel, task, -pid) if pid else task.group.process_group
        signals.send_to_all(kernel, task, signals.process_group(kernel, group), number)
    return 0


def _group(kernel: Kernel, task: Task, number: int) -> int:
    """A process group by its number for a task; 0 if there is none."""
    pids = task.namespaces.pids
    if pids is kernel.pids:
        return number
    leader = pids.tasks.get(number)
    return leader.number if leader else 0


def _everybody(kernel: Kernel, task: Task, number: int) -> None:
    """All but the first process and its own; EPERM only matters if the last one says more."""
    came_to, count, pids = 0, 0, task.namespaces.pids
    for it in sorted(pids.tasks.values(), key=lambda it: it.number):
        if not it.is_leader or it.number_in(pids) == 1 or it.group is task.group:
            continue
        count += 1
        try:
            send_to(kernel, task, it, from_user(task, it, number))
            came_to = 0
        except Errno as error:
            if error.number != errno.EPERM:
                came_to = error.number
    if not count:
        raise Errno(errno.ESRCH)
    if came_to:
        raise Errno(came_to)


@call("tkill")
def tkill(kernel: Kernel, task: Task, tid: CInt, number: CInt) -> int:
    """tkill(2)."""
    if tid <= 0:
        raise Errno(errno.EINVAL)
    return _to_thread(kernel, task, 0, tid, number)


@call("tgkill")
def tgkill(kernel: Kernel, task: Task, tgid: CInt, tid: CInt, number: CInt) -> int:
    """tgkill(2)."""
    if tid <= 0 or tgid <= 0:
        raise Errno(errno.EINVAL)
    return _to_thread(kernel, task, tgid, tid, number)


def _to_thread(
    kernel: Kernel, task: Task, tgid: int, tid: int, number: int, sent: Signal | None = None
) -> int:
    """Source: do_send_specific()."""
    pids = task.namespaces.pids
    receiver = numbered(pids, tid)
    if tgid and receiver.group.leader.number_in(pids) != tgid:
        raise Errno(errno.ESRCH)
    sent = sent or from_user(task, receiver, number, SI_TKILL)
    send_to(kernel, task, receiver, sent, to_thread=True)
    return 0


@call("rt_sigqueueinfo")
def rt_sigqueueinfo(kernel: Kernel, task: Task, pid: CInt, number: CInt, info: Pointer) -> int:
    """rt_sigqueueinfo(2)."""
    sent = _told(task, number, info)
    pids = task.namespaces.pids
    if _is_reserved(sent.code) and task.number_in(pids) != pid:
        raise Errno(errno.EPERM)
    send_to(kernel, task, numbered(pids, pid), sent)
    return 0


@call("rt_tgsigqueueinfo")
def rt_tgsigqueueinfo(
    kernel: Kernel, task: Task, tgid: CInt, tid: CInt, number: CInt, info: Pointer
) -> int:
    """rt_tgsigqueueinfo(2)."""
    sent = _told(task, number, info)
    if tid <= 0 or tgid <= 0:
        raise Errno(errno.EINVAL)
    if _is_reserved(sent.code) and task.number_in(task.namespaces.pids) != tid:
        raise Errno(errno.EPERM)
    return _to_thread(kernel, task, tgid, tid, number, sent)


def _told(task: Task, number: int, info: int) -> Signal:
    """What a siginfo_t in memory says: si_code, si_pid, si_uid, si_value."""
    raw = task.memory.read(info, 128)
    fields = [int.from_bytes(raw[at : at + 4], "little", signed=True) for at in range(0, 32, 4)]
    value = int.from_bytes(raw[24:32], "little")
    return Signal(number, fields[2], fields[4], fields[5], value)


def _is_reserved(code: int) -> bool:
    """Whether only the kernel says so: si_code_reserved_to_kernel()."""
    return code >= 0 or code == SI_TKILL


# Pidfds


@call("pidfd_send_signal")
def pidfd_send_signal(
    kernel: Kernel, task: Task, fd: CInt, number: CInt, info: Pointer, flags: CUint
) -> int:
    """pidfd_send_signal(2)."""
    scopes = (0, PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP)
    if flags not in scopes:
        raise Errno(errno.EINVAL)
    file = pidfd(task, fd)
    receiver = file.task
    if not receiver.number_in(task.namespaces.pids):
        raise Errno(errno.EINVAL)
    to_thread = flags == PIDFD_SIGNAL_THREAD or (not flags and file.is_of_thread)
    sent = from_user(task, receiver, number, SI_TKILL if to_thread else SI_USER)
    if info:
        sent = _told(task, number, info)
        if task.memory.integer(info, 4, signed=True) != number:
            raise Errno(errno.EINVAL)
        is_other = receiver is not task or flags == PIDFD_SIGNAL_PROCESS_GROUP
        if is_other and _is_reserved(sent.code):
            raise Errno(errno.EPERM)
    if flags == PIDFD_SIGNAL_PROCESS_GROUP:
        members = signals.process_group(kernel, receiver.number)
        signals.send_to_all(kernel, task, members, number)
        return 0
    if not file.is_there:
        raise Errno(errno.ESRCH)
    send_to(kernel, task, receiver, sent, to_thread=to_thread)
    return 0


# What a task does with those that come


@call("rt_sigaction")
def rt_sigaction(
    kernel: Kernel, task: Task, number: CInt, new: Pointer, old: Pointer, size: CUlong
) -> int:
    """rt_sigaction(2), but for handlers, which are code."""
    if size != _MASK_SIZE:
        raise Errno(errno.EINVAL)
    action = task.memory.read(new, _ACTION_SIZE) if new else None
    forbidden = action is not None and number in (signal.SIGKILL, signal.SIGSTOP)
    if not 1 <= number <= signals.LAST or forbidden:
        raise Errno(errno.EINVAL)
    group = task.group
    was = group.handlers.get(number, bytes(_ACTION_SIZE))
    if action is not None:
        if int.from_bytes(action[:8], "little") > signals.SIG_IGN:
            raise NotModelled("signals: handlers")
        group.handlers[number] = action
        if signals.is_ignored(group, number):
            signals.flush(group, {number})
    if old:
        task.memory.write(old, was)
    return 0


@call("rt_sigprocmask")
def rt_sigprocmask(
    kernel: Kernel, task: Task, how: CInt, new: Pointer, old: Pointer, size: CUlong
) -> int:
    """rt_sigprocmask(2)."""
    if size != _MASK_SIZE:
        raise Errno(errno.EINVAL)
    was = task.blocked
    if new:
        mask = task.memory.integer(new, 8) & ~_UNBLOCKABLE
        if how == signal.SIG_BLOCK:
            task.blocked |= mask
        elif how == signal.SIG_UNBLOCK:
            task.blocked &= ~mask
        elif how == signal.SIG_SETMASK:
            task.blocked = mask
        else:
            raise Errno(errno.EINVAL)
    if old:
        task.memory.put(old, was, 8)
    signals.act(kernel, task)
    return 0


@call("rt_sigpending")
def rt_sigpending(kernel: Kernel, task: Task, mask: Pointer, size: CUlong) -> int:
    """rt_sigpending(2)."""
    if size > _MASK_SIZE:
        raise Errno(errno.EINVAL)
    numbers = {it.number for it in (*task.pending, *task.group.pending)}
    waiting = sum(map(bit, numbers)) & task.blocked
    task.memory.write(mask, waiting.to_bytes(8, "little")[:size])
    return 0


@call("rt_sigtimedwait")
def rt_sigtimedwait(
    kernel: Kernel, task: Task, mask: Pointer, info: Pointer, timeout: Pointer, size: CUlong
) -> int:
    """rt_sigtimedwait(2)."""
    if size != _MASK_SIZE:
        raise Errno(errno.EINVAL)
    wanted = task.memory.integer(mask, 8) & ~_UNBLOCKABLE
    patience = None
    if timeout:
        seconds = task.memory.integer(timeout, 8, signed=True)
        nanoseconds = task.memory.integer(timeout + 8, 8, signed=True)
        if seconds < 0 or not 0 <= nanoseconds < 10**9:
            raise Errno(errno.EINVAL)
        patience = seconds + nanoseconds / 10**9
    found = signals.take(task, wanted)
    if found is None:
        _wait(kernel, task, patience)
        raise Errno(errno.EAGAIN)
    if info:
        task.memory.write(info, _siginfo(found))
    return found.number


def _wait(kernel: Kernel, task: Task, patience: float | None) -> None:
    """Return if the patience of a waiting task is at its end."""
    if patience is None:
        raise Waits
    begun = kernel.clock if task.waiting_since is None else task.waiting_since
    if kernel.clock < begun + patience:
        raise Waits(begun + patience)


def _siginfo(it: Signal) -> bytes:
    """Of what the sender said; its layout is that of signals between processes."""
    head = [it.number, 0, it.code, 0, it.sender, it.uid]
    raw = b"".join((field & 0xFFFFFFFF).to_bytes(4, "little") for field in head)
    return (raw + it.value.to_bytes(8, "little")).ljust(128, b"\0")
