# SPDX-License-Identifier: MIT
"""UNIX sockets. Source: net/unix/af_unix.c, whose functions are named; unix(7)."""

from __future__ import annotations

import errno
import itertools
import select
import socket
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.inodes import Inode
from suite.kernel.names import unname
from suite.kernel.owners import POLL_HUP, POLL_IN
from suite.kernel.sockets import unix_names
from suite.kernel.sockets.base import (
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    Socket,
    arrive,
    broken_pipe,
    check_receive_flags,
    fail,
    next_datagram,
    take_bytes,
    tell_owner,
)
from suite.kernel.sockets.messages import Message, Packet
from suite.kernel.tasks import Task

SHUTDOWN_MASK = RCV_SHUTDOWN | SEND_SHUTDOWN
MOST_DATAGRAMS = 10
"""net.unix.max_dgram_qlen."""
SEND_BUFFER = 212992
"""net.core.wmem_default."""
_numbers = itertools.count(0x17536)


class State(Enum):
    """What a UNIX socket is at (sk_state)."""

    CLOSE = 0
    ESTABLISHED = 1
    LISTEN = 2


@dataclass(slots=True, eq=False, repr=False)
class UnixSocket(Socket):
    """What all three kinds of UNIX sockets do alike."""

    bound: Inode | None = None
    """The file that it is bound to, if its name is no abstract one."""
    state: State = State.CLOSE
    backlog: int = MOST_DATAGRAMS
    arrived: list[UnixSocket] = field(default_factory=list)
    """Connections that nobody has accepted yet, of a listening socket."""
    passes_credentials: bool = False
    """SO_PASSCRED."""

    @property
    def other(self) -> UnixSocket | None:
        """The peer, which may be dead."""
        return cast("UnixSocket | None", self.peer)

    @property
    def is_full(self) -> bool:
        """unix_recvq_full()."""
        return max(len(self.queue), len(self.arrived)) > self.backlog

    def bind(self, task: Task, address: bytes) -> None:
        """unix_bind()."""
        if address == socket.AF_UNIX.to_bytes(2, "little"):
            self.autobind()
            return
        unix_names.validate(address)
        if not address[2]:
            self._bind_abstract(address[2:])
            return
        dentry = unix_names.make(self.kernel, task, address)
        if self.name:
            unname(dentry)
            raise Errno(errno.EINVAL)
        dentry.inode.node = self
        self.bound = dentry.inode
        self.name = unix_names.path_in(address) + b"\0"

    def autobind(self) -> None:
        """unix_autobind(): a name that is free; real kernels begin anywhere."""
        while not self.name:
            name = b"\0%05x" % (next(_numbers) & 0xFFFFF)
            if unix_names.abstract(self.network, self.kind, name) is None:
                self._bind_abstract(name)

    def _bind_abstract(self, name: bytes) -> None:
        if self.name:
            raise Errno(errno.EINVAL)
        unix_names.take(self.network, self.kind, name, self)
        self.name = name

    def find(self, task: Task, address: bytes) -> UnixSocket:
        """The socket of an address: unix_find_other()."""
        if address[2]:
            found = unix_names.at_path(self.kernel, task, self.kind, address)
        else:
            found = unix_names.abstract(self.network, self.kind, address[2:])
        if found is None:
            raise Errno(errno.ECONNREFUSED)
        return cast("UnixSocket", found)

    def getname(self, *, of_peer: bool = False) -> bytes:
        """unix_getname()."""
        it = self.peer if of_peer else self
        if it is None:
            raise Errno(errno.ENOTCONN)
        return socket.AF_UNIX.to_bytes(2, "little") + it.name

    def shutdown(self, task: Task, how: int) -> None:
        """unix_shutdown()."""
        self.shut |= how + 1
        if self.other is not None and self.kind != socket.SOCK_DGRAM:
            sides = {0: SEND_SHUTDOWN, 1: RCV_SHUTDOWN, 2: SHUTDOWN_MASK}
            self.other.shut |= sides[how]
            if sides[how] & RCV_SHUTDOWN:
                tell_owner(self.other, POLL_HUP if how == socket.SHUT_RDWR else POLL_IN)

    def set_option(self, task: Task, level: int, option: int, value: bytes) -> None:
        """unix_setsockopt(): only SO_PASSCRED, as it makes sockets bind themselves."""
        if level != socket.SOL_SOCKET:
            raise Errno(errno.EOPNOTSUPP)
        if option != socket.SO_PASSCRED:
            raise NotModelled(f"sockets: option {level}, {option}")
        self.passes_credentials = any(value[:4])

    def release(self) -> None:
        """unix_release_sock()."""
        self.is_dead = True
        unix_names.forget(self.network, self.name, self)
        if self.bound is not None:
            self.bound.node = None
        self.shut, self.state = SHUTDOWN_MASK, State.CLOSE
        other, self.peer = self.other, None
        if other is not None and self.kind != socket.SOCK_DGRAM:
            other.shut = SHUTDOWN_MASK
            if self.queue:
                other.error = errno.ECONNRESET
            tell_owner(other, POLL_HUP)
        self.queue.clear()
        for it in self.arrived:
            if it.other is not None:
                it.other.error = errno.ECONNRESET
            it.release()

    def _autobind_to_pass_credentials(self) -> None:
        if self.passes_credentials and not self.name:
            self.autobind()


@dataclass(slots=True, eq=False, repr=False)
class UnixDatagram(UnixSocket):
    """SOCK_DGRAM."""

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """unix_dgram_connect()."""
        if len(address) < 2:
            raise Errno(errno.EINVAL)
        other = None
        if address[:2] != bytes(2):
            unix_names.validate(address)
            self._autobind_to_pass_credentials()
            other = self.find(task, address)
            self._may_send(other)
            self.kernel.hooks.unix_may_send(task, self, other)
            self.state = other.state = State.ESTABLISHED
        old = self.other
        if old is not None:
            if other is None:
                self.state = State.CLOSE
            if other is not old:
                self._disconnected(old)
        self.peer = other

    def send(self, task: Task, message: Message) -> int:
        """unix_dgram_sendmsg()."""
        return send_datagram(self, task, message)

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """unix_dgram_recvmsg()."""
        return receive_datagram(self, size, flags)

    def _may_send(self, other: UnixSocket) -> None:
        """unix_may_send(), which is not the hook."""
        if other.peer is not None and other.peer is not self:
            raise Errno(errno.EPERM)

    def _disconnected(self, old: UnixSocket) -> None:
        """unix_dgram_disconnected()."""
        if self.queue:
            self.queue.clear()
            if not old.is_dead and old.peer is self:
                fail(old, errno.ECONNRESET)
        if old.peer is None:
            old.state = State.CLOSE


@dataclass(slots=True, eq=False, repr=False)
class UnixStream(UnixSocket):
    """SOCK_STREAM."""

    def listen(self, task: Task, backlog: int) -> None:
        """unix_listen()."""
        if not self.name or self.state is State.ESTABLISHED:
            raise Errno(errno.EINVAL)
        self.backlog = backlog
        self.state = State.LISTEN
        self.listener = task.group.leader.number

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """unix_stream_connect()."""
        unix_names.validate(address)
        self._autobind_to_pass_credentials()
        other = self.find(task, address)
        if other.state is not State.LISTEN or other.shut & RCV_SHUTDOWN:
            raise Errno(errno.ECONNREFUSED)
        if other.is_full:
            self.may_wait()
        if self.state is not State.CLOSE:
            raise Errno(errno.EISCONN if self.state is State.ESTABLISHED else errno.EINVAL)
        self.kernel.hooks.unix_stream_connect(task, self, other)
        arrived = type(self)(
            self.path,  # until it is accepted
            0,
            task.credentials,
            family=self.family,
            kind=self.kind,
            name=other.name,
            kernel=self.kernel,
            network=self.network,
        )
        join(self, arrived)
        other.arrived.append(arrived)
        tell_owner(other, POLL_IN)

    def accept(self, task: Task) -> Socket:
        """unix_accept()."""
        if self.state is not State.LISTEN:
            raise Errno(errno.EINVAL)
        if not self.arrived:
            if self.shut & RCV_SHUTDOWN and self.waits():
                raise Errno(errno.EINVAL)
            self.may_wait()
        return self.arrived.pop(0)

    def send(self, task: Task, message: Message) -> int:
        """unix_stream_sendmsg(), and its queue_oob()."""
        out_of_band = bool(message.flags & socket.MSG_OOB)
        if out_of_band and not message.size:
            raise Errno(errno.EOPNOTSUPP)
        if message.address is not None and message.address:
            is_connected = self.state is State.ESTABLISHED
            raise Errno(errno.EISCONN if is_connected else errno.EOPNOTSUPP)
        other = self.other
        if other is None:
            raise Errno(errno.ENOTCONN)
        if self.shut & SEND_SHUTDOWN:
            broken_pipe(self, task, message)
        if message.size:
            self.tell_error()
        data = message.data()
        if data and (other.is_dead or other.shut & RCV_SHUTDOWN):
            broken_pipe(self, task, message)
        plain = data[:-1] if out_of_band else data
        if plain:
            arrive(other, Packet(plain))
        if out_of_band:
            arrive(other, Packet(data[-1:], out_of_band=True))
        return len(data)

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """unix_stream_read_generic(), without out-of-band data."""
        check_receive_flags(flags)
        if self.state is not State.ESTABLISHED:
            raise Errno(errno.EINVAL)
        if any(it.out_of_band for it in self.queue):
            raise NotModelled("sockets: receiving out-of-band data")
        if not self.queue:
            self.tell_error()
            if self.shut & RCV_SHUTDOWN:
                return Packet(b"")
            self.may_wait(flags)
        return take_bytes(self.queue, size)

    def poll(self) -> int:
        """unix_poll()."""
        ready = Socket.poll(self)
        if self.state is State.LISTEN:
            ready &= ~select.POLLOUT
        if self.state is State.CLOSE:
            ready |= select.POLLHUP
        return ready | select.POLLIN if self.arrived else ready


@dataclass(slots=True, eq=False, repr=False)
class UnixSeqpacket(UnixStream):
    """SOCK_SEQPACKET: connections as of a stream, datagrams on them."""

    def send(self, task: Task, message: Message) -> int:
        """unix_seqpacket_sendmsg()."""
        self.tell_error()
        if self.state is not State.ESTABLISHED:
            raise Errno(errno.ENOTCONN)
        message.address = None
        return send_datagram(self, task, message)

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """unix_seqpacket_recvmsg()."""
        if self.state is not State.ESTABLISHED:
            raise Errno(errno.ENOTCONN)
        return receive_datagram(self, size, flags)


KINDS: dict[int, type[UnixSocket]] = {
    socket.SOCK_STREAM: UnixStream,
    socket.SOCK_DGRAM: UnixDatagram,
    socket.SOCK_SEQPACKET: UnixSeqpacket,
}


def join(one: UnixSocket, other: UnixSocket) -> None:
    """Connect two sockets: unix_socketpair()."""
    one.peer, other.peer = other, one
    one.state = other.state = State.ESTABLISHED


def send_datagram(it: UnixSocket, task: Task, message: Message) -> int:
    """unix_dgram_sendmsg(), of datagram and seqpacket sockets."""
    if message.flags & socket.MSG_OOB:
        raise Errno(errno.EOPNOTSUPP)
    if message.address:
        unix_names.validate(message.address)
    it._autobind_to_pass_credentials()
    if message.size > SEND_BUFFER - 32:
        raise Errno(errno.EMSGSIZE)
    it.tell_error()
    if it.shut & SEND_SHUTDOWN:
        raise Errno(errno.EPIPE)
    data = message.data()
    other = it.find(task, message.address) if message.address else it.other
    if other is None:
        raise Errno(errno.ENOTCONN)
    if isinstance(it, UnixDatagram):
        it._may_send(other)
    if other.is_dead:
        if it.kind == socket.SOCK_SEQPACKET:
            raise Errno(errno.EPIPE)
        it.peer, it.state = None, State.CLOSE
        raise Errno(errno.ECONNREFUSED)
    if other.shut & RCV_SHUTDOWN:
        raise Errno(errno.EPIPE)
    if it.kind != socket.SOCK_SEQPACKET:
        it.kernel.hooks.unix_may_send(task, it, other)
    if other is not it and other.peer is not it and other.is_full:
        it.may_wait(message.flags)
    arrive(other, Packet(data, it.getname() if it.name else b""))
    return len(data)


def receive_datagram(it: UnixSocket, size: int, flags: int) -> Packet:
    """unix_dgram_recvmsg(), of datagram and seqpacket sockets."""
    if flags & socket.MSG_OOB:
        raise Errno(errno.EOPNOTSUPP)
    check_receive_flags(flags)
    if it.kind == socket.SOCK_SEQPACKET and not it.queue and it.shut & RCV_SHUTDOWN:
        it.tell_error()
        return Packet(b"")
    return next_datagram(it, size, flags)
