# SPDX-License-Identifier: MIT
"""System calls about the machine: its names, its clocks, random numbers."""

from __future__ import annotations

import errno
import os
import struct

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task

_UTS_FIELD = 65
_REALTIME_AT_BOOT = 1_700_000_000
_CLOCKS = range(12)
_GRND = 7


@call("uname")
def uname(kernel: Kernel, task: Task, address: Pointer) -> int:
    """Tell names (struct new_utsname)."""
    fields = ("Linux", "landproof", kernel.release, "#1 SMP model", "x86_64", "(none)")
    task.memory.write(address, b"".join(it.encode().ljust(_UTS_FIELD, b"\0") for it in fields))
    return 0


@call("getrandom")
def getrandom(kernel: Kernel, task: Task, address: Pointer, size: CUlong, flags: CUint) -> int:
    """Give random bytes."""
    if flags & ~_GRND or flags & 6 == 6:
        raise Errno(errno.EINVAL)
    task.memory.write(address, os.urandom(min(size, 1 << 20)))
    return min(size, 1 << 20)


@call("clock_gettime")
def clock_gettime(kernel: Kernel, task: Task, clock: CInt, address: Pointer) -> int:
    """Tell the time since boot, or in the world."""
    if clock not in _CLOCKS:
        raise Errno(errno.EINVAL)
    seconds = kernel.clock + (_REALTIME_AT_BOOT if clock in (0, 5, 8, 11) else 0)
    whole = int(seconds)
    task.memory.write(address, struct.pack("<2q", whole, int((seconds - whole) * 10**9)))
    return 0


@call("clock_settime")
def clock_settime(kernel: Kernel, task: Task, clock: CInt, address: Pointer) -> int:
    """Set the clock of the machine, which nobody here looks at."""
    if clock != 0:
        raise Errno(errno.EINVAL)
    task.memory.read(address, 16)
    require(task.credentials, "SYS_TIME", kernel.user)
    return 0


@call("nanosleep")
def nanosleep(kernel: Kernel, task: Task, address: Pointer, _left: Pointer) -> int:
    """Wait for some time."""
    seconds, nanoseconds = struct.unpack("<2q", task.memory.read(address, 16))
    if seconds < 0 or not 0 <= nanoseconds < 10**9:
        raise Errno(errno.EINVAL)
    since = kernel.clock if task.waiting_since is None else task.waiting_since
    until = since + seconds + nanoseconds / 10**9
    if kernel.clock < until:
        raise Waits(until)
    return 0


@call("sync")
def sync(kernel: Kernel, task: Task) -> int:
    """Write what is only in memory, where all of it is, and stays."""
    return 0
