# SPDX-License-Identifier: MIT
"""Who makes the call counts, not who made the socket, nor when.

Source: Documentation/userspace-api/landlock.rst, "Rights associated with file descriptors";
security/landlock/net.c.
"""

from dataclasses import replace
from socket import AF_INET, SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM

from suite.case import (
    NET, Allowed, Call, Denied, Fd, Judge, Need, Process, Ruleset, answers, covers, inet, needs,
    since,
)  # fmt: skip

TCP = Ruleset(net=NET.BIND_TCP | NET.CONNECT_TCP)
UDP = Ruleset(net=NET.BIND_UDP | NET.CONNECT_SEND_UDP)
TCP_DENIED, TCP_ALLOWED = since(TCP.net, Denied("EACCES")), since(TCP.net, Allowed())
UDP_DENIED, UDP_ALLOWED = since(UDP.net, Denied("EACCES")), since(UDP.net, Allowed())
MESSAGE = b"x"


@answers("net-presocket-unbound")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_made_before(process: Process, port: int, judge: Judge) -> None:
    """A socket that was made before is restricted when it connects."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(Process.connect, process.socket(AF_INET, SOCK_STREAM), inet(port))
    fd = process.socket(AF_INET, SOCK_STREAM)
    judge(TCP_DENIED, process.under(TCP).observe(Process.connect, fd, inet(port)), control)


@answers("net-presocket-unbound")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_made_before_binds(process: Process, port: int, judge: Judge) -> None:
    """A socket that was made before is restricted when it is bound."""
    fds = [process.socket(AF_INET, SOCK_STREAM) for _ in range(2)]
    control = process.observe(Process.bind, fds[0], inet(port + 1))
    judge(TCP_DENIED, process.under(TCP).observe(Process.bind, fds[1], inet(port)), control)


@answers("net-presocket-bound", "net-accept")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_bound_before(process: Process, port: int, judge: Judge) -> None:
    """A socket that was bound before can listen, and accept connections."""
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.bind(fd, inet(port))
    sandboxed = process.under(TCP)

    def serve(server: Process) -> None:
        server.listen(fd)
        process.connect(process.socket(AF_INET, SOCK_STREAM), inet(port))
        server.accept(fd)

    judge(TCP_ALLOWED, sandboxed.observe(serve))


@answers("net-accept")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_accepted(process: Process, port: int, judge: Judge) -> None:
    """Connections to a port that may be bound are accepted, and used both ways."""
    sandboxed = process.under(replace(TCP, ports=((port, NET.BIND_TCP),)))

    def serve(server: Process) -> None:
        fd = server.server(AF_INET, SOCK_STREAM, inet(port))
        client = process.socket(AF_INET, SOCK_STREAM)
        process.connect(client, inet(port))
        process.sendto(client, MESSAGE)
        accepted = server.accept(fd)
        server.recv(accepted, len(MESSAGE))
        server.sendto(accepted, MESSAGE)

    judge(TCP_ALLOWED, sandboxed.observe(serve))


def converse(process: Process, fd: Fd) -> None:
    """Send, receive what is there, end the connection."""
    process.sendto(fd, MESSAGE)
    process.recv(fd, len(MESSAGE))
    process.shutdown(fd, SHUT_RDWR)


def connected(process: Process, port: int) -> Call:
    """To a server that has sent something."""
    server = process.server(AF_INET, SOCK_STREAM, inet(port))
    fd = process.socket(AF_INET, SOCK_STREAM)
    process.connect(fd, inet(port))
    process.sendto(process.accept(server), MESSAGE)
    return fd


@answers("net-presocket-connected")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_connected_before(process: Process, port: int, judge: Judge) -> None:
    """A socket that was connected before goes on."""
    fd = connected(process, port)
    judge(TCP_ALLOWED, process.under(TCP).observe(converse, fd))


@answers("net-sock-out-of-sandbox")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_passed_out(process: Process, port: int, judge: Judge) -> None:
    """A socket that was made in a domain is not restricted outside of it."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    sandboxed = process.under(TCP)
    fd = sandboxed.give(sandboxed.socket(AF_INET, SOCK_STREAM), process)
    judge(TCP_ALLOWED, process.observe(Process.connect, fd, inet(port)))


@answers("net-sock-into-sandbox")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_passed_in(process: Process, port: int, judge: Judge) -> None:
    """A socket that was made outside is restricted in a domain."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(Process.connect, process.socket(AF_INET, SOCK_STREAM), inet(port))
    sandboxed = process.under(TCP)
    fd = process.give(process.socket(AF_INET, SOCK_STREAM), sandboxed)
    judge(TCP_DENIED, sandboxed.observe(Process.connect, fd, inet(port)), control)


@answers("net-sock-into-sandbox")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_passed_in_connected(process: Process, port: int, judge: Judge) -> None:
    """A connection from outside goes on in a domain."""
    sandboxed = process.under(TCP)
    fd = process.give(connected(process, port), sandboxed)
    judge(TCP_ALLOWED, sandboxed.observe(converse, fd))


@answers("net-sock-into-sandbox")
@needs(Need.NET)
@covers(TCP.net)
def test_tcp_passed_in_bound(process: Process, port: int, judge: Judge) -> None:
    """A socket that was bound outside can listen in a domain."""
    bound = process.socket(AF_INET, SOCK_STREAM)
    process.bind(bound, inet(port))
    sandboxed = process.under(TCP)
    judge(TCP_ALLOWED, sandboxed.observe(Process.listen, process.give(bound, sandboxed)))


@needs(Need.NET)
@covers(UDP.net)
def test_udp_connected_before(process: Process, port: int, judge: Judge) -> None:
    """A UDP socket that was connected before can send to its peer."""
    fd = process.socket(AF_INET, SOCK_DGRAM)
    process.connect(fd, inet(port))
    judge(UDP_ALLOWED, process.under(UDP).observe(Process.sendto, fd, MESSAGE))


@needs(Need.NET)
@covers(UDP.net)
def test_udp_connected_before_to_an_address(process: Process, port: int, judge: Judge) -> None:
    """An address is checked whenever it is given, even that of the peer."""
    process.server(AF_INET, SOCK_DGRAM, inet(port))
    fd = process.socket(AF_INET, SOCK_DGRAM)
    process.connect(fd, inet(port))
    control = process.observe(Process.sendto, fd, MESSAGE, inet(port))
    judge(UDP_DENIED, process.under(UDP).observe(Process.sendto, fd, MESSAGE, inet(port)), control)
