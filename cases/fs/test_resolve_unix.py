# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_RESOLVE_UNIX.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_RESOLVE_UNIX.
"""

import socket
from collections.abc import Callable

from cases.fs.resolve_unix import ALLOWED, DENIED, RESOLVE, connect
from suite.case import (
    FS, O_PATH, Call, Case, Judge, Pack, Process, Tree, answers, covers, table, unix, unspecified,
)  # fmt: skip


class Server(Case, frozen=True, kw_only=True):
    """Where the server is: which process binds, given the parent and the sandboxed client."""

    place: Callable[[Process, Process], Process]


CASES = {
    "server-in-parent": Server(
        place=lambda parent, client: parent,
        answers=("unix-connect-stream", "llr-18"),
        expect=DENIED,
    ),
    "server-in-same-domain": Server(
        place=lambda parent, client: client.fork(),
        answers="unix-own-server-after",
        expect=ALLOWED,
    ),
    "server-in-nested-domain": Server(
        place=lambda parent, client: client.under(RESOLVE),
        answers=("unix-server-in-child-domain", "llr-18"),
        expect=ALLOWED,
    ),
    "server-in-sibling-domain": Server(
        place=lambda parent, client: parent.under(RESOLVE),
        answers="unix-unrelated-domains",
        expect=DENIED,
    ),
}


@covers(FS.RESOLVE_UNIX)
@table(CASES)
def test_server(case: Server, process: Process, tree: Tree, judge: Judge) -> None:
    """connect(2) to a pathname socket is denied unless its server is in the domain."""
    address = unix(f"{tree.d1}/socket")
    client = process.under(RESOLVE)
    case.place(process, client).server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    judge(case.expect, client.observe(connect, address), process.observe(connect, address))


class Client(Case, frozen=True, kw_only=True):
    """What a client does with its own socket and a server outside of its domain."""

    kind: int
    before: Callable[[Process, Call, bytes], object] = lambda process, fd, address: None
    """Before it enters its domain."""
    call: Callable[[Process, Call, bytes], object]


def send(process: Process, fd: Call, _: bytes) -> None:
    process.sendto(fd, b"x")


def send_to(process: Process, fd: Call, address: bytes) -> None:
    process.sendto(fd, b"x", address)


def send_message(process: Process, fd: Call, address: bytes) -> None:
    part = Pack(((8, b"x"), (8, 1)))
    message = Pack(((8, address), (4, len(address)), bytes(4), (8, part), (8, 1), bytes(24)))
    process.syscall("sendmsg", fd, message, 0)


def disconnect(process: Process, fd: Call, address: bytes) -> None:
    process.connect(fd, unspecified(address))


CLIENTS = {
    "stream-connect": Client(
        kind=socket.SOCK_STREAM,
        call=Process.connect,
        answers=("unix-connect-stream", "llr-18", "unix-client-socket-precreated"),
        expect=DENIED,
    ),
    "seqpacket-connect": Client(
        kind=socket.SOCK_SEQPACKET,
        call=Process.connect,
        answers="unix-connect-seqpacket",
        expect=DENIED,
    ),
    "dgram-connect": Client(
        kind=socket.SOCK_DGRAM,
        call=Process.connect,
        answers="unix-connect-dgram",
        expect=DENIED,
    ),
    "dgram-sendto": Client(
        kind=socket.SOCK_DGRAM,
        call=send_to,
        answers="unix-sendto-dgram",
        expect=DENIED,
    ),
    "dgram-sendmsg": Client(
        kind=socket.SOCK_DGRAM,
        call=send_message,
        answers="unix-sendto-dgram",
        expect=DENIED,
    ),
    "stream-connected-before": Client(
        kind=socket.SOCK_STREAM,
        before=Process.connect,
        call=send,
        answers=("unix-preconnected-stream", "gap-connected-sockets"),
        expect=ALLOWED,
    ),
    "dgram-connected-before": Client(
        kind=socket.SOCK_DGRAM,
        before=Process.connect,
        call=send,
        answers=("unix-preconnected-dgram", "llr-18", "gap-connected-sockets"),
        expect=ALLOWED,
    ),
    "dgram-connected-before-sendto": Client(
        kind=socket.SOCK_DGRAM,
        before=Process.connect,
        call=send_to,
        answers=("unix-preconnected-dgram", "llr-18", "gap-connected-sockets"),
        expect=DENIED,
    ),
    "dgram-connected-before-disconnect": Client(
        kind=socket.SOCK_DGRAM,
        before=Process.connect,
        call=disconnect,
        answers=("unix-preconnected-dgram", "llr-18", "gap-connected-sockets"),
        expect=ALLOWED,
    ),
}


@covers(FS.RESOLVE_UNIX)
@table(CLIENTS)
def test_client(case: Client, process: Process, tree: Tree, judge: Judge) -> None:
    """Whatever looks a path up is denied; a connection that stands may be used."""
    address = unix(f"{tree.d1}/socket")
    process.server(socket.AF_UNIX, case.kind, address)
    fds = [process.socket(socket.AF_UNIX, case.kind) for _ in range(2)]
    for fd in fds:
        case.before(process, fd, address)
    control = process.observe(case.call, fds[0], address)
    observed = process.under(RESOLVE).observe(case.call, fds[1], address)
    judge(case.expect, observed, control)


class Rule(Case, frozen=True, kw_only=True):
    """The path of a rule."""

    path: str


RULES = {
    "rule-on-socket": Rule(path="d1/socket", answers="unix-socket-file-rule", expect=ALLOWED),
    "rule-on-folder": Rule(path="d1", answers="unix-dir-rule", expect=ALLOWED),
    "rule-on-other-folder": Rule(path="d2", answers="unix-dir-rule", expect=DENIED),
}


@covers(FS.RESOLVE_UNIX)
@table(RULES)
def test_rule(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the socket or on a folder above it allows to connect."""
    address = unix(f"{tree.d1}/socket")
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    control = process.observe(connect, address)
    client = process.under(tree.layer(FS.RESOLVE_UNIX, {case.path: FS.RESOLVE_UNIX}))
    judge(case.expect, client.observe(connect, address), control)


@answers("unix-server-socket-created-before")
@covers(FS.RESOLVE_UNIX)
def test_made_before_the_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """A server belongs to the domain in which its socket was made, not bound."""
    address = unix(f"{tree.d1}/socket")
    fd = process.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sandboxed = process.under(RESOLVE)
    sandboxed.bind(fd, address)
    sandboxed.listen(fd)
    control = process.observe(connect, address)
    judge(DENIED, sandboxed.observe(connect, address), control)


@answers("unix-inherited-listener")
@covers(FS.RESOLVE_UNIX)
def test_own_server_of_before(process: Process, tree: Tree, judge: Judge) -> None:
    """Who listens already when it enters its domain can't connect to itself."""
    address = unix(f"{tree.d1}/socket")
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    control = process.observe(connect, address)
    process.restrict(RESOLVE)
    judge(DENIED, process.observe(connect, address), control)


class Path(Case, frozen=True, kw_only=True):
    """A path to a socket that is not its own; there is a server in d1 and in d2."""

    make: Callable[[Process, Tree], str]


def by_descriptor(process: Process, tree: Tree) -> str:
    process.syscall("dup3", process.open(f"{tree.d2}/socket", O_PATH), 99, 0)
    return "/proc/self/fd/99"


def link(process: Process, place: str, target: str) -> str:
    process.symlink(f"{target}/socket", f"{place}/link")
    return f"{place}/link"


PATHS = {
    "proc-fd": Path(
        make=by_descriptor,
        answers="unix-via-proc-fd",
        expect=DENIED,
    ),
    "symlink-in-allowed-folder": Path(
        make=lambda process, tree: link(process, tree.d1, tree.d2),
        answers="unix-via-symlink",
        expect=DENIED,
    ),
    "symlink-to-allowed-folder": Path(
        make=lambda process, tree: link(process, tree.d2, tree.d1),
        answers="unix-via-symlink",
        expect=ALLOWED,
    ),
}


@covers(FS.RESOLVE_UNIX)
@table(PATHS)
def test_path(case: Path, process: Process, tree: Tree, judge: Judge) -> None:
    """What counts is where the socket is, not by which path it is found."""
    for folder in (tree.d1, tree.d2):
        process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{folder}/socket"))
    address = unix(case.make(process, tree))
    control = process.observe(connect, address)
    client = process.under(tree.layer(FS.RESOLVE_UNIX, {"d1": FS.RESOLVE_UNIX}))
    judge(case.expect, client.observe(connect, address), control)
