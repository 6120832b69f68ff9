# SPDX-License-Identifier: MIT
"""io_uring: rings, and what is submitted to them. Source: io_uring(7); io_uring/ of Linux.

All operations end at once, since nothing here takes time. They do what the system calls do that
they are named after, with the credentials of who submits them, of a registered personality, or,
where a kernel thread polls, of who made the ring.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from socket import MSG_DONTWAIT, MSG_NOSIGNAL

from suite.kernel.credentials import Credentials
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.open_files import File
from suite.kernel.registry import CALLS
from suite.kernel.sockets import requests
from suite.kernel.sockets.base import send
from suite.kernel.sockets.messages import Message, address_at, message_at
from suite.kernel.tasks import Task
from suite.process.calls.uring import SETUP_SQPOLL, Op

PAGE = 4096
ENTRY, COMPLETION = 64, 16
"""sizeof(struct io_uring_sqe), sizeof(struct io_uring_cqe)."""
SQ_HEAD, SQ_TAIL, CQ_TAIL, CQES = 0, 4, 12, 64
"""Where things are in a ring."""
NULL_DEVICE = 1 << 8 | 3


@dataclass(slots=True, eq=False, repr=False)
class Ring(File):
    """An open ring."""

    entries: int = 0
    """How many submissions it has room for; of completions, twice as many."""
    maker: Task | None = None
    """Whose kernel thread performs what is submitted, if one polls (IORING_SETUP_SQPOLL)."""
    content: bytearray = field(default_factory=lambda: bytearray(PAGE))
    submissions: bytearray = field(default_factory=lambda: bytearray(PAGE))
    personalities: list[Credentials] = field(default_factory=list)

    @property
    def array(self) -> int:
        """Where the numbers of submissions are in the ring, in their order."""
        return CQES + 2 * self.entries * COMPLETION

    @property
    def completed(self) -> int:
        """How many operations have ended so far."""
        return self._number(CQ_TAIL)

    def mapped(self, offset: int, size: int) -> bytearray:
        """The memory that is shared with processes: io_uring_mmap()."""
        if offset not in (0, 0x8000000, 0x10000000):
            raise Errno(errno.EINVAL)
        return self.submissions if offset == 0x10000000 else self.content

    def submit(self, kernel: Kernel, task: Task, most: int) -> int:
        """Perform what was submitted: io_submit_sqes(); how many operations that is."""
        count = 0
        while count < most and (head := self._number(SQ_HEAD)) != self._number(SQ_TAIL):
            number = self._number(self.array + 4 * (head % self.entries))
            raw = self.submissions[number * ENTRY : (number + 1) * ENTRY]
            result = self._performed(kernel, task, Entry(bytes(raw)))
            self._put(SQ_HEAD, head + 1)
            at = CQES + self.completed % (2 * self.entries) * COMPLETION
            self.content[at : at + 8] = raw[32:40]
            self._put(at + 8, result)
            self._put(CQ_TAIL, self.completed + 1)
            count += 1
        return count

    def _performed(self, kernel: Kernel, task: Task, entry: Entry) -> int:
        """The value of an operation, or a negative errno: io_submit_sqe()."""
        try:
            with_these = self._credentials(task, entry)
            was, task.credentials = task.credentials, with_these
            try:
                return perform(kernel, task, entry)
            finally:
                task.credentials = was
        except Errno as error:
            return -error.number
        except Waits:
            raise NotModelled("rings: operations that wait") from None

    def _credentials(self, task: Task, entry: Entry) -> Credentials:
        if not entry.personality:
            return self.credentials if self.maker else task.credentials
        if entry.personality > len(self.personalities):
            raise Errno(errno.EINVAL)
        return self.personalities[entry.personality - 1]

    def _number(self, at: int) -> int:
        return int.from_bytes(self.content[at : at + 4], "little")

    def _put(self, at: int, value: int) -> None:
        self.content[at : at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Entry:
    """A struct io_uring_sqe, by the names of its fields."""

    raw: bytes

    def _unsigned(self, at: int, size: int) -> int:
        return int.from_bytes(self.raw[at : at + size], "little")

    @property
    def opcode(self) -> int:
        """IORING_OP_*."""
        return self.raw[0]

    @property
    def fd(self) -> int:
        """A descriptor, or AT_FDCWD."""
        return int.from_bytes(self.raw[4:8], "little", signed=True)

    @property
    def off(self) -> int:
        """An offset, or a second address."""
        return self._unsigned(8, 8)

    @property
    def addr(self) -> int:
        """An address."""
        return self._unsigned(16, 8)

    @property
    def len(self) -> int:
        """A size, a mode, or a second descriptor."""
        return self._unsigned(24, 4)

    @property
    def op_flags(self) -> int:
        """Flags, which mean what those of the system call do."""
        return self._unsigned(28, 4)

    @property
    def personality(self) -> int:
        """Whose credentials; 0 for those of who submits."""
        return self._unsigned(42, 2)

    @property
    def addr_len(self) -> int:
        """The size of a socket's address."""
        return self._unsigned(44, 2)


Plain = tuple[str, Callable[[Entry], list[int]]]
PLAIN: dict[int, Plain] = {
    Op.OPENAT: ("openat", lambda it: [it.fd, it.addr, it.op_flags, it.len]),
    Op.OPENAT2: ("openat2", lambda it: [it.fd, it.addr, it.off, it.len]),
    Op.RENAMEAT: ("renameat2", lambda it: [it.fd, it.addr, it.len, it.off, it.op_flags]),
    Op.UNLINKAT: ("unlinkat", lambda it: [it.fd, it.addr, it.op_flags]),
    Op.MKDIRAT: ("mkdirat", lambda it: [it.fd, it.addr, it.len]),
    Op.SYMLINKAT: ("symlinkat", lambda it: [it.addr, it.fd, it.off]),
    Op.LINKAT: ("linkat", lambda it: [it.fd, it.addr, it.len, it.off, it.op_flags]),
    Op.FTRUNCATE: ("ftruncate", lambda it: [it.fd, it.off]),
    Op.LISTEN: ("listen", lambda it: [it.fd, it.len]),
}
"""Operations that are system calls with the same arguments."""


def perform(kernel: Kernel, task: Task, entry: Entry) -> int:
    """Do what an entry says.

    Raises:
        Errno: What its completion tells.
    """
    if entry.opcode in PLAIN:
        name, arguments = PLAIN[entry.opcode]
        return CALLS[name](kernel, task, arguments(entry))
    if entry.opcode in OTHERS:
        return OTHERS[entry.opcode](kernel, task, entry)
    raise NotModelled(f"rings: operation {entry.opcode}")


def _connect(kernel: Kernel, task: Task, entry: Entry) -> int:
    """io_connect_prep() copies the address, io_connect() does the rest."""
    address = address_at(task, entry.addr, entry.off)
    return requests.connect(kernel, task, requests.found(task, entry.fd), address)


def _bind(kernel: Kernel, task: Task, entry: Entry) -> int:
    """io_bind_prep(), io_bind()."""
    address = address_at(task, entry.addr, entry.off)
    return requests.bind(kernel, task, requests.found(task, entry.fd), address)


def _send(kernel: Kernel, task: Task, entry: Entry) -> int:
    """io_send(), to an address if there is one."""
    at, size = entry.addr, entry.len
    address = address_at(task, entry.off, entry.addr_len) if entry.off else None
    return _sent(task, entry, Message(size, lambda: task.memory.read(at, size), address))


def _sendmsg(kernel: Kernel, task: Task, entry: Entry) -> int:
    """io_sendmsg()."""
    return _sent(task, entry, message_at(task, entry.addr, 0))


def _sent(task: Task, entry: Entry, message: Message) -> int:
    """Send without a wait and without SIGPIPE."""
    message = replace(message, flags=entry.op_flags | MSG_NOSIGNAL | MSG_DONTWAIT)
    try:
        return send(requests.found(task, entry.fd), task, message)
    except Errno as error:
        if error.number == errno.EAGAIN:
            raise NotModelled("rings: operations that wait") from None
        raise


def _command(kernel: Kernel, task: Task, entry: Entry) -> int:
    """io_uring_cmd(): the null device takes any command."""
    inode = task.files.get(entry.fd).inode
    if not stat.S_ISCHR(inode.mode) or inode.device != NULL_DEVICE:
        raise NotModelled("rings: commands of drivers")
    return 0


OTHERS: dict[int, Callable[[Kernel, Task, Entry], int]] = {
    Op.CONNECT: _connect,
    Op.BIND: _bind,
    Op.SEND: _send,
    Op.SENDMSG: _sendmsg,
    Op.URING_CMD: _command,
}


def new_ring(kernel: Kernel, task: Task, entries: int, flags: int) -> Ring:
    """A ring of a task: io_uring_get_file()."""
    path = kernel.internal("anon_inodefs", "anon_inode:[io_uring]", 0o600)
    maker = task if flags & SETUP_SQPOLL else None
    it = Ring(path, os.O_RDWR, task.credentials, entries=entries, maker=maker)
    kernel.hooks.file_alloc(it)
    return it
