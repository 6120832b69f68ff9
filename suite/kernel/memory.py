# SPDX-License-Identifier: MIT
"""The memory of a process: what is mapped, and the buffers of the call that it makes."""

from __future__ import annotations

import bisect
import errno
from dataclasses import dataclass, field

from suite.kernel.errors import Errno

PAGE = 4096
_BUFFERS = 0x6000_0000_0000
_ROOM = 1 << 28
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


@dataclass(slots=True, eq=False)
class Memory:
    """An address space; threads share one."""

    regions: list[Region] = field(default_factory=list)
    """By address."""
    buffers: list[bytearray] = field(default_factory=list)
    """Of the operation that is performed now."""
    next_free: int = _MAPS

    def copy(self) -> Memory:
        """As fork(2) does; what is shared stays shared with ``Region.content`` (by the caller)."""
        regions = [
            Region(it.start, it.size, bytearray(it.content), it.protection, it.offset)
            for it in self.regions
        ]
        return Memory(regions, [], self.next_free)

    def address(self, buffer: int) -> int:
        """The address of a buffer of the operation."""
        return _BUFFERS + buffer * _ROOM

    def map(self, size: int, protection: int, content: bytearray | None = None) -> int:
        """Map so many bytes (whole pages) somewhere; the address. Pages around it stay free."""
        size = (size + PAGE - 1) // PAGE * PAGE
        start = self.next_free
        self.next_free += size + PAGE
        self.place(start, size, protection, content)
        return start

    def place(
        self, start: int, size: int, protection: int, content: bytearray | None = None
    ) -> None:
        """Map memory at an address, in place of what is there."""
        self.unmap(start, size)
        region = Region(start, size, bytearray(size) if content is None else content, protection)
        bisect.insort(self.regions, region, key=lambda it: it.start)

    def unmap(self, start: int, size: int) -> None:
        """Take the mapping of these bytes away; whole pages."""
        end, kept = start + size, []
        for it in self.regions:
            if it.start < start:
                size_before = min(it.size, start - it.start)
                kept.append(Region(it.start, size_before, it.content, it.protection, it.offset))
            if it.start + it.size > end:
                begin = max(it.start, end)
                kept.append(
                    Region(
                        begin,
                        it.start + it.size - begin,
                        it.content,
                        it.protection,
                        it.offset + begin - it.start,
                    )
                )
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
            offset, content = it.offset + begin - it.start, it.content
            self.unmap(begin, stop - begin)
            region = Region(begin, stop - begin, content, protection, offset)
            bisect.insort(self.regions, region, key=lambda it: it.start)

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
