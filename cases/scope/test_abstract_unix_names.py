# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and names: which are abstract, and which lead to nobody.

Source: is_abstract_socket() in security/landlock/task.c; unix_find_other(),
unix_stream_connect() and unix_dgram_sendmsg() in net/unix/af_unix.c; unix(7).
"""

from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from suite.packed import packed
from cases.scope.abstract import ALLOWED, DENIED, KINDS, REFUSED, SCOPED, Kind, connect, of, sendto
from suite.case import (
    CLONE_NEWNET, FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE, Call, Case, Denied,
    Judge, Need, Pack, Process, Rejected, Ruleset, Tree, abstract, answers, covers, needs, net_port,
    path_beneath, since, table, unix,
)  # fmt: skip

NO_NAME = packed("H", AF_UNIX)
"""To bind a socket to it lets the kernel choose an abstract name."""
AUTOBOUND_SIZE = 8


class Name(Case, frozen=True, kw_only=True):
    """A name, in a network namespace of its own, and the type of the socket that has it."""

    name: str
    kind: int = SOCK_STREAM


NAMES = {
    "name-of-one-byte": Name(name="", answers="scu-1byte-name", expect=DENIED),
    "name-of-one-byte-datagram": Name(
        name="", kind=SOCK_DGRAM, answers="scu-1byte-name", expect=DENIED
    ),
    "name-like-a-path": Name(name="/tmp/socket", expect=DENIED),  # noqa: S108 (no file)
    "name-of-null-bytes": Name(name="\0\0\0", expect=DENIED),
    "longest-name": Name(name="n" * 107, expect=DENIED),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.ADMIN)
@table(NAMES)
def test_names(case: Name, process: Process, judge: Judge) -> None:
    """A name that begins with a null byte is abstract, whatever follows."""
    process.unshare(CLONE_NEWNET)
    process.server(AF_UNIX, case.kind, abstract(case.name))
    control = process.observe(connect, abstract(case.name), case.kind)
    sandboxed = process.under(SCOPED)
    judge(DENIED, sandboxed.observe(connect, abstract(case.name), case.kind), control)


def autobound(process: Process, kind: int) -> Pack:
    """The address of a server that the kernel has named."""
    fd = process.server(AF_UNIX, kind, NO_NAME)
    return process.name(fd, AUTOBOUND_SIZE)


def connect_to(process: Process, address: Pack, kind: int) -> None:
    process.connect(process.socket(AF_UNIX, kind), address)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "autobound-{}", "scu-autobound-target", DENIED))
def test_autobound(case: Kind, process: Process, judge: Judge) -> None:
    """A name that the kernel chose is abstract too."""
    address = autobound(process, case.kind)
    control = process.observe(connect_to, address, case.kind)
    judge(DENIED, process.under(SCOPED).observe(connect_to, address, case.kind), control)


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(of(KINDS, "pathname-{}", "scu-pathname", ALLOWED))
def test_pathname(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """A socket with a pathname is no matter of the scope."""
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, case.kind, address)
    judge(ALLOWED, process.under(SCOPED).observe(connect, address, case.kind))


@answers("scu-resolve-unix")
@covers(FS.RESOLVE_UNIX, SCOPE.ABSTRACT_UNIX_SOCKET)
def test_pathname_with_its_right(process: Process, tree: Tree, judge: Judge) -> None:
    """A pathname is a matter of RESOLVE_UNIX, with an errno of its own, beside the scope."""
    ruleset = Ruleset(fs=FS.RESOLVE_UNIX, scope=SCOPE.ABSTRACT_UNIX_SOCKET)
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, SOCK_STREAM, address)
    control = process.observe(connect, address)
    observed = process.under(ruleset).observe(connect, address)
    judge(since(ruleset.features, Denied("EACCES")), observed, control)


class Nobody(Case, frozen=True, kw_only=True):
    """What has the name (None: nothing), and how it is talked to."""

    bound: int | None
    talk: Callable[[Process, bytes, int], None] = connect
    kind: int = SOCK_STREAM


NOBODY = {
    "no-stream": Nobody(bound=None, answers="scu-nonexistent", expect=REFUSED),
    "no-datagram": Nobody(
        bound=None, talk=sendto, kind=SOCK_DGRAM, answers="scu-nonexistent", expect=REFUSED
    ),
    "not-listening": Nobody(bound=SOCK_STREAM, answers="scu-notlistening", expect=REFUSED),
    "datagrams-to-a-stream": Nobody(
        bound=SOCK_STREAM, kind=SOCK_DGRAM, answers="scu-wrongtype", expect=REFUSED
    ),
    "stream-to-datagrams": Nobody(bound=SOCK_DGRAM, answers="scu-wrongtype", expect=REFUSED),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(NOBODY)
def test_nobody(case: Nobody, process: Process, tree: Tree, judge: Judge) -> None:
    """A name where nobody would answer is told from one that is out of reach."""
    address, there = abstract(tree.path), abstract(f"{tree.path}-there")
    if case.bound is not None:
        process.bind(process.socket(AF_UNIX, case.bound), address)
    process.server(AF_UNIX, case.kind, there)
    control = process.observe(case.talk, there, case.kind)
    judge(case.expect, process.under(SCOPED).observe(case.talk, address, case.kind), control)


def connect_from_new_network(process: Process, address: bytes) -> None:
    process.unshare(CLONE_NEWNET)
    connect(process, address)


@answers("scu-netns")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.ADMIN)
def test_network_namespace(process: Process, tree: Tree, judge: Judge) -> None:
    """A name of another network namespace leads to nobody."""
    address = abstract(tree.path)
    process.server(AF_UNIX, SOCK_STREAM, address)
    control = process.observe(connect, address)
    judge(REFUSED, process.under(SCOPED).observe(connect_from_new_network, address), control)


class Bind(Case, frozen=True, kw_only=True):
    """A server in a domain, whose name is free or taken."""

    taken: bool


BIND = {
    "bind": Bind(taken=False, expect=ALLOWED),
    "bind-to-taken-name": Bind(
        taken=True, expect=since(SCOPE.ABSTRACT_UNIX_SOCKET, Denied("EADDRINUSE"))
    ),
}


@answers("scu-bind-allowed")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(BIND)
def test_bind(case: Bind, process: Process, tree: Tree, judge: Judge) -> None:
    """In a domain, bind(2) and listen(2) are as they were."""
    if case.taken:
        process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    sandboxed = process.under(SCOPED)
    judge(case.expect, sandboxed.observe(Process.server, AF_UNIX, SOCK_STREAM, abstract(tree.path)))


class Rule(Case, frozen=True, kw_only=True):
    """A rule, which rulesets for other things take."""

    add: Callable[[Process, Call, str], object]


def add_path(process: Process, ruleset: Call, path: str) -> None:
    attr = path_beneath(FS.READ_FILE, process.open(path, O_PATH))
    process.add_rule(ruleset, RULE_PATH_BENEATH, attr)


def add_port(process: Process, ruleset: Call, path: str) -> None:
    process.add_rule(ruleset, RULE_NET_PORT, net_port(NET.BIND_TCP, 1))


INVALID = since(SCOPE.ABSTRACT_UNIX_SOCKET, Rejected("add_rule", "EINVAL"))
RULES = {
    "path-rule": Rule(add=add_path, answers="scu-no-exception", expect=INVALID),
    "port-rule": Rule(add=add_port, answers="scu-no-exception", expect=INVALID, needs=(Need.INET,)),
}


@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@table(RULES)
def test_rules(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """No rule makes an exception of the scope."""
    scoped = process.build(SCOPED)
    other = process.build(Ruleset(fs=FS.READ_FILE, net=NET.BIND_TCP))
    control = process.observe(case.add, other, tree.file)
    judge(case.expect, process.observe(case.add, scoped, tree.file), control)
