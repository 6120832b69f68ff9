# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_RESOLVE_UNIX.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_RESOLVE_UNIX.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.calls.sockets import unix
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.tree import Tree

RESOLVE = Ruleset(fs=FS.RESOLVE_UNIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Case):
    """Where the server is: which process binds, given the parent and the sandboxed client."""

    place: Callable[[Process, Process], Process]


CASES = {
    "server-in-parent": Server(
        place=lambda parent, client: parent,
        expect=since(FS.RESOLVE_UNIX, Denied("EACCES")),
    ),
    "server-in-same-domain": Server(
        place=lambda parent, client: client.fork(),
        expect=since(FS.RESOLVE_UNIX, Allowed()),
    ),
    "server-in-nested-domain": Server(
        place=lambda parent, client: client.under(RESOLVE),
        expect=since(FS.RESOLVE_UNIX, Allowed()),
    ),
    "server-in-sibling-domain": Server(
        place=lambda parent, client: parent.under(RESOLVE),
        expect=since(FS.RESOLVE_UNIX, Denied("EACCES")),
    ),
}


def connect(process: Process, address: bytes) -> None:
    process.connect(process.socket(socket.AF_UNIX, socket.SOCK_STREAM), address)


@covers(FS.RESOLVE_UNIX)
@table(CASES)
def test_server(case: Server, process: Process, tree: Tree, judge: Judge) -> None:
    """connect(2) to a pathname socket is denied unless its server is in the domain."""
    address = unix(f"{tree.d1}/socket")
    client = process.under(RESOLVE)
    case.place(process, client).server(socket.AF_UNIX, socket.SOCK_STREAM, address)
    judge(case.expect, client.observe(connect, address), process.observe(connect, address))
