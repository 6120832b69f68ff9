# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and sockets that were there before.

A server is where its socket was made, by socket(2), and a client where connect(2) is called. What
is connected stays so.

Source: sock_is_scoped() and hook_unix_may_send() in security/landlock/task.c; unix(7).
"""

from socket import AF_UNIX, SOCK_DGRAM

from cases.scope.abstract import ALLOWED, CONNECTIONS, DENIED, KINDS, SCOPED, Kind, connect, of
from suite.case import SCOPE, Fd, Judge, Process, Tree, abstract, answers, covers, table


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "own-{}-server", "scu-own-pre", DENIED))
def test_own_server(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A server of one's own that was made before is outside."""
    sandboxed = process.fork()
    sandboxed.server(AF_UNIX, case.kind, abstract(tree.path))
    control = sandboxed.observe(connect, abstract(tree.path), case.kind)
    sandboxed.restrict(SCOPED)
    judge(DENIED, sandboxed.observe(connect, abstract(tree.path), case.kind), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-server-bound-later", "scu-pre-socket-late-bind", DENIED))
def test_bound_later(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was made before is outside, even if it gets its name in the domain."""
    sandboxed = process.fork()
    server = sandboxed.socket(AF_UNIX, case.kind)
    sandboxed.restrict(SCOPED)
    sandboxed.bind(server, abstract(tree.path))
    if case.kind != SOCK_DGRAM:
        sandboxed.listen(server)
    control = process.observe(connect, abstract(tree.path), case.kind)
    judge(DENIED, sandboxed.observe(connect, abstract(tree.path), case.kind), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-server-passed-in", "scu-creator-domain", DENIED))
def test_server_passed_in(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that is served in the domain, but made outside, is out of reach there."""
    sandboxed = process.under(SCOPED)
    server = process.give(process.socket(AF_UNIX, case.kind), sandboxed)
    sandboxed.bind(server, abstract(tree.path))
    if case.kind != SOCK_DGRAM:
        sandboxed.listen(server)
    control = process.observe(connect, abstract(tree.path), case.kind)
    judge(DENIED, sandboxed.fork().observe(connect, abstract(tree.path), case.kind), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-server-passed-out", "scu-creator-domain", ALLOWED))
def test_server_passed_out(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was made in the domain is in reach, whoever serves it."""
    sandboxed = process.under(SCOPED)
    server = sandboxed.give(sandboxed.socket(AF_UNIX, case.kind), process)
    process.bind(server, abstract(tree.path))
    if case.kind != SOCK_DGRAM:
        process.listen(server)
    judge(ALLOWED, sandboxed.observe(connect, abstract(tree.path), case.kind))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-client-passed-in", "scu-client-socket-irrelevant", DENIED))
def test_client_passed_in(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """What counts on the client's side is who connects, not who made the socket."""
    process.server(AF_UNIX, case.kind, abstract(tree.path))
    control = process.observe(connect, abstract(tree.path), case.kind)
    sandboxed = process.under(SCOPED)
    client = process.give(process.socket(AF_UNIX, case.kind), sandboxed)
    judge(DENIED, sandboxed.observe(Process.connect, client, abstract(tree.path)), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-client-passed-out", "scu-client-socket-irrelevant", ALLOWED))
def test_client_passed_out(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was made in a domain connects to any server in a process outside."""
    process.server(AF_UNIX, case.kind, abstract(tree.path))
    sandboxed = process.under(SCOPED)
    client = sandboxed.give(sandboxed.socket(AF_UNIX, case.kind), process)
    judge(ALLOWED, process.observe(Process.connect, client, abstract(tree.path)))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(CONNECTIONS, "{}-accepted", "scu-server-accept", ALLOWED))
def test_accepted(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A server in a domain talks to the clients that came from outside."""
    sandboxed = process.under(SCOPED)
    server = sandboxed.server(AF_UNIX, case.kind, abstract(tree.path))
    connect(process, abstract(tree.path), case.kind)
    judge(ALLOWED, sandboxed.observe(accept_and_send, server))


def accept_and_send(process: Process, server: Fd) -> None:
    process.sendto(process.accept(server), b"x")


@answers("gap-connected-sockets")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-connected-before", "scu-connected-pre", ALLOWED))
def test_connected(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was connected before goes on."""
    process.server(AF_UNIX, case.kind, abstract(tree.path))
    client = process.socket(AF_UNIX, case.kind)
    process.connect(client, abstract(tree.path))
    judge(ALLOWED, process.under(SCOPED).observe(Process.sendto, client, b"x"))


@answers("gap-connected-sockets")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-connected-passed-in", "scu-scm-rights-in", ALLOWED))
def test_connected_passed_in(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket that was connected outside is of use in the domain."""
    process.server(AF_UNIX, case.kind, abstract(tree.path))
    sandboxed = process.under(SCOPED)
    client = process.socket(AF_UNIX, case.kind)
    process.connect(client, abstract(tree.path))
    judge(ALLOWED, sandboxed.observe(Process.sendto, process.give(client, sandboxed), b"x"))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "{}-pair", "scu-unnamed", ALLOWED))
def test_pair(case: Kind, process: Process, judge: Judge) -> None:
    """Sockets without a name are no matter of the scope."""
    end, _ = process.socketpair(case.kind)
    judge(ALLOWED, process.under(SCOPED).observe(Process.sendto, end, b"x"))
