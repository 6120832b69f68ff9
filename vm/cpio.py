# SPDX-License-Identifier: MIT
"""Write cpio archives as the kernel unpacks them into its initramfs.

The same entries give the same bytes: no times, no owners but root, inode numbers counted.

Source: Documentation/driver-api/early-userspace/buffer-format.rst
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_BLOCK = 512
_MOST = (1 << 32) - 1
"""A field of the header has eight hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder of an archive; folders come before what is in them."""

    name: str
    """Its path, without a slash in front."""
    mode: int
    """As stat(2) has it in ``st_mode``: the kind and the permissions."""
    data: bytes = b""
    """Of a regular file alone."""


def folder(name: str, permissions: int = 0o755) -> Entry:
    """Return the entry of a folder."""
    return Entry(name, stat.S_IFDIR | permissions)


def file(name: str, data: bytes, permissions: int = 0o644) -> Entry:
    """Return the entry of a regular file."""
    return Entry(name, stat.S_IFREG | permissions, data)


def archive(entries: Iterable[Entry]) -> bytes:
    """Return an archive of these entries in the "newc" format, in whole blocks of 512 bytes.

    Raises:
        ValueError: A file is too large for the format (4 GiB).
    """
    written = bytearray()
    for number, entry in enumerate(entries):
        # By convention, a folder's second link is its own ".".
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        written += _record(entry.name, number, entry.mode, links, entry.data)
    # The kernel forgets inode numbers here, so that archives can follow each other.
    written += _record(_TRAILER, 0, 0, 1, b"")
    return bytes(_padded(written, _BLOCK))


def _record(name: str, inode: int, mode: int, links: int, data: bytes) -> bytearray:
    path = name.encode() + b"\0"
    if len(data) > _MOST:
        raise ValueError(f"{name}: {len(data)} bytes are too many for a cpio archive")
    # ino, mode, uid, gid, nlink, mtime, filesize, the device and that of a node, namesize, chksum
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = _MAGIC + b"".join(b"%08X" % field for field in fields)
    return _padded(_padded(bytearray(header + path), 4) + data, 4)


def _padded(data: bytearray, to: int) -> bytearray:
    return data + bytes(-len(data) % to)
