# SPDX-License-Identifier: MIT
"""TCP, and MPTCP as far as it leaves all to a TCP socket within.

Source: net/ipv4/af_inet.c, net/ipv4/tcp.c and tcp_ipv4.c, their kin of IPv6; tcp(7). Connections
are made at once, since both ends are here.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from dataclasses import dataclass, field
from enum import Enum
from socket import AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_TCP

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.owners import POLL_HUP, POLL_IN, POLL_OUT
from suite.kernel.sockets import ports
from suite.kernel.sockets.base import (
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    Socket,
    arrive,
    broken_pipe,
    check_receive_flags,
    fail,
    take_bytes,
    tell_owner,
)
from suite.kernel.sockets.inet import (
    SIZE4,
    SIZE6,
    InetSocket,
    family_of,
    read4,
    read6,
    receivers,
    routed,
    source_for,
)
from suite.kernel.sockets.messages import Message, Packet
from suite.kernel.sockets.ports import MAPPED
from suite.kernel.tasks import Task
from suite.process.uapi import MSG_FASTOPEN, TCP_FASTOPEN_CONNECT


class State(Enum):
    """What a socket of TCP is at (sk_state)."""

    CLOSE = 0
    ESTABLISHED = 1
    LISTEN = 2


class Phase(Enum):
    """How far connect(2) has come (socket_state); what the peer does later leaves it as it is."""

    UNCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    DISCONNECTING = 3
    """shutdown(2) ended an attempt that had failed."""


@dataclass(slots=True, eq=False, repr=False)
class TcpSocket(InetSocket):
    """A socket of TCP."""

    state: State = State.CLOSE
    phase: Phase = Phase.UNCONNECTED
    has_met_ipv4: bool = False
    """Whether it has begun to speak with IPv4, in whatever family it is (icsk_af_ops)."""
    mate: TcpSocket | None = None
    """The other end of the connection."""
    backlog: int = 0
    arrived: list[TcpSocket] = field(default_factory=list)
    """Connections that nobody has accepted yet."""

    @property
    def is_closed(self) -> bool:
        """Whether it is neither connected nor listens."""
        return self.state is State.CLOSE

    def listen(self, task: Task, backlog: int) -> None:
        """inet_listen()."""
        if self.state is State.ESTABLISHED or self.phase is not Phase.UNCONNECTED:
            raise Errno(errno.EINVAL)
        self.backlog = backlog
        if not self.port:
            ports.take(self, 0)
        self.state = State.LISTEN

    def accept(self, task: Task) -> Socket:
        """inet_csk_accept()."""
        if self.state is not State.LISTEN:
            raise Errno(errno.EINVAL)
        if not self.arrived:
            self.may_wait()
        return self.arrived.pop(0)

    def connect(self, task: Task, address: bytes, *, waits: bool = True) -> None:
        """inet_stream_connect()."""
        if len(address) < 2:
            raise Errno(errno.EINVAL)
        if family_of(address) == AF_UNSPEC:
            self.disconnect()
            return
        self._begin(address, waits=waits and not self.flags & os.O_NONBLOCK)

    def _begin(self, address: bytes | None, *, waits: bool) -> None:
        """__inet_stream_connect() to an address; a message that has none gives None."""
        if self.phase is Phase.CONNECTING:
            self._finish()
            return
        if self.phase is Phase.DISCONNECTING:
            raise Errno(errno.EINVAL)
        if self.phase is Phase.CONNECTED or self.state is not State.CLOSE:
            raise Errno(errno.EISCONN)
        ip, port = self._to_connect(address or b"")
        ip = routed(self, ip)
        self.local = source_for(self, ip)
        if not self.port:
            self._take_any_port()
        self.error = 0
        self._meet(ip, port)
        self.phase = Phase.CONNECTING
        if not waits:
            raise Errno(errno.EINPROGRESS)
        self._finish()

    def _meet(self, ip: bytes, port: int) -> None:
        """Establish a connection to a server, or be refused."""
        if self.has_met_ipv4 and ip[:12] != MAPPED:
            raise NotModelled("sockets: peers of IPv4, then of IPv6")
        self.has_met_ipv4 = ip[:12] == MAPPED
        if (ip, port) == (self.local, self.port):
            raise NotModelled("sockets: a connection of TCP to itself")
        server = self._server_at(ip, port)
        self.remote, self.remote_port = ip, port
        self.state = State.ESTABLISHED
        if server is None:
            self.reset(errno.ECONNREFUSED)
            return
        if len(server.arrived) > server.backlog:
            raise NotModelled("sockets: full backlog of TCP")
        server.arrive(self)
        tell_owner(self, POLL_OUT)

    def _finish(self) -> None:
        """What an attempt came to."""
        if self.state is State.ESTABLISHED:
            self.phase = Phase.CONNECTED
            return
        number, self.error = self.error or errno.ECONNABORTED, 0
        self.disconnect()
        raise Errno(number)

    def _take_any_port(self) -> None:
        """inet_hash_connect()."""
        try:
            ports.take(self, 0)
        except Errno:
            raise Errno(errno.EADDRNOTAVAIL) from None

    def _to_connect(self, address: bytes) -> tuple[bytes, int]:
        """tcp_v4_connect(), tcp_v6_connect()."""
        is_ipv6 = self.family == AF_INET6
        if len(address) < (SIZE6 if is_ipv6 else SIZE4):
            raise Errno(errno.EINVAL)
        if family_of(address) != (AF_INET6 if is_ipv6 else AF_INET):
            raise Errno(errno.EAFNOSUPPORT)
        ip, port = read6(address) if is_ipv6 else read4(address)
        if self.only_ipv6 and ip[:12] == MAPPED:
            raise Errno(errno.ENETUNREACH)
        return ip, port

    def _server_at(self, ip: bytes, port: int) -> TcpSocket | None:
        for it in receivers(self, ip, port):
            if isinstance(it, TcpSocket) and it.state is State.LISTEN:
                return it
        return None

    def arrive(self, client: TcpSocket) -> None:
        """A connection to a server: tcp_v4_syn_recv_sock()."""
        made = TcpSocket(
            self.path,  # until it is accepted
            os.O_RDWR,
            self.credentials,
            family=self.family,
            kind=self.kind,
            protocol=IPPROTO_TCP,
            kernel=self.kernel,
            network=self.network,
            local=client.remote,
            keeps_address=self.keeps_address,
            state=State.ESTABLISHED,
            phase=Phase.CONNECTED,
            remote=client.local,
            remote_port=client.port,
        )
        ports.share(made, self.port)
        made.mate, client.mate = client, made
        self.arrived.append(made)
        tell_owner(self, POLL_IN)

    def disconnect(self) -> None:
        """tcp_disconnect(): connect(2) to AF_UNSPEC."""
        if self.state is State.ESTABLISHED:
            self.error = errno.ECONNRESET
        self._drop_arrived()
        self._reset_mate()
        self._close()
        self.forget_peer()
        self.queue.clear()
        self.shut = 0
        self.phase = Phase.UNCONNECTED

    def reset(self, number: int = errno.ECONNRESET) -> None:
        """The other end has reset the connection, or refuses it: tcp_reset()."""
        self._close()
        self.shut = RCV_SHUTDOWN | SEND_SHUTDOWN
        fail(self, number)

    def hear_the_end(self) -> None:
        """The other end will send no more: tcp_fin()."""
        if not self.shut & RCV_SHUTDOWN:
            self.shut |= RCV_SHUTDOWN
            tell_owner(self, POLL_HUP if self.shut & SEND_SHUTDOWN else POLL_IN)

    def _close(self) -> None:
        """tcp_set_state() to TCP_CLOSE, unless it is that already."""
        if self.state is not State.CLOSE:
            self.state, self.mate, self.remote = State.CLOSE, None, b""
            self.leave_port()

    def _reset_mate(self) -> None:
        if self.mate is not None:
            self.mate.reset()

    def _drop_arrived(self) -> None:
        """inet_csk_listen_stop()."""
        for it in self.arrived:
            it.disconnect()
            ports.leave(it)
        self.arrived.clear()

    def release(self) -> None:
        """tcp_close(): what was not read makes it a reset."""
        self.is_dead = True
        self._drop_arrived()
        if self.queue:
            self._reset_mate()
        elif self.mate is not None:
            if not self.shut & RCV_SHUTDOWN:
                ports.linger(self)
            self.mate.hear_the_end()
            self.mate.mate = None
        self.mate, self.state = None, State.CLOSE
        ports.leave(self)

    def shutdown(self, task: Task, how: int) -> None:
        """inet_shutdown(), tcp_shutdown()."""
        sides = how + 1
        if self.state is State.LISTEN:
            if sides & RCV_SHUTDOWN:
                self.disconnect()
            return
        if self.phase is Phase.CONNECTING:
            is_made = self.state is State.ESTABLISHED
            self.phase = Phase.CONNECTED if is_made else Phase.DISCONNECTING
        self.shut |= sides
        if self.state is State.CLOSE:
            raise Errno(errno.ENOTCONN)
        if sides & SEND_SHUTDOWN and self.mate is not None:
            self.mate.hear_the_end()

    def send(self, task: Task, message: Message) -> int:
        """tcp_sendmsg_locked(); no address counts but that of MSG_FASTOPEN."""
        if message.flags & MSG_FASTOPEN:
            self._fast_open(message)
        if self.state is not State.ESTABLISHED or self.shut & SEND_SHUTDOWN:
            if self.error:
                self.tell_error()
            broken_pipe(self, task, message)
        self.tell_error()
        data = message.data()
        if message.flags & socket.MSG_OOB:
            raise NotModelled("sockets: urgent data of TCP")
        if self.mate is None or self.mate.is_dead:
            raise NotModelled("sockets: sending to a closed end of TCP")
        if data:
            arrive(self.mate, Packet(data))
        return len(data)

    def _fast_open(self, message: Message) -> None:
        """tcp_sendmsg_fastopen(): without a cookie, it connects and then sends."""
        address = message.address
        if address is not None and len(address) >= 2 and family_of(address) == AF_UNSPEC:
            raise Errno(errno.EOPNOTSUPP)
        if address is not None and len(address) < 2:
            raise Errno(errno.EINVAL)
        self._begin(address, waits=not message.flags & socket.MSG_DONTWAIT)

    def receive(self, task: Task, size: int, flags: int) -> Packet:
        """tcp_recvmsg_locked()."""
        check_receive_flags(flags)
        if self.state is State.LISTEN:
            raise Errno(errno.ENOTCONN)
        if not self.queue:
            self.tell_error()
            if self.shut & RCV_SHUTDOWN:
                return Packet(b"")
            if self.state is State.CLOSE:
                raise Errno(errno.ENOTCONN)
            self.may_wait(flags)
        return take_bytes(self.queue, size)

    def set_option(self, task: Task, level: int, option: int, value: bytes) -> None:
        """do_tcp_setsockopt(): TCP_FASTOPEN_CONNECT changes nothing where there is no cookie."""
        if (level, option) == (IPPROTO_TCP, TCP_FASTOPEN_CONNECT):
            if self.state is not State.CLOSE:
                raise Errno(errno.EINVAL)
            return
        InetSocket.set_option(self, task, level, option, value)

    def poll(self) -> int:
        """tcp_poll()."""
        if self.state is State.LISTEN:
            return select.POLLIN if self.arrived else 0
        ready = Socket.poll(self)
        return ready | select.POLLHUP if self.state is State.CLOSE else ready
