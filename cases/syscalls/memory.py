# SPDX-License-Identifier: MIT
"""Memory that ends where nothing is mapped."""

import mmap

from suite.case import Pack, Process

_ADDRESS, _SIZE = 0x20000000, 0x10000  # a multiple of every architecture's page size
END = _ADDRESS + _SIZE
"""The first byte that is not there."""
UNMAPPED = 16
"""A pointer to nothing."""

_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10  # MAP_FIXED


def at_the_end(process: Process, size: int, data: bytes | Pack) -> int:
    """Put something of this size where the last byte is the last that is mapped."""
    writable = mmap.PROT_READ | mmap.PROT_WRITE
    process.syscall("mmap", _ADDRESS, 2 * _SIZE, writable, _FLAGS, -1, 0)
    process.syscall("munmap", END, _SIZE)
    process.poke(END - size, data)
    return END - size
