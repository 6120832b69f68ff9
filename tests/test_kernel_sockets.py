# SPDX-License-Identifier: MIT
"""Sockets of the small kernel do what those of the running kernel do, call by call."""

import os
import socket
from collections.abc import Callable, Iterator
from signal import SIGIO
from socket import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

import pytest

from suite.judge.outcome import Outcome
from suite.packed import packed
from suite.process.calls.sockets import abstract, inet, inet6, unix, unspecified
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import (
    CLONE_NEWNET,
    F_SETFL,
    F_SETOWN,
    IP_BIND_ADDRESS_NO_PORT,
    IP_LOCAL_PORT_RANGE,
    IPV6_ADDRFORM,
    MSG_FASTOPEN,
)
from suite.values import Fd, Out
from tests.both_kernels import running, small

MAPPED = "::ffff:127.0.0.1"
ANY = "0.0.0.0"  # noqa: S104 (in a network namespace of our own)
QUIET = socket.MSG_NOSIGNAL


@pytest.fixture(scope="module")
def local() -> Iterator[Process]:
    """A process of the running kernel, with a network of its own."""
    with running() as ground:
        yield ground.root


@pytest.fixture
def model() -> Process:
    """A process of a small kernel."""
    return small()


class Seen:
    """What a program's calls came to."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.all: list[object] = []

    def __call__(self, action: Callable[..., object], *arguments: object) -> Outcome:
        """Do it and remember the outcome, with its value, which is no descriptor."""
        outcome = self.process.observe(action, *arguments).with_value
        self.all.append(outcome)
        return outcome

    def data(self, call: Call) -> bytes:
        """Remember the bytes that a call gave."""
        self.all.append(call.data)
        return call.data


def name(process: Process, fd: Call, *, call: str = "getsockname") -> Call:
    return process.syscall(call, fd, Out(32), packed("I", 32))


def unix_streams(see: Seen, it: Process, port: int) -> None:
    address = abstract(f"stream-{port}")
    server, client = it.socket(AF_UNIX, SOCK_STREAM), it.socket(AF_UNIX, SOCK_STREAM)
    see(Process.listen, server)
    see(Process.connect, client, address)
    see(Process.bind, server, address)
    see(Process.bind, server, abstract(f"again-{port}"))
    see(Process.bind, it.socket(AF_UNIX, SOCK_STREAM), address)
    see(Process.connect, client, address)
    see(Process.sendto, client, b"x", None, QUIET)
    see(Process.listen, server)
    see(Process.connect, it.socket(AF_UNIX, SOCK_SEQPACKET), address)
    see(Process.connect, client, address)
    see(Process.connect, client, address)
    see(Process.connect, server, address)
    see(Process.sendto, client, b"one")
    see(Process.sendto, client, b"two", address)
    see(Process.sendto, it.socket(AF_UNIX, SOCK_STREAM), b"two", address)
    accepted = it.accept(server)
    see.data(name(it, accepted))
    see.data(name(it, client))
    see(Process.sendto, client, b"two")
    see.data(it.recv(accepted, 8))
    see(Process.recv, accepted, 8, socket.MSG_DONTWAIT)
    see(Process.shutdown, client, socket.SHUT_WR)
    see(Process.sendto, client, b"x", None, QUIET)
    see(Process.recv, accepted, 8)
    see(Process.sendto, accepted, b"back")
    it.close(client)
    see(Process.recv, accepted, 8)
    see(Process.recv, accepted, 8)
    see(Process.sendto, accepted, b"back", None, QUIET)
    see(Process.shutdown, accepted, 7)


def unix_datagrams(see: Seen, it: Process, port: int) -> None:
    address = abstract(f"datagram-{port}")
    server, client = it.socket(AF_UNIX, SOCK_DGRAM), it.socket(AF_UNIX, SOCK_DGRAM)
    see(Process.sendto, client, b"x")
    see(Process.sendto, client, b"x", address)
    it.bind(server, address)
    see(Process.listen, server)
    see(Process.sendto, client, b"x", address)
    see(Process.sendto, client, b"x", inet(port))
    see(Process.connect, client, b"\1")
    see(Process.connect, client, address)
    see(Process.sendto, client, b"longer")
    see(Process.sendto, client, b"x", None, socket.MSG_OOB)
    see(Process.connect, server, abstract(f"nobody-{port}"))
    see.data(it.syscall("recvfrom", server, Out(2), 2, 0, 0, 0))
    see.data(it.recv(server, 3))
    see(Process.recv, server, 3, socket.MSG_DONTWAIT)
    see(Process.connect, client, unspecified(inet(0)))
    see(Process.sendto, client, b"x")
    it.connect(client, address)
    it.close(server)
    see(Process.sendto, client, b"x")
    see(Process.sendto, client, b"x")
    pair = it.socketpair(SOCK_DGRAM)
    third = it.server(AF_UNIX, SOCK_DGRAM, abstract(f"third-{port}"))
    it.bind(pair[0], address)
    see(Process.sendto, third, b"x", address)
    see(Process.connect, third, address)


def unix_seqpackets(see: Seen, it: Process, port: int) -> None:
    address = abstract(f"packets-{port}")
    it.server(AF_UNIX, SOCK_SEQPACKET, address)
    client = it.socket(AF_UNIX, SOCK_SEQPACKET)
    see(Process.sendto, client, b"x")
    see(Process.recv, client, 4)
    see(Process.connect, client, address)
    see(Process.sendto, client, b"x", abstract("ignored"))
    see(Process.connect, it.socket(AF_UNIX, SOCK_STREAM), address)
    one, other = it.socketpair(SOCK_SEQPACKET)
    see(Process.sendto, one, b"abcd")
    see.data(it.recv(other, 2))
    it.close(one)
    see(Process.recv, other, 2)
    see(Process.sendto, other, b"x", None, QUIET)


def unix_addresses(see: Seen, it: Process, port: int) -> None:
    for address in (b"", b"\1", b"\1\0", inet(port), unix("x" * 108), b"\1\0" + b"y" * 120):
        for kind in (SOCK_STREAM, SOCK_DGRAM):
            see(Process.connect, it.socket(AF_UNIX, kind), address)
            see(Process.sendto, it.socket(AF_UNIX, kind), b"x", address, QUIET)
            if address != unix("x" * 108):
                fd = it.socket(AF_UNIX, kind)
                see(Process.bind, fd, address)
    see(Process.bind, 99, abstract("x"))
    see(Process.connect, 99, abstract("x"))
    see(lambda it: it.syscall("bind", it.socket(AF_UNIX, SOCK_STREAM), 8, 16))
    see(lambda it: it.syscall("connect", it.socket(AF_UNIX, SOCK_STREAM), 8, -1))


def paths(see: Seen, it: Process, port: int) -> None:
    file, place = f"/tmp/file-{port}", f"/tmp/socket-{port}"  # noqa: S108 (a private one)
    it.write_file(file, b"")
    stream = it.socket(AF_UNIX, SOCK_STREAM)
    see(Process.bind, stream, unix(file))
    see(Process.bind, stream, unix(f"{file}/x"))
    see(Process.bind, stream, unix(f"{place}/"))
    see(Process.connect, it.socket(AF_UNIX, SOCK_STREAM), unix(place))
    see(Process.connect, it.socket(AF_UNIX, SOCK_STREAM), unix(file))
    see(Process.bind, stream, unix(place))
    see(Process.bind, stream, unix(f"{place}-2"))
    see(Process.open, f"{place}-2", 0)
    see(Process.connect, it.socket(AF_UNIX, SOCK_STREAM), unix(place))
    see(Process.connect, it.socket(AF_UNIX, SOCK_DGRAM), unix(place))
    it.listen(stream)
    client = it.socket(AF_UNIX, SOCK_STREAM)
    see(Process.connect, client, unix(place))
    see.data(name(it, client, call="getpeername"))
    see.data(name(it, stream))
    see(Process.open, place, 0)
    it.close(stream)
    see(Process.connect, it.socket(AF_UNIX, SOCK_STREAM), unix(place))
    see(Process.bind, it.socket(AF_UNIX, SOCK_STREAM), unix(place))
    see(Process.unlink, place)


def autobind(see: Seen, it: Process, port: int) -> None:
    fd = it.socket(AF_UNIX, SOCK_DGRAM)
    see(Process.bind, fd, b"\1\0")
    see(Process.bind, fd, b"\1\0")
    it.syscall("getsockname", fd, Out(32), size := packed("I", 32))
    see.all.append(len(size))
    see(Process.bind, fd, abstract("another"))


def tcp(see: Seen, it: Process, port: int, family: int = AF_INET) -> None:
    address = inet6(port) if family == AF_INET6 else inet(port)
    server, client = it.socket(family, SOCK_STREAM), it.socket(family, SOCK_STREAM)
    see(Process.connect, client, address)
    see(Process.sendto, client, b"x", None, QUIET)
    see(Process.recv, client, 1)
    see(lambda it: name(it, client, call="getpeername"))
    see(Process.shutdown, client, socket.SHUT_RDWR)
    see(Process.accept, server)
    see(Process.bind, server, address)
    see(Process.bind, server, address)
    see(Process.bind, it.socket(family, SOCK_STREAM), address)
    see(Process.connect, client, address)
    see(Process.listen, server)
    see(Process.listen, server)
    client = it.socket(family, SOCK_STREAM)
    see(Process.connect, client, address)
    see(Process.connect, client, address)
    see(Process.connect, server, address)
    see(Process.bind, client, inet(0))
    see(Process.listen, client)
    see.data(name(it, client, call="getpeername"))
    see(Process.sendto, client, b"request", unix("ignored"))
    accepted = it.accept(server)
    see.data(name(it, accepted))
    see.data(it.recv(accepted, 3))
    see.data(it.recv(accepted, 9))
    see(Process.recv, accepted, 9, socket.MSG_DONTWAIT)
    see(Process.sendto, accepted, b"answer")
    see(Process.shutdown, accepted, socket.SHUT_WR)
    see(Process.sendto, accepted, b"more", None, QUIET)
    see.data(it.recv(client, 9))
    see(Process.recv, client, 9)
    see(Process.connect, server, unspecified(address))
    see(Process.accept, server)
    see(Process.connect, it.socket(family, SOCK_STREAM), address)


def tcp6(see: Seen, it: Process, port: int) -> None:
    tcp(see, it, port, AF_INET6)


def disconnect(see: Seen, it: Process, port: int) -> None:
    server = it.server(AF_INET, SOCK_STREAM, inet(port))
    client = it.socket(AF_INET, SOCK_STREAM)
    it.connect(client, inet(port))
    it.sendto(client, b"x")
    see(Process.connect, client, unspecified(inet(0))[:2])
    see.all.append(name(it, client).data[2:4] == bytes(2))
    see(Process.sendto, client, b"x", None, QUIET)
    see(Process.sendto, client, b"x", None, QUIET)
    accepted = it.accept(server)
    see(Process.recv, accepted, 4)
    see(Process.connect, client, inet(port))
    see(Process.sendto, client, b"y")
    second = it.accept(server)
    see.data(it.recv(second, 4))
    see(Process.connect, second, unspecified(inet(0)))
    see(Process.recv, client, 4)
    see(Process.connect, second, inet(port))
    see.data(name(it, second, call="getpeername"))
    see(Process.shutdown, server, socket.SHUT_RDWR)
    see(Process.connect, it.socket(AF_INET, SOCK_STREAM), inet(port))
    see(Process.listen, server)
    see(Process.connect, it.socket(AF_INET, SOCK_STREAM), inet(port))


def fast_open(see: Seen, it: Process, port: int) -> None:
    def send(it: Process, address: bytes | None, size: int) -> None:
        fd = it.socket(AF_INET, SOCK_STREAM)
        it.syscall("sendto", fd, b"x", 1, MSG_FASTOPEN, address, size)

    see(send, inet(port), 16)
    server = it.server(AF_INET, SOCK_STREAM, inet(port))
    for address, size in (
        (None, 0), (None, 16), (inet(port), 0), (inet(port), 1), (inet(port), 15), (inet(port), 16),
        (unspecified(inet(port)), 16), (unspecified(inet(port)), 2), (inet6(port), 28),
    ):  # fmt: skip
        see(send, address, size)
    client = it.socket(AF_INET, SOCK_STREAM)
    see(Process.sendto, client, b"", inet(port), MSG_FASTOPEN)
    see(Process.sendto, client, b"", inet(port), MSG_FASTOPEN)
    see.data(it.recv(it.accept(server), 4))


def udp(see: Seen, it: Process, port: int) -> None:
    server, client = it.socket(AF_INET, SOCK_DGRAM), it.socket(AF_INET, SOCK_DGRAM)
    see(Process.listen, server)
    see(Process.accept, server)
    see(Process.bind, server, inet(port, ANY))
    see(Process.bind, it.socket(AF_INET, SOCK_DGRAM), inet(port))
    see(Process.bind, client, inet(port + 1))
    see(Process.sendto, client, b"x")
    see(Process.sendto, client, b"x", inet(0))
    see(Process.sendto, client, b"request", inet(port))
    see.data(it.recv(server, 3))
    see(Process.recv, server, 3, socket.MSG_DONTWAIT)
    see(Process.sendto, client, b"x", inet(port + 2))
    see(Process.connect, client, inet(port + 2))
    see(Process.sendto, client, b"x")
    see(Process.sendto, client, b"x")
    see(Process.sendto, client, b"x", inet(port))
    see.data(name(it, client, call="getpeername"))
    see.data(name(it, client))
    see(Process.connect, client, unspecified(inet(port)))
    see(Process.sendto, client, b"x")
    see(lambda it: name(it, client, call="getpeername"))
    see(Process.sendto, client, b"x", unspecified(inet(port)))
    see(Process.sendto, client, b"x", None, socket.MSG_OOB)
    see(Process.shutdown, client, socket.SHUT_RDWR)
    see(Process.sendto, it.socket(AF_INET, SOCK_DGRAM), b"x", inet(port, "192.0.2.1"))
    see(Process.send_each, it.socket(AF_INET, SOCK_DGRAM), b"x", inet(port), inet(0), inet(port))
    see(Process.send_each, it.socket(AF_INET, SOCK_DGRAM), b"x", inet(0), inet(port))
    see(Process.sendmsg, it.socket(AF_INET, SOCK_DGRAM), b"x", inet(port))
    see(Process.sendmsg, it.socket(AF_INET, SOCK_DGRAM), b"x")


def udp6(see: Seen, it: Process, port: int) -> None:
    server = it.server(AF_INET6, SOCK_DGRAM, inet6(port, "::"))
    see(Process.bind, it.socket(AF_INET, SOCK_DGRAM), inet(port))
    client = it.socket(AF_INET6, SOCK_DGRAM)
    for address in (inet6(port), inet6(port, MAPPED), inet(port), inet6(port, "::")):
        see(Process.sendto, client, b"x", address)
        see.data(it.recv(server, 1))
    see(Process.sendto, client, b"x", unspecified(inet6(port)))
    see(Process.connect, client, inet(port))
    see.data(name(it, client, call="getpeername"))
    see(Process.sendto, client, b"x", unspecified(inet6(port)))
    only = it.socket(AF_INET6, SOCK_DGRAM)
    see(Process.setsockopt, only, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    see(Process.sendto, only, b"x", inet(port))
    see(Process.connect, only, inet(port))
    see(Process.connect, only, inet6(port, MAPPED))
    see(Process.bind, only, inet6(port, MAPPED))
    see(Process.bind, only, inet6(port))


def addresses(see: Seen, it: Process, port: int) -> None:
    given = [
        b"", b"\2", inet(port)[:2], inet(port)[:15], inet(port), inet(port) + bytes(12),
        inet(port, "192.0.2.1"), inet(port, "127.9.9.9"), inet6(port)[:23], inet6(port)[:24],
        inet6(port), inet6(port, "2001:db8::1"), unix("/nowhere"), unspecified(inet(port)),
        unspecified(inet(port, ANY)), unspecified(inet6(port)), unspecified(inet6(port))[:23],
        inet(port) + bytes(112), inet(port) + bytes(113),
    ]  # fmt: skip
    for family in (AF_INET, AF_INET6):
        for kind in (SOCK_STREAM, SOCK_DGRAM):
            for address in given:
                fd = it.socket(family, kind)
                see(Process.bind, fd, address)
                it.close(fd)
                if address != inet(port) + bytes(113):
                    see(Process.connect, it.socket(family, kind), address)
                see(Process.sendto, it.socket(family, kind), b"x", address, QUIET)


def addrform(see: Seen, it: Process, port: int) -> None:
    it.server(AF_INET, SOCK_STREAM, inet(port))
    fd = it.socket(AF_INET6, SOCK_STREAM)
    form = socket.IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET
    see(Process.setsockopt, fd, *form)
    it.connect(fd, inet6(port, MAPPED))
    see(Process.setsockopt, fd, *form)
    see.data(name(it, fd, call="getpeername"))
    see(Process.connect, fd, unspecified(inet(0)))
    see(Process.connect, fd, inet6(port, MAPPED))
    see(Process.connect, fd, inet(port))


def chosen(see: Seen, it: Process, port: int) -> None:
    one = int.from_bytes(packed("HH", port, port), "little", signed=True)
    fds = [it.socket(AF_INET, SOCK_STREAM) for _ in range(4)]
    for fd in fds[:3]:
        it.setsockopt(fd, socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, one)
    see(Process.bind, fds[0], inet(0, ANY))
    see.data(name(it, fds[0]))
    see(Process.bind, fds[1], inet(0, ANY))
    see(Process.listen, fds[2])
    see(Process.setsockopt, fds[3], socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    see(Process.bind, fds[3], inet(0))
    see.data(name(it, fds[3]))


def kinds(see: Seen, it: Process, port: int) -> None:
    for family in (AF_INET, AF_INET6, AF_UNIX, 99, -1):
        for kind in (SOCK_STREAM, SOCK_DGRAM, 4, 11, SOCK_STREAM | 1 << 12):
            for protocol in (0, 1, 6, 17, 256, 263, -1):
                if family != AF_INET or protocol not in (1, 256):  # which machines differ in
                    action = it.observe(Process.socket, family, kind, protocol).outcome
                    see.all.append(action)
    fd = it.open("/", 0)
    see(Process.bind, fd, inet(port))
    see(Process.connect, fd, inet(port)[:1] * 200)
    see(Process.connect, fd, inet(port))
    see(Process.sendto, fd, b"x")
    see(Process.listen, fd)
    see(lambda it: it.syscall("socketpair", AF_INET, SOCK_STREAM, 0, Out(8)))
    see(lambda it: it.syscall("socketpair", AF_UNIX, SOCK_STREAM, 0, 0))


def told(see: Seen, it: Process, port: int) -> None:
    """The owner of a socket is told of what happens to it."""
    it.block_signals(SIGIO)
    me = it.syscall("getpid")

    def asynchronous(fd: Fd) -> Fd:
        it.fcntl(fd, F_SETOWN, me)
        it.fcntl(fd, F_SETFL, os.O_ASYNC)
        return fd

    def then(action: Callable[..., object], *arguments: object) -> None:
        see(action, *arguments)
        see(Process.take_signal, SIGIO)

    for family, address in ((AF_UNIX, abstract(f"told-{port}")), (AF_INET, inet(port))):
        server = it.server(family, SOCK_STREAM, address)
        asynchronous(server)
        client = asynchronous(it.socket(family, SOCK_STREAM))
        then(Process.connect, client, address)
        accepted = it.accept(server)
        then(Process.sendto, accepted, b"x")
        then(Process.recv, client, 1)
        then(Process.shutdown, accepted, socket.SHUT_WR)
        then(Process.close, accepted)
        it.close(client)
    fd = asynchronous(it.socket(AF_INET, SOCK_DGRAM))
    then(Process.bind, fd, inet(port))
    then(Process.sendto, it.socket(AF_INET, SOCK_DGRAM), b"x", inet(port))
    it.connect(fd, inet(port + 1))
    then(Process.sendto, fd, b"x")


PROGRAMS = [
    unix_streams, unix_datagrams, unix_seqpackets, unix_addresses, paths, autobind, tcp, tcp6,
    disconnect, fast_open, udp, udp6, addresses, addrform, chosen, kinds, told,
]  # fmt: skip


def outcomes(process: Process, program: Callable[[Seen, Process, int], None]) -> list[object]:
    see = Seen(process)
    program(see, process, 40010)
    return see.all


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda it: it.__name__)
def test_as_the_running_kernel(
    local: Process, model: Process, program: Callable[[Seen, Process, int], None]
) -> None:
    child = local.fork()
    child.unshare(CLONE_NEWNET)
    child.loopback_up()
    assert outcomes(model, program) == outcomes(child, program)
    local.session.kill(child.id)
