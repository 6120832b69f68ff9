# SPDX-License-Identifier: MIT
"""connect(2) to AF_UNSPEC ends what a socket is at, and gives it nothing.

Source: security/landlock/net.c, current_check_access_socket(), case AF_UNSPEC;
__inet_stream_connect() in net/ipv4/af_inet.c.
"""

from socket import AF_INET, AF_INET6, SOCK_STREAM

from suite.case import (
    NET, Allowed, Denied, Fd, Judge, Need, Process, Row, Ruleset, answers, covers, loopback, needs,
    since, table, unspecified,
)  # fmt: skip

TCP = Ruleset(net=NET.BIND_TCP | NET.CONNECT_TCP)
ALLOWED, DENIED = since(TCP.net, Allowed()), since(TCP.net, Denied("EACCES"))


class Family(Row, frozen=True, kw_only=True):
    """An address family."""

    family: int


def families(name: str) -> dict[str, Family]:
    return {
        f"{name}-ipv4": Family(family=AF_INET),
        f"{name}-ipv6": Family(family=AF_INET6, needs=(Need.IPV6,)),
    }


def connected(process: Process, family: int, port: int) -> Fd:
    fd = process.socket(family, SOCK_STREAM)
    process.connect(fd, loopback(family, port))
    return fd


def disconnect(process: Process, fd: Fd, family: int) -> None:
    process.connect(fd, unspecified(loopback(family, 0)))


def reconnect(process: Process, fd: Fd, family: int, port: int) -> None:
    disconnect(process, fd, family)
    process.connect(fd, loopback(family, port))


@answers("net-unspec-connect")
@needs(Need.NET)
@covers(NET.CONNECT_TCP)
@table(families("disconnect"))
def test_disconnect(case: Family, process: Process, port: int, judge: Judge) -> None:
    """A connection may be ended in a domain that allows none."""
    process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    fd = connected(process, case.family, port)
    judge(ALLOWED, process.under(TCP).observe(disconnect, fd, case.family))


@answers("net-unspec-connect")
@needs(Need.NET)
@covers(NET.CONNECT_TCP)
@table(families("reconnect"))
def test_reconnect(case: Family, process: Process, port: int, judge: Judge) -> None:
    """A socket that was connected to a port, and disconnected, is denied the port as a new one."""
    process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    fds = [connected(process, case.family, port) for _ in range(2)]
    control = process.observe(reconnect, fds[0], case.family, port)
    sandboxed = process.under(TCP)
    sandboxed.connect(fds[1], unspecified(loopback(case.family, 0)))
    observed = sandboxed.observe(Process.connect, fds[1], loopback(case.family, port))
    judge(DENIED, observed, control)


@answers("net-unspec-connect")
@needs(Need.NET)
@covers(NET.CONNECT_TCP)
@table(families("reconnect-accepted"))
def test_reconnect_accepted(case: Family, process: Process, port: int, judge: Judge) -> None:
    """So is one that was accepted, which never needed a right before."""
    server = process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    for _ in range(2):
        connected(process, case.family, port)
    fds = [process.accept(server) for _ in range(2)]
    control = process.observe(reconnect, fds[0], case.family, port)
    sandboxed = process.under(TCP)
    sandboxed.connect(fds[1], unspecified(loopback(case.family, 0)))
    observed = sandboxed.observe(Process.connect, fds[1], loopback(case.family, port))
    judge(DENIED, observed, control)


@answers("net-unspec-connect-listener")
@needs(Need.NET)
@covers(NET.BIND_TCP)
@table(families("listen-again"))
def test_listen_again(case: Family, process: Process, port: int, judge: Judge) -> None:
    """A server that was bound before can stop listening, and listen on its port again."""
    server = process.server(case.family, SOCK_STREAM, loopback(case.family, port))

    def listen_again(sandboxed: Process) -> None:
        disconnect(sandboxed, server, case.family)
        sandboxed.listen(server)
        connected(process, case.family, port)
        sandboxed.accept(server)

    judge(ALLOWED, process.under(TCP).observe(listen_again))
