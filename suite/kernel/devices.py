# SPDX-License-Identifier: MIT
"""Device files: what stands behind their numbers, and the file systems that hold them.

Source: Documentation/admin-guide/devices.txt; drivers/char/mem.c, drivers/char/random.c.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Path, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import OPENERS, Special, add
from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.process.calls.ioctls import RNDADDENTROPY, RNDGETENTCNT, RNDRESEEDCRNG

_ENTROPY_BITS = 256
_NOTICE = 5
"""The level of messages (KERN_NOTICE): there are no others here."""
DRIVERS: dict[int, Callable[[Path, int, Task], File]] = {}
"""Of character devices, by number: what makes an open file, given path, flags and who opens."""
MAJORS: dict[int, Callable[[Path, int, Task], File]] = {}
"""And of those of which each minor number is one more of the same."""
NAMES: dict[str, tuple[int, int]] = {}
"""What /dev has: permissions and number, by name."""


@dataclass(slots=True, eq=False, repr=False)
class Null(Special):
    """/dev/null: reads nothing, takes everything."""

    def read(self, size: int) -> bytes:
        """Nothing."""
        return b""

    def write(self, data: bytes) -> int:
        """Forget it."""
        return len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        """As at the position, of which it has none."""
        return self.read(size)

    def write_at(self, offset: int, data: bytes) -> int:
        """As at the position, of which it has none."""
        return self.write(data)

    def seek(self, offset: int, whence: int) -> int:
        """Stay at the beginning (null_lseek)."""
        self.position = 0
        return 0


@dataclass(slots=True, eq=False, repr=False)
class Zero(Null):
    """/dev/zero: zeros without an end."""

    def read(self, size: int) -> bytes:
        """Zeros."""
        return bytes(size)


@dataclass(slots=True, eq=False, repr=False)
class Full(Zero):
    """/dev/full: has no room."""

    def write(self, data: bytes) -> int:
        """Fail."""
        raise Errno(errno.ENOSPC)


@dataclass(slots=True, eq=False, repr=False)
class Random(Null):
    """/dev/random and /dev/urandom."""

    def read(self, size: int) -> bytes:
        """As many bytes as are asked for."""
        return os.urandom(size)

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """Tell of entropy, or take some (random_ioctl)."""
        if command == RNDGETENTCNT:
            task.memory.write(argument, struct.pack("<i", _ENTROPY_BITS))
        elif command in (RNDADDENTROPY, RNDRESEEDCRNG):
            require(task.credentials, "SYS_ADMIN", kernel.user)
        else:
            raise Errno(errno.EINVAL)
        return 0


@dataclass(slots=True, eq=False, repr=False)
class Messages(Special):
    """/dev/kmsg: what the kernel printed, a message a read. The position counts messages.

    Source: Documentation/ABI/testing/dev-kmsg; devkmsg_read() in kernel/printk/printk.c.
    """

    printed: list[tuple[float, str]] = field(default_factory=list)

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Begin with the first message."""
        self.printed = kernel.printed

    def read(self, size: int) -> bytes:
        """The next message."""
        if self.position >= len(self.printed):
            if self.flags & os.O_NONBLOCK:
                raise Errno(errno.EAGAIN)
            raise Waits
        at, text = self.printed[self.position]
        shown = f"{_NOTICE},{self.position},{int(at * 1e6)},-;{text}\n"
        line = shown.encode("utf-8", "surrogateescape")
        if len(line) > size:
            raise Errno(errno.EINVAL)
        self.position += 1
        return line

    def seek(self, offset: int, whence: int) -> int:
        """To the first message, or behind the last one (devkmsg_llseek)."""
        if offset:
            raise Errno(errno.ESPIPE)
        if whence not in (os.SEEK_SET, os.SEEK_END):
            raise NotModelled("files: lseek in the kernel's messages")
        self.position = 0 if whence == os.SEEK_SET else len(self.printed)
        return 0


@dataclass(slots=True, eq=False, repr=False)
class Missing(Special):
    """A number behind which there is no driver: it can't be opened."""

    def opened(self, kernel: Kernel, task: Task) -> None:
        """Say so, after Landlock was asked (chrdev_open, blkdev_open)."""
        raise Errno(errno.ENXIO)


def open_character(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    """An open character device."""
    number = path.inode.device
    make = DRIVERS.get(number) or MAJORS.get(os.major(number))
    if make is None:
        return Missing(path, flags, task.credentials)
    return make(path, flags, task)


def open_block(kernel: Kernel, task: Task, path: Path, flags: int) -> File:
    """No block device has a driver here."""
    return Missing(path, flags, task.credentials)


def have(name: str, major: int, minor: int, make: type[File], mode: int = 0o666) -> None:
    """Have a character device in /dev."""
    number = os.makedev(major, minor)
    NAMES[name] = mode, number
    DRIVERS[number] = lambda path, flags, task: make(path, flags, task.credentials)


def fill(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    """Put the devices into a file system for /dev."""
    for name, (mode, number) in NAMES.items():
        add(made.root, name, stat.S_IFCHR | mode, device=number)
    add(made.root, "fd", stat.S_IFLNK | 0o777).inode.data += b"/proc/self/fd"
    add(made.root, "pts", stat.S_IFDIR | 0o755)


have("console", 5, 1, Null, 0o600)
have("null", 1, 3, Null)
have("zero", 1, 5, Zero)
have("full", 1, 7, Full)
have("random", 1, 8, Random)
have("urandom", 1, 9, Random)
have("kmsg", 1, 11, Messages, 0o644)
OPENERS[stat.S_IFCHR] = open_character
OPENERS[stat.S_IFBLK] = open_block
register(Kind("devtmpfs", 0o755, fill, in_user_namespaces=False, is_shared=True))
