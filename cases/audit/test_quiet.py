# SPDX-License-Identifier: MIT
"""Quiet rules and scopes: what they keep out of the log.

Source: include/uapi/linux/landlock.h, LANDLOCK_ADD_RULE_QUIET and quiet_access_fs; security/
landlock/log.c, is_denial_quieted().
"""

import os
from collections.abc import Callable
from socket import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.audit.logs import LOGGED, SILENT, sequence
from cases.net.calls import bind_tcp, sendto_udp
from suite.case import (
    ADD_RULE, CLONE_NEWNS, FS, NET, PTRACE_ATTACH, RULE_NET_PORT, SCOPE, AuditLog, Call, Case,
    Judge, Need, Process, Ruleset, Seen, Tree, abstract, answers, covers, inet6, needs, net_port,
    own_memory, since, table, unspecified, vm_only,
)  # fmt: skip

QUIET = ADD_RULE.QUIET
READ, WRITE = FS.READ_FILE, FS.WRITE_FILE
MOVE = FS.MAKE_REG | FS.REMOVE_FILE | FS.REFER


class Files(Case, frozen=True, kw_only=True):
    """Quiet rights, quiet rules in the tree, rules that are not, and a call that is denied."""

    call: Callable[[Process, Tree], object]
    handled: FS = READ | WRITE
    quiet: FS
    rules: tuple[str, ...]
    allowed: dict[str, FS]


def files(
    call: Callable[[Process, Tree], object],
    quiet: FS,
    seen: str,
    *rules: str,
    handled: FS = READ | WRITE,
    allowed: dict[str, FS] | None = None,
) -> Files:
    return Files(
        call=call,
        quiet=quiet,
        handled=handled,
        rules=rules,
        allowed=allowed or {},
        expect=since(QUIET, Seen(seen)),
    )


def opened(flags: int) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.open(tree.file, flags)


def rename(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d2}/new")


def truncate_opened(process: Process, tree: Tree) -> None:
    process.ftruncate(process.open(tree.file, os.O_WRONLY))


read, write, both = opened(os.O_RDONLY), opened(os.O_WRONLY), opened(os.O_RDWR)
FILES = {
    "rule-on-folder": files(read, READ, SILENT, "d1"),
    "rule-on-file": files(read, READ, SILENT, "d1/file"),
    "rule-on-root-of-tree": files(read, READ, SILENT, ""),
    "rule-elsewhere": files(read, READ, LOGGED, "d2"),
    "rule-for-other-right": files(write, READ, LOGGED, "d1"),
    "rule-for-one-of-two-rights": files(both, READ, LOGGED, "d1"),
    "rule-for-both-rights": files(both, READ | WRITE, SILENT, "d1"),
    "rename-from-and-to-quiet": files(rename, MOVE, SILENT, "d1", "d2", handled=MOVE),
    "rename-from-quiet": files(rename, MOVE, LOGGED, "d1", handled=MOVE),
    "rename-of-quiet-file": files(rename, MOVE, LOGGED, "d1/file", handled=MOVE),
    "rule-not-quiet": files(read, READ, LOGGED, allowed={"d1": WRITE}),
    "rule-not-quiet-beside-quiet": files(read, READ, SILENT, "", allowed={"d1": WRITE}),
    "truncate-opened": files(truncate_opened, FS.TRUNCATE, SILENT, "d1/file", handled=FS.TRUNCATE),
    "truncate-opened-rule-elsewhere": files(
        truncate_opened, FS.TRUNCATE, LOGGED, "d2", handled=FS.TRUNCATE
    ),
    "rename-rules-not-quiet": files(
        rename, MOVE, LOGGED, handled=MOVE, allowed={"d1": FS.REFER, "d2": FS.REFER}
    ),
    "rename-quiet-refer-only": files(rename, FS.REFER, LOGGED, "d1", "d2", handled=MOVE),
}


@vm_only
@answers("llr-46")
@covers(QUIET)
@needs(Need.AUDIT)
@table(FILES)
def test_files(case: Files, process: Process, tree: Tree, judge: Judge) -> None:
    """A denial of quiet rights alone, on or beneath what a quiet rule is on, is not logged."""
    control = process.observe(case.call, tree.twin())
    ruleset = Ruleset(fs=case.handled, quiet_fs=case.quiet)
    for path in case.rules:
        ruleset = ruleset.quiet(f"{tree.path}/{path}")
    for path, rights in case.allowed.items():
        ruleset = ruleset.allow(f"{tree.path}/{path}", rights)
    with AuditLog(process) as log:
        sandboxed = process.under(ruleset)
        denied, accesses = sandboxed.observe(case.call, tree), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)


def under_quiet_port(process: Process, ruleset: Ruleset, port: int) -> Process:
    """A child in a domain with a quiet rule on a port that allows nothing."""
    child = process.fork()
    child.no_new_privs()
    fd = child.build(ruleset)
    child.add_rule(fd, RULE_NET_PORT, net_port(NET(0), port), QUIET)
    child.enforce(fd)
    return child


class Ports(Case, frozen=True, kw_only=True):
    """Quiet rights, and whether a call on the quiet port is logged, and on the next one."""

    call: Callable[[Process, int, int], object]
    handled: NET
    quiet: NET


BIND, SEND = NET.BIND_TCP, NET.CONNECT_SEND_UDP
SILENT_THERE = since(QUIET, Seen(f"{SILENT}, {LOGGED}"))
PORTS = {
    "port": Ports(
        call=bind_tcp, handled=BIND, quiet=BIND, expect=SILENT_THERE, answers="aud-quiet-net"
    ),
    "port-udp": Ports(
        call=sendto_udp, handled=SEND, quiet=SEND, expect=SILENT_THERE, answers="aud-quiet-net"
    ),
    "port-for-other-right": Ports(
        call=bind_tcp,
        handled=BIND | NET.CONNECT_TCP,
        quiet=NET.CONNECT_TCP,
        expect=since(QUIET, Seen(f"{LOGGED}, {LOGGED}")),
        answers="aud-quiet-partial",
    ),
}


@vm_only
@covers(QUIET)
@needs(Need.AUDIT)
@table(PORTS)
def test_port(case: Ports, process: Process, port: int, judge: Judge) -> None:
    """A quiet rule on a port keeps the denials of quiet rights on that port out of the log."""
    control = process.observe(case.call, AF_INET, port)
    ruleset = Ruleset(net=case.handled, quiet_net=case.quiet)
    with AuditLog(process) as log:
        sandboxed = under_quiet_port(process, ruleset, port)
        ports = port, port + 1
        denied = [(sandboxed.observe(case.call, AF_INET, it), log.accesses()) for it in ports]
    judge(case.expect, sequence(*denied), control)


@vm_only
@answers("aud-quiet-net")
@covers(QUIET)
@needs(Need.AUDIT)
def test_port_not_quiet(process: Process, port: int, judge: Judge) -> None:
    """A rule on a port that is not quiet, and allows something else, leaves the log as it is."""
    control = process.observe(bind_tcp, AF_INET, port)
    ruleset = Ruleset(net=BIND | NET.CONNECT_TCP, quiet_net=BIND)
    with AuditLog(process) as log:
        sandboxed = process.under(ruleset.allow_port(port, NET.CONNECT_TCP))
        denied, accesses = sandboxed.observe(bind_tcp, AF_INET, port), log.accesses()
    judge(since(QUIET, Seen(LOGGED)), sequence((denied, accesses)), control)


class Chosen(Case, frozen=True, kw_only=True):
    """The port of the quiet rule, where the kernel is to choose one."""

    port: int


CHOSEN = {
    "port-0": Chosen(port=0, expect=since(QUIET, Seen(SILENT))),
    "not-port-0": Chosen(port=1, expect=since(QUIET, Seen(LOGGED))),
}


@vm_only
@answers("aud-quiet-autobind")
@covers(QUIET, NET.BIND_UDP)
@needs(Need.AUDIT)
@table(CHOSEN)
def test_chosen_port(case: Chosen, process: Process, port: int, judge: Judge) -> None:
    """A quiet rule on port 0 is about ports that the kernel chooses for a datagram."""
    control = process.observe(sendto_udp, AF_INET, port)
    ruleset = Ruleset(net=NET.BIND_UDP, quiet_net=NET.BIND_UDP)
    with AuditLog(process) as log:
        sandboxed = under_quiet_port(process, ruleset, case.port)
        denied, accesses = sandboxed.observe(sendto_udp, AF_INET, port), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)


@vm_only
@answers("aud-quiet-unspec6")
@covers(QUIET, SEND)
@needs(Need.AUDIT, Need.IPV6)
def test_unspecified_ipv6(process: Process, port: int, judge: Judge) -> None:
    """Where sendto(2) to the family AF_UNSPEC is denied on IPv6, no rule can be quiet about it."""
    process.server(AF_INET6, SOCK_DGRAM, inet6(port))
    fd = process.socket(AF_INET6, SOCK_DGRAM)
    process.connect(fd, inet6(port))
    address = unspecified(inet6(port))
    control = process.observe(Process.sendto, fd, b"x", address)
    with AuditLog(process) as log:
        sandboxed = under_quiet_port(process, Ruleset(net=SEND, quiet_net=SEND), port)
        denied = sandboxed.observe(Process.sendto, fd, b"x", address)
        accesses = log.accesses()
    judge(since(QUIET, Seen(LOGGED)), sequence((denied, accesses)), control)


SCOPES = SCOPE.SIGNAL | SCOPE.ABSTRACT_UNIX_SOCKET


class Scopes(Case, frozen=True, kw_only=True):
    """Quiet scopes, and a call on who is outside."""

    quiet: SCOPE
    call: Callable[[Process, Call, str], object]


def kill(process: Process, pid: Call, name: str) -> None:
    process.kill(pid, 0)


def connect(process: Process, pid: Call, name: str) -> None:
    process.connect(process.socket(AF_UNIX, SOCK_STREAM), abstract(name))


def trace(process: Process, pid: Call, name: str) -> None:
    process.ptrace(PTRACE_ATTACH, pid)


def scopes(
    call: Callable[[Process, Call, str], object], quiet: SCOPE, seen: str, answers: str
) -> Scopes:
    return Scopes(call=call, quiet=quiet, expect=since(QUIET, Seen(seen)), answers=answers)


QUIET_SCOPES = {
    "signal": scopes(kill, SCOPE.SIGNAL, SILENT, "aud-quiet-scope"),
    "signal-other-scope": scopes(kill, SCOPE.ABSTRACT_UNIX_SOCKET, LOGGED, "aud-quiet-scope"),
    "abstract": scopes(connect, SCOPE.ABSTRACT_UNIX_SOCKET, SILENT, "aud-quiet-scope"),
    "abstract-other-scope": scopes(connect, SCOPE.SIGNAL, LOGGED, "aud-quiet-scope"),
    "ptrace": scopes(trace, SCOPES, LOGGED, "aud-quiet-ptrace"),
}


@vm_only
@covers(QUIET)
@needs(Need.AUDIT)
@table(QUIET_SCOPES)
@own_memory
def test_scope(case: Scopes, process: Process, tree: Tree, judge: Judge) -> None:
    """A quiet scope logs no denial of its own; ptrace(2) can't be made quiet."""
    target = process.fork()
    pid = target.getpid()
    process.server(AF_UNIX, SOCK_STREAM, abstract(tree.path))
    control = process.fork().observe(case.call, pid, tree.path)
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(scope=SCOPES, quiet_scope=case.quiet))
        denied, accesses = sandboxed.observe(case.call, pid, tree.path), log.accesses()
    judge(case.expect, sequence((denied, accesses), errno="EPERM"), control)


@vm_only
@answers("aud-quiet-ptrace")
@covers(QUIET)
@needs(Need.AUDIT, Need.MOUNT)
def test_topology(process: Process, tree: Tree, judge: Judge) -> None:
    """A denied change of the topology is logged, whatever is quiet."""
    outside = process.fork()
    outside.unshare(CLONE_NEWNS)
    control = outside.observe(Process.mount, "tmpfs", tree.d1, "tmpfs")
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(fs=READ, quiet_fs=READ).quiet("/"))
        denied = sandboxed.observe(Process.mount, "tmpfs", tree.d1, "tmpfs")
        accesses = log.accesses()
    judge(since(QUIET, Seen(LOGGED)), sequence((denied, accesses), errno="EPERM"), control)
