# SPDX-License-Identifier: MIT
"""Calls that make open files without a path, and that wait for some.

Source: pipe(2), memfd_create(2), memfd_secret(2), eventfd(2), epoll_ctl(2), poll(2).
"""

from __future__ import annotations

import errno
import os
import struct
from select import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT

from suite.kernel import anonymous, pipes
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.tasks import Task

_O_NOTIFICATION_PIPE = os.O_EXCL
_MFD_CLOEXEC, _MFD_ALLOW_SEALING, _MFD_HUGETLB = 1, 2, 4
_MFD_NOEXEC_SEAL, _MFD_EXEC = 8, 16
_MFD_SIZE = 0x3F << 26
_LONGEST_NAME = 249
_EFD_SEMAPHORE = 1
_ADD, _DEL, _MOD = 1, 2, 3
_MOST_FILES = 1024


@call("pipe2")
def pipe2(kernel: Kernel, task: Task, ends: Pointer, flags: CInt) -> int:
    """Make a pipe."""
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK | os.O_DIRECT | _O_NOTIFICATION_PIPE):
        raise Errno(errno.EINVAL)
    if flags & (_O_NOTIFICATION_PIPE | os.O_DIRECT):
        raise NotModelled("pipes: packets")
    task.memory.write(ends, task.memory.read(ends, 8))
    closes = bool(flags & os.O_CLOEXEC)
    files = pipes.new(kernel, task, flags & os.O_NONBLOCK)
    numbers = [task.files.add(it, closes_on_exec=closes) for it in files]
    task.memory.write(ends, struct.pack("<2i", *numbers))
    return 0


@call("pipe")
def pipe(kernel: Kernel, task: Task, ends: Pointer) -> int:
    """Make a pipe without flags."""
    return pipe2(kernel, task, ends, 0)


@call("memfd_create")
def memfd_create(kernel: Kernel, task: Task, name: Pointer, flags: CUint) -> int:
    """Make a file in memory."""
    known = _MFD_CLOEXEC | _MFD_ALLOW_SEALING | _MFD_NOEXEC_SEAL | _MFD_EXEC | _MFD_HUGETLB
    if flags & ~(known | (_MFD_SIZE if flags & _MFD_HUGETLB else 0)):
        raise Errno(errno.EINVAL)
    if flags & (_MFD_EXEC | _MFD_NOEXEC_SEAL) == _MFD_EXEC | _MFD_NOEXEC_SEAL:
        raise Errno(errno.EINVAL)
    if flags & (_MFD_ALLOW_SEALING | _MFD_NOEXEC_SEAL | _MFD_SIZE):
        raise NotModelled("files: sealed memory files")
    try:
        text = task.memory.string(name, _LONGEST_NAME + 1)
    except Errno as error:
        number = errno.EINVAL if error.number == errno.ENAMETOOLONG else error.number
        raise Errno(number) from None
    file = anonymous.memory_file(kernel, task, text, has_huge_pages=bool(flags & _MFD_HUGETLB))
    return task.files.add(file, closes_on_exec=bool(flags & _MFD_CLOEXEC))


@call("memfd_secret")
def memfd_secret(kernel: Kernel, task: Task, flags: CUint) -> int:
    """Make a file in memory that only processes see which have mapped it."""
    if flags & ~os.O_CLOEXEC:
        raise Errno(errno.EINVAL)
    file = anonymous.secret_file(kernel, task)
    return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))


@call("eventfd2")
def eventfd2(kernel: Kernel, task: Task, count: CUint, flags: CInt) -> int:
    """Make a counter."""
    if flags & ~(_EFD_SEMAPHORE | os.O_CLOEXEC | os.O_NONBLOCK):
        raise Errno(errno.EINVAL)
    file = anonymous.event_file(
        kernel, task, count, flags & os.O_NONBLOCK, is_semaphore=bool(flags & _EFD_SEMAPHORE)
    )
    return task.files.add(file, closes_on_exec=bool(flags & os.O_CLOEXEC))


@call("epoll_create1")
def epoll_create1(kernel: Kernel, task: Task, flags: CInt) -> int:
    """Make a set of files to wait for."""
    if flags & ~os.O_CLOEXEC:
        raise Errno(errno.EINVAL)
    file = anonymous.epoll_file(kernel, task)
    return task.files.add(file, closes_on_exec=bool(flags))


@call("epoll_ctl")
def epoll_ctl(
    kernel: Kernel, task: Task, fd: CInt, operation: CInt, of: CInt, event: Pointer
) -> int:
    """Change the set; nothing here waits for one (do_epoll_ctl)."""
    events = 0 if operation == _DEL else task.memory.integer(event, 12) & 0xFFFFFFFF
    epoll, file = task.files.get(fd), task.files.get(of)
    if not anonymous.can_wait(file):
        raise Errno(errno.EPERM)
    if file is epoll or not isinstance(epoll, anonymous.EpollFile):
        raise Errno(errno.EINVAL)
    key = (of, file)
    if operation not in (_ADD, _DEL, _MOD):
        raise Errno(errno.EINVAL)
    if (operation == _ADD) == (key in epoll.watched):
        raise Errno(errno.EEXIST if operation == _ADD else errno.ENOENT)
    if operation == _DEL:
        del epoll.watched[key]
    else:
        epoll.watched[key] = events | POLLERR | POLLHUP
    return 0


@call("ppoll")
def ppoll(
    kernel: Kernel, task: Task, address: Pointer, count: CUint, timeout: Pointer, mask: Pointer,
    size: CUlong,
) -> int:  # fmt: skip
    """Wait until a file is ready, or for some time."""
    if mask:
        raise NotModelled("files: ppoll with a mask of signals")
    until = _until(kernel, task, timeout)
    if count > _MOST_FILES:
        raise Errno(errno.EINVAL)
    found = 0
    for at in range(address, address + 8 * count, 8):
        fd, wanted, _ = struct.unpack("<ihh", task.memory.read(at, 8))
        ready = _ready(task, fd, wanted)
        task.memory.write(at + 6, struct.pack("<h", ready))
        found += bool(ready)
    if not found and (until is None or kernel.clock < until):
        raise Waits(until)
    return found


def _ready(task: Task, fd: int, wanted: int) -> int:
    """What holds of one file (do_pollfd); it is always ready if it knows not to say."""
    slot = task.files.slots.get(fd)
    if fd < 0:
        return 0
    if slot is None or slot.file.is_path:
        return POLLNVAL
    always = POLLIN | POLLOUT
    ready = slot.file.poll() if anonymous.can_wait(slot.file) else always
    return ready & (wanted | POLLERR | POLLHUP)


def _until(kernel: Kernel, task: Task, timeout: int) -> float | None:
    """When a time-out is over, by the kernel's clock."""
    if not timeout:
        return None
    seconds, nanoseconds = struct.unpack("<2q", task.memory.read(timeout, 16))
    if seconds < 0 or not 0 <= nanoseconds < 10**9:
        raise Errno(errno.EINVAL)
    since = kernel.clock if task.waiting_since is None else task.waiting_since
    return float(since + seconds + nanoseconds / 10**9)
