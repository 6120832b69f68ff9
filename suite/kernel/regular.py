# SPDX-License-Identifier: MIT
"""Open regular files and directories of file systems that keep all in memory."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import IN_MODIFY, Inode, tell
from suite.kernel.open_files import File

PAGE = 4096
MOST = 64 << 20
"""Bytes of a file. There is no case with a larger one."""


class Seekable(File):
    """What has a position that can be set (generic_file_llseek)."""

    def seek(self, offset: int, whence: int) -> int:
        """What lseek(2) does."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: len(self.inode.data)}
        if whence == os.SEEK_DATA:
            return self._to_data(offset)
        if whence not in starts:
            raise NotModelled("files: lseek for holes")
        if starts[whence] + offset < 0:
            raise Errno(errno.EINVAL)
        self.position = starts[whence] + offset
        return self.position

    def _to_data(self, offset: int) -> int:
        """SEEK_DATA where there is some: of zeros, nobody knows whether they were written.

        Source: shmem_file_llseek() in mm/shmem.c.
        """
        content = self.inode.data
        if not 0 <= offset < len(content):
            raise Errno(errno.ENXIO)
        page = offset // PAGE * PAGE
        if not any(content[page : page + PAGE]):
            raise NotModelled("files: lseek for data and holes")
        self.position = offset
        return offset


@dataclass(slots=True, eq=False, repr=False)
class Regular(Seekable):
    """An open regular file."""

    is_writer: bool = False
    """Whether it counts as one of ``Inode.writers`` (FMODE_WRITER): it was opened by its path."""

    def read_at(self, offset: int, size: int) -> bytes:
        """What pread(2) does."""
        return bytes(self.inode.data[offset : offset + size])

    def write_at(self, offset: int, data: bytes) -> int:
        """What pwrite(2) does, which appends with O_APPEND whatever the offset."""
        content = self.inode.data
        if self.flags & os.O_APPEND:
            offset = len(content)
        if data:
            resize(self.inode, max(len(content), offset + len(data)))
            content[offset : offset + len(data)] = data
            tell(IN_MODIFY, self.path)
        return len(data)

    def mapped(self, offset: int, size: int) -> bytearray:
        """As mmap(2); what is written beyond the end of the file is not looked at."""
        if offset:
            raise NotModelled("memory: a file from an offset on")
        return self.inode.data

    def read(self, size: int) -> bytes:
        """What read(2) does."""
        data = self.read_at(self.position, size)
        self.position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """What write(2) does."""
        if self.flags & os.O_APPEND:
            self.position = len(self.inode.data)
        self.position += self.write_at(self.position, data)
        return len(data)

    def release(self) -> None:
        """The last reference is gone."""
        if self.is_writer:
            self.inode.writers -= 1


class Directory(Seekable):
    """An open directory; its position is the number of an entry."""

    def seek(self, offset: int, whence: int) -> int:
        """What lseek(2) does, as on tmpfs: it knows no end (offset_dir_llseek)."""
        if whence not in (os.SEEK_SET, os.SEEK_CUR):
            raise Errno(errno.EINVAL)
        return super().seek(offset, whence)

    def read(self, size: int) -> bytes:
        """What read(2) does."""
        raise Errno(errno.EISDIR)

    def read_at(self, offset: int, size: int) -> bytes:
        """What pread(2) does."""
        raise Errno(errno.EISDIR)

    def write_at(self, offset: int, data: bytes) -> int:
        """What pwrite(2) does."""
        raise Errno(errno.EBADF)


def resize(inode: Inode, size: int) -> None:
    """Cut a file, or fill it with zeros."""
    if size > MOST:
        raise NotModelled("files: one that is larger than 64 MiB")
    content = inode.data
    del content[size:]
    content.extend(bytes(size - len(content)))


def deny_writing(inode: Inode) -> None:
    """Let nobody write to a program that runs (deny_write_access), until ``allow_writing``.

    Raises:
        Errno: ETXTBSY if it is open for writing.
    """
    if inode.writers > 0:
        raise Errno(errno.ETXTBSY)
    inode.writers -= 1


def allow_writing(inode: Inode) -> None:
    """Undo one ``deny_writing``."""
    inode.writers += 1


def require_no_program(inode: Inode) -> None:
    """A file that is not being executed (get_write_access).

    Raises:
        Errno: ETXTBSY.
    """
    if inode.writers < 0:
        raise Errno(errno.ETXTBSY)
