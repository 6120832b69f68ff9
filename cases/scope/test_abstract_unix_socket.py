# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: who may talk to whose socket, in every way.

Source: include/uapi/linux/landlock.h, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET; Documentation/
userspace-api/landlock.rst, "IPC scoping"; hook_unix_stream_connect() and hook_unix_may_send() in
security/landlock/task.c.
"""

from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.relations import SCOPE_RELATIONS, UNSCOPED, Relation
from cases.scope.abstract import ALLOWED, DENIED, SCOPED, WAYS, Way, connect
from suite.case import (
    FS, SCOPE, Allowed, Case, Judge, Need, Process, Ring, Ruleset, Tree, abstract, answers, covers,
    needs, own_memory, since, table,
)  # fmt: skip

NOBODY = 65534
ANSWERS = {
    "stream-domain-to-no-domain": ("scu-stream", "scu-lowabi"),
    "seqpacket-domain-to-no-domain": ("scu-seqpacket",),
    "datagram-connect-domain-to-no-domain": ("scu-dgram-connect",),
    "datagram-sendto-domain-to-no-domain": ("scu-dgram-sendto",),
    "stream-same-domain": ("scu-own-post",),
    "stream-no-domain-to-domain": ("scu-parent-to-child",),
    "stream-domain-to-nested-domain": ("scu-parent-to-child",),
    "stream-sibling-domains": ("scu-sibling",),
    "stream-unscoped-in-scoped-domain-to-no-domain": ("scu-nested-unscoped",),
    "stream-unscoped-in-scoped-domain-to-its-parent": ("scu-nested-unscoped",),
    "stream-scoped-in-unscoped-domain-to-its-parent": ("scu-nested-scoped-only",),
}


class Talk(Case, frozen=True, kw_only=True):
    """How a client talks to a server, and which domains they are in."""

    way: Way
    relation: Relation = SCOPE_RELATIONS["domain-to-no-domain"]


PROCESSES = {
    (row := f"{way}-{name}"): Talk(
        way=WAYS[way],
        relation=relation,
        answers=ANSWERS.get(row, ()),
        expect=ALLOWED if relation.reaches else DENIED,
    )
    for way in ("stream", "seqpacket", "datagram-connect", "datagram-sendto")
    for name, relation in SCOPE_RELATIONS.items()
}
OTHER_WAYS = {
    way: Talk(way=WAYS[way], expect=DENIED)
    for way in ("datagram-sendmsg", "datagram-sendmmsg", "raw")
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(PROCESSES | OTHER_WAYS)
def test_processes(case: Talk, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket is out of reach if it was made outside of the client's domain and those nested."""
    address = abstract(tree.path)
    client, server = case.relation.pair(process.fork(), SCOPED)
    server.server(AF_UNIX, case.way.kind, address)
    control = process.observe(case.way.talk, address, case.way.kind)
    judge(case.expect, client.observe(case.way.talk, address, case.way.kind), control)


class Other(Case, frozen=True, kw_only=True):
    """A domain that does not scope abstract sockets."""

    ruleset: Ruleset


OTHERS = {
    "without-the-scope": Other(
        ruleset=UNSCOPED,
        answers=("scu-other-scope-only", "scu-lowabi"),
        expect=since(FS.EXECUTE, Allowed()),
    ),
    "with-the-other-scope": Other(
        ruleset=Ruleset(scope=SCOPE.SIGNAL),
        answers="scu-other-scope-only",
        expect=since(SCOPE.SIGNAL, Allowed()),
    ),
}


@table(OTHERS)
def test_others(case: Other, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain without the scope restricts no abstract socket."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    judge(case.expect, process.under(case.ruleset).observe(connect, abstract(tree.path)))


@answers("scu-nested-unscoped", "scu-other-scope-only")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
def test_other_scope_in_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """A nested layer with the other scope alone does not keep a process from its outer domain."""
    outer = process.under(SCOPED)
    outer.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    inner = outer.under(Ruleset(scope=SCOPE.SIGNAL))
    judge(ALLOWED, inner.observe(connect, abstract(tree.path)))


class User(Case, frozen=True, kw_only=True):
    """What the client does with its credentials before it connects."""

    become: Callable[[Process], object]


USERS = {
    "with-all-capabilities": User(
        become=Process.getpid, needs=(Need.ROOT,), answers="scu-root", expect=DENIED
    ),
    "without-capabilities": User(become=Process.drop_capabilities, expect=DENIED),
    "after-setuid": User(
        become=lambda process: process.setuid(NOBODY),
        needs=(Need.ROOT,),
        answers="scu-root",
        expect=DENIED,
    ),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(USERS)
@own_memory
def test_users(case: User, process: Process, tree: Tree, judge: Judge) -> None:
    """No capability and no change of the user lifts the scope."""
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    free, sandboxed = process.fork(), process.under(SCOPED)
    for client in (free, sandboxed):
        case.become(client)
    control = free.observe(connect, abstract(tree.path))
    judge(DENIED, sandboxed.observe(connect, abstract(tree.path)), control)


def uring_connect(process: Process, ring: Ring, address: bytes) -> None:
    ring.connect(process, process.socket(AF_UNIX, SOCK_STREAM), address)


def uring_sendmsg(process: Process, ring: Ring, address: bytes) -> None:
    ring.sendmsg(process, process.socket(AF_UNIX, SOCK_DGRAM), b"x", address)


class ByRing(Case, frozen=True, kw_only=True):
    """What is submitted to a ring, and for which type of server."""

    kind: int
    talk: Callable[[Process, Ring, bytes], None]


BY_RING = {
    "uring-connect": ByRing(
        kind=SOCK_STREAM, talk=uring_connect, answers="scu-io_uring", expect=DENIED
    ),
    "uring-sendmsg": ByRing(kind=SOCK_DGRAM, talk=uring_sendmsg, expect=DENIED),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.URING)
@table(BY_RING)
def test_ring(case: ByRing, process: Process, tree: Tree, judge: Judge) -> None:
    """A ring that was made before is no way out."""
    process.server(AF_UNIX, case.kind, abstract(tree.path))
    ring = process.uring()
    control = process.observe(case.talk, ring, abstract(tree.path))
    judge(DENIED, process.under(SCOPED).observe(case.talk, ring, abstract(tree.path)), control)
