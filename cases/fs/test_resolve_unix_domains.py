# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_RESOLVE_UNIX between the domains of a client and of a server.

Each layer of the client that handles the right must allow: because the server is in the same
domain there or in one nested in it, or because of a rule.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_RESOLVE_UNIX; unmask_scoped_access() in
security/landlock/fs.c.
"""

from socket import AF_UNIX, SOCK_STREAM

from cases.fs.resolve_unix import ALLOWED, DENIED, RESOLVE, connect
from cases.relations import SCOPE_RELATIONS, Between, between
from suite.case import FS, Case, Judge, Process, Tree, answers, covers, table, unix

ANSWERS = {
    "domain-to-no-domain": "unix-connect-stream",
    "no-domain-to-domain": "unix-unsandboxed-to-sandboxed",
    "same-domain": "unix-own-server-after",
    "domain-to-nested-domain": "unix-server-in-child-domain",
    "nested-domain-to-its-parent": "unix-server-in-parent-domain",
    "sibling-domains": "unix-unrelated-domains",
    "sibling-domains-in-a-domain": "unix-sibling-domains",
    "unscoped-in-scoped-domain-to-its-parent": "unix-nested-layer-without-ux",
    "unscoped-siblings-in-a-domain": "unix-sibling-domains",
}


@covers(FS.RESOLVE_UNIX)
@table(between(SCOPE_RELATIONS, ALLOWED, DENIED, ANSWERS))
def test_processes(case: Between, process: Process, tree: Tree, judge: Judge) -> None:
    """connect(2) is denied to servers that are not in the client's domain or one nested in it."""
    address = unix(f"{tree.d1}/socket")
    client, server = case.relation.pair(process.fork(), RESOLVE)
    server.server(AF_UNIX, SOCK_STREAM, address)
    control = process.observe(connect, address)
    judge(case.expect, client.observe(connect, address), control)


class Mixed(Case, frozen=True, kw_only=True):
    """A client whose inner layer has a rule, and whose outer one has none."""

    server_inside: bool
    """Of the outer layer."""


MIXED = {
    "outer-by-domain-inner-by-rule": Mixed(server_inside=True, expect=ALLOWED),
    "outer-by-nothing-inner-by-rule": Mixed(server_inside=False, expect=DENIED),
}


@answers("unix-mixed-grant-per-layer")
@covers(FS.RESOLVE_UNIX)
@table(MIXED)
def test_layers(case: Mixed, process: Process, tree: Tree, judge: Judge) -> None:
    """Each layer allows for a reason of its own: the server's domain, or a rule."""
    address = unix(f"{tree.d1}/socket")
    outer = process.under(RESOLVE)
    client = outer.under(RESOLVE.allow(tree.d1, FS.RESOLVE_UNIX))
    server = outer if case.server_inside else process
    server.server(AF_UNIX, SOCK_STREAM, address)
    control = process.observe(connect, address)
    judge(case.expect, client.observe(connect, address), control)
