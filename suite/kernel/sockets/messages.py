# SPDX-License-Identifier: MIT
"""Messages as processes hand them over, and as sockets pass them on."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.tasks import Task

MOST_VECTORS = 1024
"""UIO_MAXIOV."""
ADDRESS_ROOM = 128
"""sizeof(struct sockaddr_storage)."""


@dataclass(slots=True)
class Message:
    """What is to be sent."""

    size: int
    data: Callable[[], bytes]
    """Copies it from the process; sockets do so after their other checks, as it may be EFAULT."""
    address: bytes | None = None
    """Where to, as it was copied from the process; b"" is an address of no byte."""
    flags: int = 0
    """MSG_*."""


@dataclass(slots=True)
class Packet:
    """What was received, or waits to be."""

    data: bytes
    address: bytes = b""
    """Of the sender, as recvfrom(2) gives it."""
    out_of_band: bool = False


def word_of(task: Task) -> int:
    """The bytes of a pointer of a task's calls."""
    return 4 if task.arch == "i386" else 8


def message_at(task: Task, at: int, flags: int) -> Message:
    """The message of sendmsg(2): a struct msghdr, whose address is looked at before its buffers.

    Source: net/socket.c, __copy_msghdr() and copy_msghdr_from_user().

    Raises:
        Errno: EFAULT, or EINVAL or EMSGSIZE of what no message may have.
    """
    word = word_of(task)
    raw = task.memory.read(at, 7 * word)
    name, _, vectors, count, _, control_size, _ = (
        int.from_bytes(raw[it : it + word], "little") for it in range(0, 7 * word, word)
    )
    room = int.from_bytes(raw[word : word + 4], "little", signed=True)
    if name and room < 0:
        raise Errno(errno.EINVAL)
    address = address_at(task, name, min(room, ADDRESS_ROOM)) if name and room else None
    if count > MOST_VECTORS:
        raise Errno(errno.EMSGSIZE)
    buffers = [
        (task.memory.integer(place, word), task.memory.integer(place + word, word))
        for place in range(vectors, vectors + 2 * word * count, 2 * word)
    ]
    if control_size:
        raise NotModelled("sockets: control messages")

    def gather() -> bytes:
        return b"".join(task.memory.read(*it) for it in buffers)

    return Message(sum(size for _, size in buffers), gather, address, flags)


def address_at(task: Task, at: int, size: int) -> bytes:
    """Copy an address from a process: net/socket.c, move_addr_to_kernel().

    Raises:
        Errno: EINVAL of a size that no address has, EFAULT.
    """
    if size < 0 or size > ADDRESS_ROOM:
        raise Errno(errno.EINVAL)
    return task.memory.read(at, size)


def put_address(task: Task, address: bytes, at: int, size_at: int) -> None:
    """Give an address to a process, as much as it has room for, and its whole size.

    Source: net/socket.c, move_addr_to_user().

    Raises:
        Errno: EFAULT; EINVAL if there is less room than none.
    """
    room = task.memory.integer(size_at, 4, signed=True)
    if room < 0:
        raise Errno(errno.EINVAL)
    task.memory.write(at, address[:room])
    task.memory.put(size_at, len(address), 4)
