# SPDX-License-Identifier: MIT
"""Sockets that are bound, connected and listened to by way of io_uring.

Source: io_uring/net.c, io_connect(), io_bind() and io_listen(), which call what the system calls
do, with the credentials of who submits, or with those that the ring keeps.
"""

from collections.abc import Callable
from socket import AF_INET, SOCK_STREAM

from msgspec.structs import replace

from cases.controls import though_denied
from suite.case import (
    NET, Allowed, Case, Denied, Fd, Judge, Need, Process, Ring, Ruleset, answers, covers, inet,
    needs, since, table,
)  # fmt: skip
from suite.process.calls.uring import SETUP_SQPOLL

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
TCP = Ruleset(net=BIND | CONNECT)
ALLOWED = since(TCP.net, Allowed())


class Operation(Case, frozen=True, kw_only=True):
    """An operation on a port where somebody listens, or on the next one."""

    right: NET
    call: Callable[[Process, Ring, Fd, int], object]


def connect(process: Process, ring: Ring, fd: Fd, port: int) -> None:
    ring.connect(process, fd, inet(port))


def connect_by_worker(process: Process, ring: Ring, fd: Fd, port: int) -> None:
    ring.asynchronous = True
    ring.connect(process, fd, inet(port))


def connect_by_new_ring(process: Process, ring: Ring, fd: Fd, port: int) -> None:
    connect(process, process.uring(), fd, port)


def bind(process: Process, ring: Ring, fd: Fd, port: int) -> None:
    ring.bind(process, fd, inet(port + 1))


def bind_port_0(process: Process, ring: Ring, fd: Fd, port: int) -> None:
    ring.bind(process, fd, inet(0))


def operation(
    right: NET, call: Callable[[Process, Ring, Fd, int], object], need: Need = Need.URING
) -> Operation:
    expect = since(right, Denied("EACCES"))
    return Operation(right=right, covers=right, call=call, needs=(need,), expect=expect)


WITHOUT = {
    "connect": operation(CONNECT, connect),
    "connect-by-worker": operation(CONNECT, connect_by_worker),
    "connect-by-new-ring": operation(CONNECT, connect_by_new_ring),
    "bind": operation(BIND, bind, Need.URING_BIND),
    "bind-port-0": operation(BIND, bind_port_0, Need.URING_BIND),
}
WITH = {
    f"{name}-with-rule": replace(row, expect=since(row.right, Allowed()))
    for name, row in WITHOUT.items()
}


def use(process: Process, case: Operation, ring: Ring, port: int) -> None:
    fd = process.socket(AF_INET, SOCK_STREAM)
    case.call(process, ring, fd, port)
    process.close(fd)


def check(case: Operation, process: Process, port: int, ruleset: Ruleset, judge: Judge) -> None:
    process.server(AF_INET, SOCK_STREAM, inet(port))
    ring = process.uring()
    control = process.observe(use, case, ring, port)
    observed = process.under(ruleset).observe(use, case, ring, port)
    judge(case.expect, observed, control)


@answers("net-io_uring", "inh-io_uring-inline")
@needs(Need.NET)
@table(WITHOUT)
def test_without_a_rule(case: Operation, process: Process, port: int, judge: Judge) -> None:
    """An operation is denied without a rule, whoever made the ring, also when a worker does it."""
    check(case, process, port, Ruleset(net=case.right), judge)


@answers("net-io_uring")
@needs(Need.NET)
@table(WITH)
def test_with_a_rule(case: Operation, process: Process, port: int, judge: Judge) -> None:
    """A rule on the port allows it."""
    ruleset = Ruleset(net=case.right)
    for allowed in (port, port + 1, 0):
        ruleset = ruleset.allow_port(allowed, case.right)
    check(case, process, port, ruleset, judge)


@answers("net-io_uring")
@needs(Need.NET, Need.URING_BIND, Need.INET)
@covers(BIND)
def test_listen(process: Process, judge: Judge) -> None:
    """IORING_OP_LISTEN gives a socket a port without a right, as listen(2) does."""
    ring = process.uring()
    sandboxed = process.under(TCP)
    fds = [sandboxed.socket(AF_INET, SOCK_STREAM) for _ in range(2)]
    explicit = sandboxed.observe(Process.bind, fds[0], inet(0))
    by_ring = sandboxed.observe(ring.listen, fds[1])
    judge(ALLOWED, though_denied(explicit, by_ring))


@answers("net-io_uring", "inh-io_uring-personality")
@needs(Need.NET, Need.URING)
@covers(CONNECT)
def test_personality(process: Process, port: int, judge: Judge) -> None:
    """Credentials that were registered outside of the domain connect as outside of it."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    ring = process.uring()
    ring.personality = ring.register_personality(process)
    sandboxed = process.under(TCP)
    fds = [sandboxed.socket(AF_INET, SOCK_STREAM) for _ in range(2)]
    direct = sandboxed.observe(Process.connect, fds[0], inet(port))
    judge(ALLOWED, though_denied(direct, sandboxed.observe(ring.connect, fds[1], inet(port))))


@answers("net-io_uring", "inh-io_uring-sqpoll-pre")
@needs(Need.NET, Need.URING_POLLING)
@covers(CONNECT)
def test_polled(process: Process, port: int, judge: Judge) -> None:
    """A polling thread that was made before connects as outside of the domain."""
    process.server(AF_INET, SOCK_STREAM, inet(port))
    sandboxed = process.fork()
    ring = sandboxed.uring(SETUP_SQPOLL)
    sandboxed.restrict(TCP)
    fds = [sandboxed.socket(AF_INET, SOCK_STREAM) for _ in range(2)]
    direct = sandboxed.observe(Process.connect, fds[0], inet(port))
    judge(ALLOWED, though_denied(direct, sandboxed.observe(ring.connect, fds[1], inet(port))))
