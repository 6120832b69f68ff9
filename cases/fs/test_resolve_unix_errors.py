# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_RESOLVE_UNIX and the other reasons to refuse a client.

Landlock is asked when the socket of the path is found, and before its state is looked at.

Source: unix_find_bsd(), unix_stream_connect() and unix_stream_sendmsg() in net/unix/af_unix.c.
"""

from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.fs.resolve_unix import DENIED, RESOLVE, connect
from suite.case import (
    FS, Allowed, Call, Denied, Judge, Need, Process, Row, Tree, answers, covers, needs, own_memory,
    since, table, unix,
)  # fmt: skip

NOBODY = 65534


class Refused(Row, frozen=True, kw_only=True):
    """What a client does that fails in any case, on a socket that was made before its domain.

    There is a server at d1/socket.
    """

    call: Callable[[Process, Tree, Call], object]
    kind: int = SOCK_STREAM
    connected: bool = False
    errno: str


def connect_to(path: str) -> Callable[[Process, Tree, Call], object]:
    return lambda process, tree, fd: process.connect(fd, unix(f"{tree.path}/{path}"))


def send_to(process: Process, tree: Tree, fd: Call) -> None:
    process.sendto(fd, b"x", unix(f"{tree.d1}/socket"))


REFUSED = {
    "missing": Refused(
        call=connect_to("d1/missing"),
        errno="ENOENT",
        answers="unix-prec-missing",
    ),
    "no-socket": Refused(
        call=connect_to("d1/file"),
        errno="ECONNREFUSED",
        answers="unix-prec-not-socket-or-stale",
    ),
    "closed-server": Refused(
        call=connect_to("d1/closed"),
        errno="ECONNREFUSED",
        answers="unix-prec-not-socket-or-stale",
    ),
    "other-type": Refused(
        call=connect_to("d1/socket"),
        kind=SOCK_DGRAM,
        errno="EPROTOTYPE",
        answers="unix-prec-wrong-type",
    ),
    "stream-sendto": Refused(
        call=send_to,
        errno="EOPNOTSUPP",
        answers="unix-stream-sendto-addr",
    ),
    "connected-stream-sendto": Refused(
        call=send_to,
        connected=True,
        errno="EISCONN",
        answers="unix-stream-sendto-addr",
    ),
}


@covers(FS.RESOLVE_UNIX)
@table(REFUSED)
def test_before_landlock(case: Refused, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that may connect nowhere hears of other reasons first."""
    address = unix(f"{tree.d1}/socket")
    process.close(process.server(AF_UNIX, SOCK_STREAM, unix(f"{tree.d1}/closed")))
    process.server(AF_UNIX, SOCK_STREAM, address)
    fd = process.socket(AF_UNIX, case.kind)
    if case.connected:
        process.connect(fd, address)
    sandboxed = process.under(RESOLVE)
    denied = sandboxed.observe(connect, address).outcome
    observed = sandboxed.observe(case.call, tree, fd)
    control = Allowed() if denied == Denied("EACCES") else denied
    judge(since(FS.RESOLVE_UNIX, Denied(case.errno)), observed, control)


@answers("unix-prec-not-listening")
@covers(FS.RESOLVE_UNIX)
def test_not_listening(process: Process, tree: Tree, judge: Judge) -> None:
    """Landlock is asked before a stream socket is refused that does not listen."""
    address = unix(f"{tree.d1}/socket")
    process.bind(process.socket(AF_UNIX, SOCK_STREAM), address)
    outside = process.observe(connect, address).outcome
    control = Allowed() if outside == Denied("ECONNREFUSED") else outside
    judge(DENIED, process.under(RESOLVE).observe(connect, address), control)


@answers("unix-prec-dac")
@covers(FS.RESOLVE_UNIX)
@needs(Need.ROOT)
@own_memory
def test_permissions(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule gives no permission: a socket that others may not write to is still refused."""
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, SOCK_STREAM, address)
    sandboxed = process.under(RESOLVE.allow(tree.d1, FS.RESOLVE_UNIX))
    sandboxed.setuid(NOBODY)
    process.chmod(f"{tree.d1}/socket", 0o666)
    control = sandboxed.observe(connect, address)
    process.chmod(f"{tree.d1}/socket", 0o600)
    judge(DENIED, sandboxed.observe(connect, address), control)
