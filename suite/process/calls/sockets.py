# SPDX-License-Identifier: MIT
"""Typed calls on sockets, and the addresses they take."""

import socket
from socket import SOCK_STREAM

from suite.packed import Form, packed
from suite.process.calls.base import Caller
from suite.process.calls.ioctls import SIOCSIFFLAGS
from suite.process.promise import Call
from suite.values import Argument, Fd, Int, Out, Pack

LOOPBACK6 = bytes(15) + b"\1"
_IFF_UP = 1


def inet(port: int, address: str = "127.0.0.1") -> bytes:
    """A struct sockaddr_in."""
    return packed("H", socket.AF_INET) + port.to_bytes(2) + socket.inet_aton(address) + bytes(8)


def inet6(port: int, address: str = "::1") -> bytes:
    """A struct sockaddr_in6."""
    raw = socket.inet_pton(socket.AF_INET6, address)
    return packed("H", socket.AF_INET6) + port.to_bytes(2) + bytes(4) + raw + bytes(4)


def loopback(family: int, port: int) -> bytes:
    """The loopback address of AF_INET or AF_INET6."""
    return inet6(port) if family == socket.AF_INET6 else inet(port)


def unix(path: str) -> bytes:
    """A struct sockaddr_un with a pathname; at most 107 bytes."""
    return packed("H", socket.AF_UNIX) + path.encode() + b"\0"


def abstract(name: str) -> bytes:
    """A struct sockaddr_un with an abstract name."""
    return packed("H", socket.AF_UNIX) + b"\0" + name.encode()


def algorithm(kind: str, name: str) -> bytes:
    """A struct sockaddr_alg, of a kind such as ``hash``."""
    return packed("H14sII64s", socket.AF_ALG, kind.encode(), 0, 0, name.encode())


def unspecified(address: bytes) -> bytes:
    """An address whose family is AF_UNSPEC instead."""
    return packed("H", socket.AF_UNSPEC) + address[2:]


def message(data: bytes, address: bytes | None) -> tuple[bytes | tuple[int, Argument], ...]:
    """The fields of a struct msghdr with one buffer."""
    vector = Pack(((8, data), (8, len(data))))
    size = len(address) if address else 0
    return (8, address), (4, size), bytes(4), (8, vector), (8, 1), bytes(24)


class Sockets(Caller):
    """socket(2) and its kin."""

    def socket(self, family: int, kind: int, protocol: int = 0) -> Call:
        """socket(2), close-on-exec."""
        return self.syscall("socket", family, kind | socket.SOCK_CLOEXEC, protocol)

    def bind(self, fd: Fd, address: bytes) -> Call:
        """bind(2)."""
        return self.syscall("bind", fd, address, len(address))

    def connect(self, fd: Fd, address: bytes | Pack) -> Call:
        """connect(2)."""
        size = address.size if isinstance(address, Pack) else len(address)
        return self.syscall("connect", fd, address, size)

    def name(self, fd: Fd, size: int) -> Pack:
        """getsockname(2): an address of this many bytes, a multiple of 8."""
        call = self.syscall("getsockname", fd, Out(128), packed("I", 128))
        return Pack(tuple((8, Int(call, at, 8)) for at in range(0, size, 8)))

    def accept(self, fd: Fd) -> Call:
        """accept4(2), close-on-exec."""
        return self.syscall("accept4", fd, 0, 0, socket.SOCK_CLOEXEC)

    def listen(self, fd: Fd, backlog: int = 8) -> Call:
        """listen(2)."""
        return self.syscall("listen", fd, backlog)

    def sendto(
        self, fd: Fd, data: bytes, address: bytes | Pack | None = None, flags: int = 0
    ) -> Call:
        """sendto(2)."""
        size = address.size if isinstance(address, Pack) else len(address or b"")
        return self.syscall("sendto", fd, data, len(data), flags, address, size)

    def sendmsg(self, fd: Fd, data: bytes, address: bytes | None = None, flags: int = 0) -> Call:
        """sendmsg(2) of one buffer."""
        return self.syscall("sendmsg", fd, Pack(message(data, address)), flags)

    def sendmmsg(self, fd: Fd, data: bytes, address: bytes | None = None, flags: int = 0) -> Call:
        """sendmmsg(2) of one message of one buffer: 1, or the errno of that message."""
        vector = Pack((*message(data, address), bytes(8)))
        return self.syscall("sendmmsg", fd, vector, 1, flags)

    def send_each(self, fd: Fd, data: bytes, *addresses: bytes | None) -> Call:
        """sendmmsg(2) of a message to each address: how many were sent."""
        messages = [(*message(data, address), bytes(8)) for address in addresses]
        fields = [field for fields in messages for field in fields]
        return self.syscall("sendmmsg", fd, Pack(tuple(fields)), len(addresses), 0)

    def shutdown(self, fd: Fd, how: int) -> Call:
        """shutdown(2)."""
        return self.syscall("shutdown", fd, how)

    def recv(self, fd: Fd, size: int, flags: int = 0, form: Form = "") -> Call:
        """recvfrom(2) without an address: the bytes are the call's ``data``."""
        return self.syscall("recvfrom", fd, Out(size, form), size, flags, 0, 0)

    def setsockopt(self, fd: Fd, level: int, option: int, value: int) -> Call:
        """setsockopt(2) of an integer."""
        return self.syscall("setsockopt", fd, level, option, packed("i", value), 4)

    def socketpair(self, kind: int = SOCK_STREAM) -> tuple[Int, Int]:
        """socketpair(2) of UNIX sockets: its two ends."""
        call = self.syscall(
            "socketpair", socket.AF_UNIX, kind | socket.SOCK_CLOEXEC, 0, Out(8, "2i")
        )
        return Int(call, 0), Int(call, 4)

    def loopback_up(self) -> Call:
        """Bring the loopback interface of the network namespace up (SIOCSIFFLAGS)."""
        fd = self.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.syscall("ioctl", fd, SIOCSIFFLAGS, packed("16sH14x", b"lo", _IFF_UP))
        return self.syscall("close", fd)

    def server(self, family: int, kind: int, address: bytes) -> Call:
        """A bound socket; listening if it is a stream or seqpacket."""
        fd = self.socket(family, kind)
        self.bind(fd, address)
        if kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            self.listen(fd)
        return fd
