# SPDX-License-Identifier: MIT
"""The memory of a process: what is mapped, and the buffers of the call that it makes."""

from __future__ import annotations

import bisect
import errno
from dataclasses import dataclass, field

from suite.kernel.errors import Errno
from suite.kernel.inodes import Inode

PAGE = 4096
LIMIT = (1 << 47) - PAGE
"""TASK_SIZE: no process has memory from here on."""
_BUFFERS = 0x1000_0000
"""Low enough for addresses of i386, which have 4 bytes in structs."""
_ROOM = 1 << 26
"""Each buffer of a call has so many bytes of addresses; the largest frame is 64 MiB."""
_MAPS = 0x7000_0000_0000
READ, WRITE = 1, 2
"""PROT_READ, PROT_WRITE."""


@dataclass(slots=True)
class Region:
    """Mapped memory. ``content`` may be shared by several regions (MAP_SHARED, io_uring)."""

    start: int
    size: int
    content: bytearray
    protection: int
    offset: int = 0
    """Of ``start`` in ``content``."""
    is_shared: bool = False
    """MAP_SHARED: a child of fork(2) has the same bytes, not a copy."""

    def part(self, start: int, end: int) -> Region:
        """The same memory between two addresses."""
        offset = self.offset + start - self.start
        return Region(start, end - start, self.content, self.protection, offset, self.is_shared)


@dataclass(slots=True, eq=False, repr=False)
class Memory:
    """An address space; threads share one."""

    regions: list[Region] = field(default_factory=list)
    """By address."""
    buffers: list[bytearray] = field(default_factory=list)
    """Of the operation that is performed now."""
    next_free: int = _MAPS
    users: int = 1
    """How many tasks have it."""
    program: Inode | None = None
    """What runs in it, to which nobody may write meanwhile (mm->exe_file)."""

    def copy(self) -> Memory:
        """As fork(2) does."""
        regions = [it.part(it.start, it.start + it.size) for it in self.regions]
        for it in regions:
            if not it.is_shared:
                it.content = bytearray(it.content)
        return Memory(regions, [], self.next_free, program=self.program)

    def address(self, buffer: int) -> int:
        """The address of a buffer of the operation."""
        return _BUFFERS + buffer * _ROOM

    def map(
        self,
        size: int,
        protection: int,
        content: bytearray | None = None,
        *,
        is_shared: bool = False,
    ) -> int:
        """Map so many bytes (whole pages) somewhere; the address. Pages around it stay free."""
        size = (size + PAGE - 1) // PAGE * PAGE
        start = self.next_free
        self.next_free += size + PAGE
        self.place(start, size, protection, content, is_shared=is_shared)
        return start

    def place(
        self,
        start: int,
        size: int,
        protection: int,
        content: bytearray | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        """Map memory at an address, in place of what is there."""
        self.unmap(start, size)
        data = bytearray(size) if content is None else content
        region = Region(start, size, data, protection, is_shared=is_shared)
        bisect.insort(self.regions, region, key=lambda it: it.start)

    def unmap(self, start: int, size: int) -> None:
        """Take the mapping of these bytes away; whole pages."""
        end, kept = start + size, []
        for it in self.regions:
            stop = it.start + it.size
            if it.start < start:
                kept.append(it.part(it.start, min(stop, start)))
            if stop > end:
                kept.append(it.part(max(it.start, end), stop))
        self.regions = sorted(kept, key=lambda it: it.start)

    def protect(self, start: int, size: int, protection: int) -> None:
        """As mprotect(2).

        Raises:
            Errno: ENOMEM where nothing is mapped.
        """
        end = start + size
        covered = [it for it in self.regions if it.start < end and it.start + it.size > start]
        if not covered:
            raise Errno(errno.ENOMEM)
        for it in covered:
            begin, stop = max(it.start, start), min(it.start + it.size, end)
            region = it.part(begin, stop)
            region.protection = protection
            self.unmap(begin, stop - begin)
            bisect.insort(self.regions, region, key=lambda it: it.start)

    def is_used(self, start: int, size: int) -> bool:
        """Whether anything is mapped in this range."""
        return any(it.start < start + size and it.start + it.size > start for it in self.regions)

    def is_mapped(self, start: int, size: int) -> bool:
        """Whether all of this range is mapped."""
        end = start + size
        for it in self.regions:
            if it.start <= start < it.start + it.size:
                start = it.start + it.size
        return start >= end

    def read(self, address: int, size: int) -> bytes:
        """Copy from the process.

        Raises:
            Errno: EFAULT.
        """
        if not size:
            return b""
        at = address - _BUFFERS
        if 0 <= at < len(self.buffers) * _ROOM:
            buffer, offset = self.buffers[at // _ROOM], at % _ROOM
            if offset + size <= len(buffer):
                return bytes(buffer[offset : offset + size])
            raise Errno(errno.EFAULT)
        parts, end = [], address + size
        while address < end:
            it = self._region(address, READ)
            offset = it.offset + address - it.start
            count = min(end, it.start + it.size) - address
            parts.append(bytes(it.content[offset : offset + count]).ljust(count, b"\0"))
            address += count
        return b"".join(parts)

    def write(self, address: int, data: bytes) -> None:
        """Copy to the process.

        Raises:
            Errno: EFAULT; what was before the fault is written.
        """
        at = address - _BUFFERS
        if 0 <= at < len(self.buffers) * _ROOM:
            buffer, offset = self.buffers[at // _ROOM], at % _ROOM
            if offset + len(data) > len(buffer):
                raise Errno(errno.EFAULT)
            buffer[offset : offset + len(data)] = data
            return
        while data:
            it = self._region(address, WRITE)
            offset = it.offset + address - it.start
            count = min(len(data), it.start + it.size - address)
            if len(it.content) < offset + count:
                it.content.extend(bytes(offset + count - len(it.content)))
            it.content[offset : offset + count] = data[:count]
            address, data = address + count, data[count:]

    def string(self, address: int, most: int = 4096) -> str:
        """A path, or another string that ends with a zero byte.

        Raises:
            Errno: EFAULT; ENAMETOOLONG if no zero byte is among the first ``most``.
        """
        at = address - _BUFFERS
        if 0 <= at < len(self.buffers) * _ROOM:
            buffer, offset = self.buffers[at // _ROOM], at % _ROOM
            end = buffer.find(0, offset, offset + most)
            if end >= 0:
                return buffer[offset:end].decode("utf-8", "surrogateescape")
            raise Errno(errno.EFAULT if len(buffer) - offset < most else errno.ENAMETOOLONG)
        data = bytearray()
        while len(data) < most:
            byte = self.read(address + len(data), 1)
            if byte == b"\0":
                return data.decode("utf-8", "surrogateescape")
            data += byte
        raise Errno(errno.ENAMETOOLONG)

    def integer(self, address: int, width: int, *, signed: bool = False) -> int:
        """An integer of so many bytes."""
        return int.from_bytes(self.read(address, width), "little", signed=signed)

    def put(self, address: int, value: int, width: int) -> None:
        """Write an integer of so many bytes."""
        self.write(address, (value & ((1 << 8 * width) - 1)).to_bytes(width, "little"))

    def _region(self, address: int, protection: int) -> Region:
        number = bisect.bisect(self.regions, address, key=lambda it: it.start) - 1
        if number >= 0:
            it = self.regions[number]
            if it.start <= address < it.start + it.size and it.protection & protection:
                return it
        raise Errno(errno.EFAULT)
