# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET.

Source: include/uapi/linux/landlock.h, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET; Documentation/
userspace-api/landlock.rst, "IPC scoping".
"""

from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from cases.relations import SCOPE_RELATIONS, UNSCOPED, Relation
from suite.abi import FS, SCOPE
from suite.calls.sockets import abstract, unix
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import Tree

SCOPED = Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
DENIED = since(SCOPE.ABSTRACT_UNIX_SOCKET, Denied("EPERM"))
ALLOWED = since(SCOPE.ABSTRACT_UNIX_SOCKET, Allowed())


def connect(process: Process, address: bytes, kind: int = SOCK_STREAM) -> None:
    process.connect(process.socket(AF_UNIX, kind), address)


def sendto(process: Process, address: bytes, kind: int = SOCK_DGRAM) -> None:
    process.sendto(process.socket(AF_UNIX, kind), b"x", address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Case):
    """Who connects to whose server."""

    relation: Relation


PROCESSES = {
    name: Between(relation=relation, expect=ALLOWED if relation.reaches else DENIED)
    for name, relation in SCOPE_RELATIONS.items()
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(PROCESSES)
def test_processes(case: Between, process: Process, tree: Tree, judge: Judge) -> None:
    """connect(2) is denied to servers that are not in the client's domain or one nested in it."""
    client, server = case.relation.place(process, SCOPED)
    server.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    control = process.observe(connect, abstract(tree.path))
    judge(case.expect, client.observe(connect, abstract(tree.path)), control)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Case):
    """A way to talk to a server outside."""

    kind: int
    talk: Callable[[Process, bytes, int], object]


WAYS = {
    "stream": Way(kind=SOCK_STREAM, talk=connect, expect=DENIED),
    "seqpacket": Way(kind=SOCK_SEQPACKET, talk=connect, expect=DENIED),
    "datagram-connect": Way(kind=SOCK_DGRAM, talk=connect, expect=DENIED),
    "datagram-sendto": Way(kind=SOCK_DGRAM, talk=sendto, expect=DENIED),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(WAYS)
def test_ways(case: Way, process: Process, tree: Tree, judge: Judge) -> None:
    """Sockets of all types are scoped."""
    address = abstract(tree.path)
    process.server(AF_UNIX, case.kind, address)
    control = process.observe(case.talk, address, case.kind)
    judge(case.expect, process.under(SCOPED).observe(case.talk, address, case.kind), control)


def test_without_the_scope(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain without the scope restricts no abstract socket."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    observed = process.under(UNSCOPED).observe(connect, abstract(tree.path))
    judge(since(FS.EXECUTE, Allowed()), observed)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_pathname_socket(process: Process, tree: Tree, judge: Judge) -> None:
    """A socket with a pathname is no matter of the scope."""
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, SOCK_STREAM, address)
    judge(ALLOWED, process.under(SCOPED).observe(connect, address))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_socketpair(process: Process, judge: Judge) -> None:
    """Sockets without a name are no matter of the scope."""
    end, _ = process.socketpair(SOCK_DGRAM)
    judge(ALLOWED, process.under(SCOPED).observe(Process.sendto, end, b"x"))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_connected_before(process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was connected before goes on."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    client = process.socket(AF_UNIX, SOCK_STREAM)
    process.connect(client, abstract(tree.path))
    judge(ALLOWED, process.under(SCOPED).observe(Process.sendto, client, b"x"))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_datagram_connected_before_to_another(process: Process, tree: Tree, judge: Judge) -> None:
    """A datagram socket that was connected before may not send to another server outside."""
    first, second = abstract(f"{tree.path}-1"), abstract(f"{tree.path}-2")
    process.server(AF_UNIX, SOCK_DGRAM, first)
    process.server(AF_UNIX, SOCK_DGRAM, second)
    client = process.socket(AF_UNIX, SOCK_DGRAM)
    process.connect(client, first)
    control = process.observe(Process.sendto, client, b"x", second)
    observed = process.under(SCOPED).observe(Process.sendto, client, b"x", second)
    judge(DENIED, observed, control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_own_server_made_before(process: Process, tree: Tree, judge: Judge) -> None:
    """A server belongs to the domain that its socket was made in: one made before is outside."""
    address = abstract(tree.path)
    sandboxed = process.fork()
    sandboxed.server(AF_UNIX, SOCK_STREAM, address)
    control = sandboxed.observe(connect, address)
    sandboxed.restrict(SCOPED)
    judge(DENIED, sandboxed.observe(connect, address), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_client_socket_made_before(process: Process, tree: Tree, judge: Judge) -> None:
    """What counts on the client's side is who connects, not who made the socket."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    sandboxed = process.fork()
    control = process.observe(connect, abstract(tree.path))
    client = sandboxed.socket(AF_UNIX, SOCK_STREAM)
    sandboxed.restrict(SCOPED)
    observed = sandboxed.observe(Process.connect, client, abstract(tree.path))
    judge(DENIED, observed, control)
