# SPDX-License-Identifier: MIT
"""Calls that read and write through descriptors. Source: fs/read_write.c, fs/open.c of Linux."""

from __future__ import annotations

import errno
import os
import stat

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.open_files import File
from suite.kernel.permissions import require_access, require_writable
from suite.kernel.registry import CInt, CLong, CUint, CUlong, Pointer, call
from suite.kernel.regular import Directory, Regular, require_no_program, resize
from suite.kernel.tasks import Task
from suite.kernel.walk import path_of, resolve
from suite.process.uapi import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE

_MOST = 0x7FFFF000
"""Bytes that a call reads or writes at most (MAX_RW_COUNT)."""
_MOST_VECTORS = 1024
_SPLICE_FLAGS, _MOST_SPLICED = 0xF, 65536
_MODES = 0xFF
"""FALLOC_FL_* that there are."""


def readable(task: Task, fd: int) -> File:
    """An open file that was opened to be read.

    Raises:
        Errno: EBADF.
    """
    file = task.files.get(fd)
    if not file.reads:
        raise Errno(errno.EBADF)
    return file


def writable(task: Task, fd: int) -> File:
    """An open file that was opened to be written.

    Raises:
        Errno: EBADF; EINVAL if nothing of its kind can be.
    """
    file = task.files.get(fd)
    if not file.writes:
        raise Errno(errno.EBADF)
    if type(file).write is File.write:  # before what is to be written is copied
        raise Errno(errno.EINVAL)
    return file


@call("read")
def read(kernel: Kernel, task: Task, fd: CUint, buffer: Pointer, size: CUlong) -> int:
    """read(2)."""
    file = readable(task, fd)
    return _put(task, file.read(min(size, _MOST)), [(buffer, size)])


@call("write")
def write(kernel: Kernel, task: Task, fd: CUint, buffer: Pointer, size: CUlong) -> int:
    """write(2)."""
    file = writable(task, fd)
    return file.write(task.memory.read(buffer, min(size, _MOST)))


@call("pread64")
def pread64(
    kernel: Kernel, task: Task, fd: CUint, buffer: Pointer, size: CUlong, offset: CLong
) -> int:
    """pread(2)."""
    if offset < 0:
        raise Errno(errno.EINVAL)
    if type(task.files.get(fd)).read_at is File.read_at:
        raise Errno(errno.ESPIPE)
    file = readable(task, fd)
    return _put(task, file.read_at(offset, min(size, _MOST)), [(buffer, size)])


@call("pwrite64")
def pwrite64(
    kernel: Kernel, task: Task, fd: CUint, buffer: Pointer, size: CUlong, offset: CLong
) -> int:
    """pwrite(2)."""
    if offset < 0:
        raise Errno(errno.EINVAL)
    if type(task.files.get(fd)).write_at is File.write_at:
        raise Errno(errno.ESPIPE)
    file = writable(task, fd)
    return file.write_at(offset, task.memory.read(buffer, min(size, _MOST)))


@call("readv")
def readv(kernel: Kernel, task: Task, fd: CUint, vectors: Pointer, count: CUlong) -> int:
    """readv(2)."""
    file = readable(task, fd)
    ranges = vectors_of(task, vectors, count)
    return _put(task, file.read(sum(size for _, size in ranges)), ranges)


@call("writev")
def writev(kernel: Kernel, task: Task, fd: CUint, vectors: Pointer, count: CUlong) -> int:
    """writev(2)."""
    file = writable(task, fd)
    ranges = vectors_of(task, vectors, count)
    return file.write(b"".join(task.memory.read(*it) for it in ranges))


def vectors_of(task: Task, vectors: int, count: int) -> list[tuple[int, int]]:
    """The (address, size) pairs of an array of struct iovec.

    Raises:
        Errno: EINVAL, EFAULT.
    """
    if count > _MOST_VECTORS:
        raise Errno(errno.EINVAL)
    width = 4 if task.arch == "i386" else 8
    words = [task.memory.integer(vectors + at * width, width) for at in range(2 * count)]
    return list(zip(words[::2], words[1::2], strict=True))


def _put(task: Task, data: bytes, ranges: list[tuple[int, int]]) -> int:
    """Write what was read to these (address, size) ranges; how much it is."""
    at = 0
    for address, size in ranges:
        task.memory.write(address, data[at : at + size])
        at += size
    return len(data)


@call("lseek")
def lseek(kernel: Kernel, task: Task, fd: CUint, offset: CLong, whence: CUint) -> int:
    """lseek(2)."""
    return task.files.get(fd).seek(offset, whence)


@call("truncate")
def truncate(kernel: Kernel, task: Task, path: Pointer, size: CLong) -> int:
    """truncate(2) (vfs_truncate)."""
    if size < 0:
        raise Errno(errno.EINVAL)
    found = resolve(kernel, task, path_of(task, path))
    inode = found.inode
    if inode.kind != stat.S_IFREG:
        raise Errno(errno.EISDIR if inode.is_dir else errno.EINVAL)
    require_access(kernel, task, inode, os.W_OK)
    require_writable(found.mount)
    require_no_program(inode)
    kernel.hooks.path_truncate(task, found)
    resize(inode, size)
    return 0


@call("ftruncate")
def ftruncate(kernel: Kernel, task: Task, fd: CUint, size: CLong) -> int:
    """ftruncate(2)."""
    if size < 0:
        raise Errno(errno.EINVAL)
    file = task.files.get(fd)
    if file.inode.kind != stat.S_IFREG or not file.writes:
        raise Errno(errno.EINVAL)
    kernel.hooks.file_truncate(task, file)
    resize(file.inode, size)
    return 0


@call("truncate64")
def truncate64(kernel: Kernel, task: Task, path: Pointer, low: CUint, high: CUint) -> int:
    """truncate64(2) of i386."""
    return truncate(kernel, task, path, _glued(low, high))


@call("ftruncate64")
def ftruncate64(kernel: Kernel, task: Task, fd: CUint, low: CUint, high: CUint) -> int:
    """ftruncate64(2) of i386."""
    return ftruncate(kernel, task, fd, _glued(low, high))


def _glued(low: int, high: int) -> int:
    """A signed integer of 64 bits, as two registers of i386 have it."""
    value = high << 32 | low
    return value - (1 << 64) if value >> 63 else value


@call("fallocate")
def fallocate(kernel: Kernel, task: Task, fd: CInt, mode: CInt, offset: CLong, size: CLong) -> int:
    """fallocate(2) (vfs_fallocate), as tmpfs has it: it can allocate and punch holes."""
    file = task.files.get(fd)
    if offset < 0 or size <= 0:
        raise Errno(errno.EINVAL)
    action = mode & ~FALLOC_FL_KEEP_SIZE
    if action & ~_MODES or action.bit_count() > 1:
        raise Errno(errno.EOPNOTSUPP)
    if action == FALLOC_FL_PUNCH_HOLE and not mode & FALLOC_FL_KEEP_SIZE:
        raise Errno(errno.EOPNOTSUPP)
    if not file.writes:
        raise Errno(errno.EBADF)
    kind = file.inode.kind
    if kind != stat.S_IFREG:
        wrong = {stat.S_IFIFO: errno.ESPIPE, stat.S_IFDIR: errno.EISDIR}
        raise Errno(wrong.get(kind, errno.ENODEV))
    if action not in (0, FALLOC_FL_PUNCH_HOLE):
        raise Errno(errno.EOPNOTSUPP)
    content = file.inode.data
    if action:
        content[offset : offset + size] = bytes(len(content[offset : offset + size]))
    elif not mode & FALLOC_FL_KEEP_SIZE:
        resize(file.inode, max(len(content), offset + size))
    return 0


@call("sendfile", "sendfile64")
def sendfile(
    kernel: Kernel, task: Task, out: CInt, source: CInt, offset: Pointer, size: CUlong
) -> int:
    """sendfile(2) of a file; the offset, if there is one, has 8 bytes (do_sendfile)."""
    file, receiver = readable(task, source), writable(task, out)
    if not isinstance(file, Regular):
        raise Errno(errno.EINVAL)
    if receiver.flags & os.O_APPEND:
        raise Errno(errno.EINVAL)
    if receiver.inode is file.inode:
        raise NotModelled("files: sendfile of a file to itself")
    begin = task.memory.integer(offset, 8) if offset else file.position
    count = receiver.write(file.read_at(begin, min(size, _MOST)))
    if offset:
        task.memory.put(offset, begin + count, 8)
    else:
        file.position += count
    return count


@call("copy_file_range")
def copy_file_range(
    kernel: Kernel,
    task: Task,
    source: CInt,
    offset: Pointer,
    out: CInt,
    out_offset: Pointer,
    size: CUlong,
    flags: CUint = 0,
) -> int:
    """copy_file_range(2)."""
    file, receiver = task.files.get(source), task.files.get(out)
    if flags:
        raise Errno(errno.EINVAL)
    for it in (file, receiver):
        if isinstance(it, Directory):
            raise Errno(errno.EISDIR)
        if not isinstance(it, Regular):
            raise Errno(errno.EINVAL)
    if not file.reads or not receiver.writes or receiver.flags & os.O_APPEND:
        raise Errno(errno.EBADF)
    if file.inode.superblock is not receiver.inode.superblock:
        raise Errno(errno.EXDEV)
    begin = task.memory.integer(offset, 8) if offset else file.position
    to = task.memory.integer(out_offset, 8) if out_offset else receiver.position
    data = file.read_at(begin, min(size, _MOST))
    if file.inode is receiver.inode and begin < to + len(data) and to < begin + len(data):
        raise Errno(errno.EINVAL)
    count = receiver.write_at(to, data)
    for it, address, reached in ((file, offset, begin), (receiver, out_offset, to)):
        if address:
            task.memory.put(address, reached + count, 8)
        else:
            it.position = reached + count
    return count


@call("splice")
def splice(
    kernel: Kernel,
    task: Task,
    source: CInt,
    offset: Pointer,
    out: CInt,
    out_offset: Pointer,
    size: CUlong,
    flags: CUint,
) -> int:
    """splice(2) between a pipe and a file (do_splice)."""
    if flags & ~_SPLICE_FLAGS:
        raise Errno(errno.EINVAL)
    if not size:
        return 0
    file, receiver = readable(task, source), writable(task, out)
    pipes = [it.inode.kind == stat.S_IFIFO for it in (file, receiver)]
    if not any(pipes):
        raise Errno(errno.EINVAL)
    if (pipes[0] and offset) or (pipes[1] and out_offset):
        raise Errno(errno.ESPIPE)
    if offset or out_offset or not (pipes[0] or isinstance(file, Regular)):
        raise NotModelled("files: splice from other files, or with an offset")
    if receiver.flags & os.O_APPEND:
        raise Errno(errno.EINVAL)
    return receiver.write(file.read(min(size, _MOST_SPLICED)))


@call("fsync", "fdatasync")
def fsync(kernel: Kernel, task: Task, fd: CUint) -> int:
    """fsync(2)."""
    if task.files.get(fd).inode.kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise Errno(errno.EINVAL)
    return 0
