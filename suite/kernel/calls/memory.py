# SPDX-License-Identifier: MIT
"""mmap(2), munmap(2), mprotect(2).

Source: mm/mmap.c, mm/mprotect.c.
"""

from __future__ import annotations

import errno
import mmap as c

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.memory import LIMIT, PAGE
from suite.kernel.open_files import File
from suite.kernel.registry import CInt, CUlong, Pointer, call
from suite.kernel.tasks import Task

_MAP_SHARED_VALIDATE, _MAP_FIXED, _FIXED_NOREPLACE = 3, 0x10, 0x100000
_KINDS = 0xF
_PLACED = _MAP_FIXED | _FIXED_NOREPLACE
_MAP_POPULATE = 0x8000
_KNOWN = _KINDS | _PLACED | c.MAP_ANONYMOUS | _MAP_POPULATE
_MS_NOEXEC = 8


@call("mmap")
def mmap(
    kernel: Kernel, task: Task, address: Pointer, size: CUlong, protection: CUlong, flags: CUlong,
    fd: CInt, offset: CUlong,
) -> int:  # fmt: skip
    """mmap(2). Landlock has no say: a file was asked about when it was opened."""
    if offset % PAGE:
        raise Errno(errno.EINVAL)
    file = None if flags & c.MAP_ANONYMOUS else task.files.get(fd)
    if not size:
        raise Errno(errno.EINVAL)
    if flags & ~_KNOWN:
        raise NotModelled("memory: flags of mmap")
    size = (size + PAGE - 1) // PAGE * PAGE
    if size > LIMIT or address + size > LIMIT:
        raise Errno(errno.ENOMEM)
    memory = task.memory
    if flags & _PLACED:
        if address % PAGE:
            raise Errno(errno.EINVAL)
        if flags & _FIXED_NOREPLACE and memory.is_used(address, size):
            raise Errno(errno.EEXIST)
    kind = flags & _KINDS
    if kind not in (c.MAP_SHARED, c.MAP_PRIVATE, _MAP_SHARED_VALIDATE):
        raise Errno(errno.EINVAL)
    is_shared = kind != c.MAP_PRIVATE
    content = _content(file, offset, size, protection, is_shared=is_shared) if file else None
    if flags & _PLACED:
        memory.place(address, size, protection, content, is_shared=is_shared)
        return address
    return memory.map(size, protection, content, is_shared=is_shared)


def _content(file: File, offset: int, size: int, protection: int, *, is_shared: bool) -> bytearray:
    """The bytes of a file that are mapped. Source: do_mmap()."""
    if is_shared and protection & c.PROT_WRITE and not (file.writes and file.reads):
        raise Errno(errno.EACCES)
    if not file.reads:
        raise Errno(errno.EACCES)
    if file.path.mount.flags & _MS_NOEXEC and protection & c.PROT_EXEC:
        raise Errno(errno.EPERM)
    content = file.mapped(offset, size)
    return content if is_shared else bytearray(content)


@call("munmap")
def munmap(kernel: Kernel, task: Task, address: Pointer, size: CUlong) -> int:
    """munmap(2)."""
    if address % PAGE or not size or address + size > LIMIT:
        raise Errno(errno.EINVAL)
    task.memory.unmap(address, (size + PAGE - 1) // PAGE * PAGE)
    return 0


@call("mprotect")
def mprotect(kernel: Kernel, task: Task, address: Pointer, size: CUlong, protection: CUlong) -> int:
    """mprotect(2)."""
    if address % PAGE:
        raise Errno(errno.EINVAL)
    if size:
        task.memory.protect(address, (size + PAGE - 1) // PAGE * PAGE, protection)
    return 0
