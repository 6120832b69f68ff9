# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and datagram sockets that were connected before.

They may send to the socket that they are connected to, by whatever means, and to no other.

Source: hook_unix_may_send() in security/landlock/task.c, which lets a socket's peer alone;
unix_dgram_connect() and unix_dgram_sendmsg() in net/unix/af_unix.c.
"""

from collections.abc import Callable
from socket import AF_UNIX, SO_PASSCRED, SOCK_DGRAM, SOL_SOCKET

from suite.packed import packed
from cases.scope.abstract import ALLOWED, DENIED, SCOPED
from suite.case import (
    SCOPE, Case, Fd, Int, Judge, Out, Pack, Process, Tree, abstract, answers, covers, table,
    unspecified,
)  # fmt: skip

AUTOBOUND_SIZE = 8
"""Of the address of a socket that was given a name."""
Talk = Callable[[Process, Fd, bytes, bytes], object]


class Connected(Case, frozen=True, kw_only=True):
    """What is done with a connected socket, given the name of its peer and that of another."""

    talk: Talk


def reconnect(process: Process, client: Fd, peer: bytes, other: bytes) -> None:
    process.connect(client, unspecified(peer))
    process.connect(client, peer)


CONNECTED = {
    "send": Connected(
        talk=lambda process, client, peer, other: process.sendto(client, b"x"),
        answers="scu-dgram-connected-send",
        expect=ALLOWED,
    ),
    "sendto-peer": Connected(
        talk=lambda process, client, peer, other: process.sendto(client, b"x", peer),
        answers="scu-dgram-connected-send",
        expect=ALLOWED,
    ),
    "sendto-another": Connected(
        talk=lambda process, client, peer, other: process.sendto(client, b"x", other),
        answers="scu-dgram-connected-other",
        expect=DENIED,
    ),
    "connect-to-another": Connected(
        talk=lambda process, client, peer, other: process.connect(client, other),
        answers="scu-dgram-connected-other",
        expect=DENIED,
    ),
    "connect-to-peer": Connected(
        talk=lambda process, client, peer, other: process.connect(client, peer),
        answers="scu-dgram-reconnect-same",
        expect=ALLOWED,
    ),
    "disconnect": Connected(
        talk=lambda process, client, peer, other: process.connect(client, unspecified(peer)),
        answers="scu-dgram-disconnect",
        expect=ALLOWED,
    ),
    "disconnect-and-connect": Connected(
        talk=reconnect, answers="scu-dgram-disconnect", expect=DENIED
    ),
}


def connected(process: Process, tree: Tree) -> tuple[Fd, bytes, bytes]:
    """A socket that is connected to the first of two servers."""
    peer, other = abstract(f"{tree.path}-peer"), abstract(f"{tree.path}-other")
    for address in (peer, other):
        process.server(AF_UNIX, SOCK_DGRAM, address)
    return process.socket(AF_UNIX, SOCK_DGRAM), peer, other


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(CONNECTED)
def test_connected(case: Connected, process: Process, tree: Tree, judge: Judge) -> None:
    """A datagram socket goes on with its peer, and begins with no other outside."""
    client, peer, other = connected(process, tree)
    process.connect(client, peer)
    control = process.observe(case.talk, client, peer, other)
    process.connect(client, peer)
    judge(case.expect, process.under(SCOPED).observe(case.talk, client, peer, other), control)


@answers("scu-dgram-connected-other")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_stays_connected(process: Process, tree: Tree, judge: Judge) -> None:
    """A denied connect(2) to another socket leaves the client connected as it was."""
    client, peer, other = connected(process, tree)
    process.connect(client, peer)
    sandboxed = process.under(SCOPED)
    sandboxed.observe(Process.connect, client, other)
    judge(ALLOWED, sandboxed.observe(Process.sendto, client, b"x"))


def send_twice(process: Process, end: Fd, name: bytes) -> None:
    process.sendto(end, b"x")
    process.sendto(end, b"x", name)


@answers("scu-socketpair-named")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_named_pair(process: Process, tree: Tree, judge: Judge) -> None:
    """An end of a socket pair reaches the other one, which has got an abstract name, by both."""
    end, peer = process.socketpair(SOCK_DGRAM)
    process.bind(peer, abstract(tree.path))
    judge(ALLOWED, process.under(SCOPED).observe(send_twice, end, abstract(tree.path)))


def reply(process: Process, server: Fd) -> None:
    """Answer a datagram from a name that the kernel chose."""
    size = packed("I", AUTOBOUND_SIZE)
    asked = process.syscall("recvfrom", server, Out(8), 8, 0, Out(AUTOBOUND_SIZE), size)
    address = Pack(((8, Int(asked, 8, 8)),))
    process.syscall("sendto", server, b"x", 1, 0, address, AUTOBOUND_SIZE)


@answers("scu-reply-abstract-client")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_reply(process: Process, tree: Tree, judge: Judge) -> None:
    """A server in a domain can't answer a client outside that wants credentials, hence has a name.

    Who asks for credentials is bound to an abstract name when it sends.
    """
    free, sandboxed = process.fork(), process.under(SCOPED)
    client = process.socket(AF_UNIX, SOCK_DGRAM)
    process.setsockopt(client, SOL_SOCKET, SO_PASSCRED, 1)
    observed = []
    for server, name in ((free, f"{tree.path}-free"), (sandboxed, tree.path)):
        fd = server.server(AF_UNIX, SOCK_DGRAM, abstract(name))
        process.sendto(client, b"request", abstract(name))
        observed.append(server.observe(reply, fd))
    control, denied = observed
    judge(DENIED, denied, control)
