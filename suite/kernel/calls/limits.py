# SPDX-License-Identifier: MIT
"""What a process may use, and when it runs: limits, priorities, timers.

Source: kernel/sys.c, kernel/sched/syscalls.c, block/ioprio.c, kernel/time.
"""

from __future__ import annotations

import errno
import resource
import signal

from suite.kernel.alarms import Alarm, alarms
from suite.kernel.capabilities import capable
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, Pointer, call
from suite.kernel.signals import LAST, numbered
from suite.kernel.tasks import Task
from suite.process.uapi import SIGEV_SIGNAL, SIGEV_THREAD_ID

_KINDS = 16
_KNOWN = {resource.RLIMIT_CORE, resource.RLIMIT_NOFILE}
"""The limits that are felt here when they are set."""
_MOST_FILES = 1 << 20
"""The sysctl fs.nr_open."""
_PRIO_PROCESS, _LEAST_NICE = 0, 19
_IOPRIO_WHO_PROCESS, _BEST_EFFORT, _IDLE = 1, 2, 3
_ITIMER_REAL, _CLOCKS = 0, {0, 1}


@call("prlimit64")
def prlimit64(
    kernel: Kernel, task: Task, pid: CInt, kind: CUint, new: Pointer, old: Pointer
) -> int:
    """prlimit64(2)."""
    wanted = None
    if new:
        wanted = task.memory.integer(new, 8), task.memory.integer(new + 8, 8)
    target = numbered(task.namespaces.pids, pid) if pid else task
    _require_alike(task, target)
    if kind >= _KINDS:
        raise Errno(errno.EINVAL)
    was = target.group.limits[kind]
    if wanted is not None:
        _set_limit(task, target, kind, wanted)
    if old:
        task.memory.put(old, was[0], 8)
        task.memory.put(old + 8, was[1], 8)
    return 0


def _require_alike(task: Task, target: Task) -> None:
    """Source: check_prlimit_permission()."""
    mine, theirs = task.credentials, target.credentials
    is_same = {mine.uid} == {theirs.uid, theirs.euid, theirs.suid} and {mine.gid} == {
        theirs.gid,
        theirs.egid,
        theirs.sgid,
    }
    if task is not target and not is_same and not capable(mine, "SYS_RESOURCE", theirs.user):
        raise Errno(errno.EPERM)


def _set_limit(task: Task, target: Task, kind: int, wanted: tuple[int, int]) -> None:
    """Source: do_prlimit()."""
    soft, hard = wanted
    if soft > hard:
        raise Errno(errno.EINVAL)
    if kind == resource.RLIMIT_NOFILE and hard > _MOST_FILES:
        raise Errno(errno.EPERM)
    was = target.group.limits[kind]
    if hard > was[1] and not task.credentials.effective >> 24 & 1:  # CAP_SYS_RESOURCE
        raise Errno(errno.EPERM)
    if kind not in _KNOWN and wanted != was and soft < was[0]:
        raise NotModelled("limits: one that is felt")
    target.group.limits[kind] = wanted
    if kind == resource.RLIMIT_NOFILE:
        target.files.most = soft


# When it runs


def _named(task: Task, pid: int) -> Task:
    return numbered(task.namespaces.pids, pid) if pid else task


def _require_owner(task: Task, target: Task, *, real_too: bool) -> None:
    """Source: set_one_prio_perm() and check_same_owner()."""
    mine, theirs = task.credentials, target.credentials
    if mine.euid in (theirs.euid, theirs.uid):
        return
    if real_too and mine.uid == theirs.uid:
        return
    if not capable(mine, "SYS_NICE", theirs.user):
        raise Errno(errno.EPERM)


@call("setpriority")
def setpriority(kernel: Kernel, task: Task, which: CInt, who: CInt, nice: CInt) -> int:
    """setpriority(2) of a process, to the least there is: nobody runs sooner or later here."""
    if not 0 <= which <= 2:
        raise Errno(errno.EINVAL)
    if which != _PRIO_PROCESS or nice < _LEAST_NICE:
        raise NotModelled("limits: priorities")
    target = _named(task, who)
    _require_owner(task, target, real_too=False)
    return 0


@call("sched_setaffinity")
def sched_setaffinity(kernel: Kernel, task: Task, pid: CInt, size: CUint, mask: Pointer) -> int:
    """sched_setaffinity(2); there is one processor."""
    wanted = task.memory.read(mask, min(size, 8))
    target = _named(task, pid)
    _require_owner(task, target, real_too=False)
    if not wanted or not wanted[0] & 1:
        raise Errno(errno.EINVAL)
    return 0


@call("sched_getscheduler")
def sched_getscheduler(kernel: Kernel, task: Task, pid: CInt) -> int:
    """sched_getscheduler(2): SCHED_OTHER."""
    if pid < 0:
        raise Errno(errno.EINVAL)
    _named(task, pid)
    return 0


@call("ioprio_set")
def ioprio_set(kernel: Kernel, task: Task, which: CInt, who: CInt, priority: CInt) -> int:
    """ioprio_set(2) of a process. Source: ioprio_check_cap() and set_task_ioprio()."""
    if which != _IOPRIO_WHO_PROCESS or priority >> 13 not in (_BEST_EFFORT, _IDLE):
        raise NotModelled("limits: priorities")
    target = _named(task, who)
    mine, theirs = task.credentials, target.credentials
    is_own = theirs.uid in (mine.euid, mine.uid)
    if not is_own and not capable(mine, "SYS_NICE", kernel.user):
        raise Errno(errno.EPERM)
    return 0


@call("membarrier")
def membarrier(kernel: Kernel, task: Task, command: CInt, flags: CUint, cpu: CInt) -> int:
    """membarrier(2): all calls are over in the order in which they were made."""
    return 0


# Timers


@call("setitimer")
def setitimer(kernel: Kernel, task: Task, which: CInt, new: Pointer, old: Pointer) -> int:
    """setitimer(2), of the real time, once."""
    if which != _ITIMER_REAL or old:
        raise NotModelled("limits: kinds of timers")
    words = [task.memory.integer(new + at, 8, signed=True) for at in range(0, 32, 8)]
    _arm(kernel, Alarm(task), words, 10**6)
    return 0


@call("timer_create")
def timer_create(kernel: Kernel, task: Task, clock: CInt, event: Pointer, timer: Pointer) -> int:
    """timer_create(2) with a signal for the process or for one of its threads."""
    if clock not in _CLOCKS or not event:
        raise NotModelled("limits: kinds of timers")
    number, kind, tid = (task.memory.integer(event + at, 4, signed=True) for at in (8, 12, 16))
    if kind not in (SIGEV_SIGNAL, SIGEV_THREAD_ID):
        raise NotModelled("limits: kinds of timers")
    receiver = task.group.leader
    if kind == SIGEV_THREAD_ID:
        named = task.namespaces.pids.tasks.get(tid)
        if named is None or named.group is not task.group:
            raise Errno(errno.EINVAL)
        receiver = named
    if not 0 < number <= LAST:
        raise Errno(errno.EINVAL)
    made = Alarm(receiver, signal.Signals(number), to_thread=kind == SIGEV_THREAD_ID)
    task.memory.put(timer, len(alarms(kernel)), 4)
    alarms(kernel).append(made)
    return 0


@call("timer_settime")
def timer_settime(
    kernel: Kernel, task: Task, timer: CInt, flags: CInt, new: Pointer, old: Pointer
) -> int:
    """timer_settime(2), once, from now on."""
    known = alarms(kernel)
    if not 0 <= timer < len(known) or known[timer].task.group is not task.group:
        raise Errno(errno.EINVAL)
    if flags or old:
        raise NotModelled("limits: kinds of timers")
    words = [task.memory.integer(new + at, 8, signed=True) for at in range(0, 32, 8)]
    _arm(kernel, known[timer], words, 10**9)
    return 0


def _arm(kernel: Kernel, alarm: Alarm, words: list[int], parts: int) -> None:
    """Let a timer expire once, after a value of seconds and parts of them.

    Args:
        kernel: The system.
        alarm: The timer.
        words: The interval, which has to be none, and the value, each of two words.
        parts: How many of the second ones a second has.
    """
    if words[0] or words[1]:
        raise NotModelled("limits: timers that go on")
    if words[2] < 0 or not 0 <= words[3] < parts:
        raise Errno(errno.EINVAL)
    if alarm not in alarms(kernel):
        alarms(kernel).append(alarm)
    after = words[2] + words[3] / parts
    alarm.when = kernel.clock + after if after else None
