# SPDX-License-Identifier: MIT
"""Domains know nothing of namespaces: whoever makes or enters one stays in its domain.

Source: hook_cred_prepare() in security/landlock/cred.c; clone(2), setns(2).
"""

import os
from socket import AF_INET, SOCK_STREAM

from cases.namespaces import KINDS, Kind
from suite.case import (
    CLONE_NEWNET, CLONE_NEWUSER, FS, NET, Allowed, Call, Denied, Judge, Need, Process, Row, Ruleset,
    Tree, answers, covers, inet, needs, own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory

READ = Ruleset(fs=FS.READ_FILE)
DENIED = since(FS.READ_FILE, Denied("EACCES"))
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 (of namespaces without a network)


def child_in_new(process: Process, kind: Kind) -> Process:
    process.unshare(CLONE_NEWUSER | kind.flag)
    return process.fork()


@answers("inh-userns", "inh-pidns")
@needs(Need.USER_NAMESPACES)
@table({f"made-{name}": row for name, row in KINDS.items()})
def test_made(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """Who makes a namespace stays in its domain, and so do its children."""
    free, sandboxed = (child_in_new(it, case) for it in (process.fork(), process.under(READ)))
    control = free.observe(Process.open, tree.file, os.O_RDONLY)
    judge(DENIED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


def child_in(process: Process, namespace: Call, kind: Kind) -> Process:
    process.setns(namespace, kind.flag)
    return process.fork()


@answers("inh-userns", "inh-pidns")
@needs(Need.ADMIN, Need.USER_NAMESPACES)
@table({f"entered-{name}": row for name, row in KINDS.items()})
def test_entered(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """Who enters a namespace that others made stays in its domain, and so do its children."""
    inhabitant = process.fork(case.flag)
    assert inhabitant.pid is not None
    namespace = process.open(f"/proc/{inhabitant.pid.value}/ns/{case.name}", os.O_RDONLY)
    free, sandboxed = (
        child_in(it, namespace, case) for it in (process.fork(), process.under(READ))
    )
    control = free.observe(Process.open, tree.file, os.O_RDONLY)
    judge(DENIED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


def bind_in_own_network(process: Process, port: int) -> None:
    process.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    process.bind(process.socket(AF_INET, SOCK_STREAM), inet(port, ALL_ADDRESSES))


class Ports(Row, frozen=True, kw_only=True):
    """A ruleset, with a rule on the port that is bound to, or without."""

    rule: bool


PORTS = {"port-without-rule": Ports(rule=False), "port-with-rule": Ports(rule=True)}


@answers("inh-userns-netns")
@needs(Need.USER_NAMESPACES)
@covers(NET.BIND_TCP)
@table(PORTS)
def test_ports(case: Ports, process: Process, port: int, judge: Judge) -> None:
    """Rules on ports hold in every network namespace."""
    layer = Ruleset(net=NET.BIND_TCP)
    control = process.fork().observe(bind_in_own_network, port)
    sandboxed = process.under(layer.allow_port(port, NET.BIND_TCP) if case.rule else layer)
    expect = since(NET.BIND_TCP, Allowed() if case.rule else Denied("EACCES"))
    judge(expect, sandboxed.observe(bind_in_own_network, port), control)
