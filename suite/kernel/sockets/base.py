# SPDX-License-Identifier: MIT
"""What all sockets have in common: net/socket.c as far as it is about no family."""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import struct
from collections import deque
from dataclasses import dataclass, field
from signal import SIGPIPE
from typing import NoReturn

from suite.kernel import owners, signals
from suite.kernel.capabilities import require
from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Special
from suite.kernel.sockets.endpoint import Endpoint
from suite.kernel.sockets.messages import Message, Packet
from suite.kernel.tasks import NetNamespace, Task
from suite.process.calls.ioctls import SIOCSIFFLAGS
from suite.process.uapi import MSG_FASTOPEN

RCV_SHUTDOWN, SEND_SHUTDOWN = 1, 2
SURE_PACKETS, SURE_BYTES = 64, 2048
"""So many packets of so many bytes any receive buffer has room for (net.core.rmem_default)."""


@dataclass(slots=True, eq=False, repr=False)
class Socket(Endpoint, Special):
    """The open file of a socket. Each kind is a subclass with what it does.

    All methods may raise ``Errno``; those that wait raise ``Waits``.
    """

    kernel: Kernel = field(kw_only=True)
    network: NetNamespace = field(kw_only=True)
    queue: deque[Packet] = field(default_factory=deque)
    """What was received, and nobody has read yet."""
    shut: int = 0
    """Which directions are: RCV_SHUTDOWN, SEND_SHUTDOWN."""
    error: int = 0
    """What happened meanwhile, and the next call tells (sk_err)."""
    is_dead: bool = False
    """Whether its last descriptor is closed (SOCK_DEAD)."""

    def bind(self, task: Task, address: bytes) -> None:
        """bind(2)."""
        raise Errno(errno.EOPNOTSUPP)

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """connect(2)."""
        raise Errno(errno.EOPNOTSUPP)

    def listen(self, task: Task, backlog: int) -> None:
        """listen(2)."""
        raise Errno(errno.EOPNOTSUPP)

    def accept(self, task: Task) -> Socket:
        """accept(2): the new socket, which is no file yet."""
        raise Errno(errno.EOPNOTSUPP)

    def getname(self, *, of_peer: bool = False) -> bytes:
        """getsockname(2), getpeername(2)."""
        raise Errno(errno.EOPNOTSUPP)

    def send(self, task: Task, message: Message) -> int:
        """sendmsg(2): how many bytes were sent."""
        raise Errno(errno.EOPNOTSUPP)

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """recvmsg(2): at most so many bytes of data."""
        raise Errno(errno.EOPNOTSUPP)

    def shutdown(self, task: Task, how: int) -> None:
        """shutdown(2), of one of SHUT_RD, SHUT_WR and SHUT_RDWR."""
        raise Errno(errno.EOPNOTSUPP)

    def set_option(self, task: Task, level: int, option: int, value: bytes) -> None:
        """setsockopt(2)."""
        raise NotModelled(f"sockets: option {level}, {option}")

    def read(self, size: int) -> bytes:
        """As recvfrom(2) does without flags."""
        return self.receive(self.kernel.current, size, 0).data

    def write(self, data: bytes) -> int:
        """As sendto(2) does without an address: sock_write_iter()."""
        return send(self, self.kernel.current, Message(len(data), lambda: data))

    def poll(self) -> int:
        """What poll(2) says: datagram_poll() in net/core/datagram.c."""
        ready = select.POLLOUT
        if self.error:
            ready |= select.POLLERR
        if self.shut & RCV_SHUTDOWN:
            ready |= select.POLLIN | select.POLLRDHUP
        if self.shut == RCV_SHUTDOWN | SEND_SHUTDOWN:
            ready |= select.POLLHUP
        if self.queue:
            ready |= select.POLLIN
        return ready

    def ioctl(self, kernel: Kernel, task: Task, command: int, argument: int) -> int:
        """SIOCSIFFLAGS of the loopback interface: devinet_ioctl() in net/ipv4/devinet.c.

        Of struct ifreq only that is read which counts.
        """
        if command != SIOCSIFFLAGS:
            raise NotModelled("sockets: ioctl")
        name, flags = struct.unpack("<16sH", task.memory.read(argument, 18))
        require(task.credentials, "NET_ADMIN", self.network.owner or kernel.user)
        if name.rstrip(b"\0") != b"lo":
            raise Errno(errno.ENODEV)
        self.network.loopback_up = bool(flags & 1)
        return 0

    def may_wait(self, flags: int = 0) -> None:
        """Wait until something happens.

        Raises:
            Waits: It may.
            Errno: EAGAIN if it may not.
        """
        if not self.waits(flags):
            raise Errno(errno.EAGAIN)
        raise Waits

    def waits(self, flags: int = 0) -> bool:
        """Whether a call with these MSG_* flags may wait."""
        return not (self.flags & os.O_NONBLOCK or flags & socket.MSG_DONTWAIT)

    def tell_error(self) -> None:
        """Fail with what happened meanwhile, once: sock_error()."""
        if self.error:
            number, self.error = self.error, 0
            raise Errno(number)


def send(it: Socket, task: Task, message: Message) -> int:
    """Send a message by any call, Landlock being asked first: __sock_sendmsg() in net/socket.c."""
    if it.flags & os.O_NONBLOCK:
        message.flags |= socket.MSG_DONTWAIT
    it.kernel.hooks.socket_sendmsg(
        task, it, message.address, fast_open=bool(message.flags & MSG_FASTOPEN)
    )
    return it.send(task, message)


def new_path(kernel: Kernel) -> Path:
    """A new inode of a socket; sock_alloc() and sockfs_dname() in net/socket.c."""
    path = kernel.internal("sockfs", "", stat.S_IFSOCK | 0o777)
    path.dentry.name = f"socket:[{path.inode.number}]"
    return path


def become_file(it: Socket, task: Task, flags: int) -> None:
    """Make an accepted or new socket an open file of a task: sock_alloc_file() in net/socket.c."""
    it.flags = os.O_RDWR | flags
    it.credentials = task.credentials
    it.kernel.hooks.file_alloc(it)


def broken_pipe(it: Socket, task: Task, message: Message) -> NoReturn:
    """Nobody will read: EPIPE, and SIGPIPE as a rule."""
    if not message.flags & socket.MSG_NOSIGNAL:
        sent = signals.from_user(task, task, SIGPIPE)
        signals.queue(it.kernel, task, sent, to_thread=True)
    raise Errno(errno.EPIPE)


def arrive(it: Socket, packet: Packet) -> None:
    """Something comes to a socket, whose owner is told: sock_def_readable() in net/core/sock.c."""
    if len(it.queue) >= SURE_PACKETS or len(packet.data) > SURE_BYTES:
        raise NotModelled("sockets: full buffers")
    it.queue.append(packet)
    if packet.out_of_band:
        owners.send_sigurg(it.kernel, it)
    tell_owner(it, owners.POLL_IN)


def fail(it: Socket, number: int) -> None:
    """Something went wrong, which the next call tells: sk_error_report() in net/core/sock.c."""
    it.error = number
    tell_owner(it, owners.POLL_ERR)


def tell_owner(it: Socket, band: int) -> None:
    """Send SIGIO to who wants it: sk_wake_async() in include/net/sock.h."""
    if not it.is_dead:
        owners.send_sigio(it.kernel, it, band)


def check_receive_flags(flags: int) -> None:
    """Leave MSG_PEEK and other flags to real kernels."""
    if flags & ~(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL):
        raise NotModelled("sockets: flags of recvfrom")


def next_datagram(it: Socket, size: int, flags: int) -> Packet:
    """As much of a datagram as is asked for: __skb_recv_datagram() in net/core/datagram.c."""
    it.tell_error()
    if not it.queue:
        if it.shut & RCV_SHUTDOWN and it.waits(flags):
            return Packet(b"")
        it.may_wait(flags)
    packet = it.queue.popleft()
    return Packet(packet.data[:size], packet.address)


def take_bytes(queue: deque[Packet], size: int) -> Packet:
    """Up to so many bytes of a stream."""
    taken = b""
    while queue and len(taken) < size:
        packet = queue.popleft()
        wanted = size - len(taken)
        taken += packet.data[:wanted]
        if len(packet.data) > wanted:
            queue.appendleft(Packet(packet.data[wanted:]))
    return Packet(taken)
