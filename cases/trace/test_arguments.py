# SPDX-License-Identifier: MIT
"""What the tracepoints give to BPF programs, beyond what the events print.

Source: include/trace/events/landlock.h, TP_PROTO(); "landlock: Fix rule tracepoint context"
(1a985d3890ed), "Fix network denial trace context" (98b04ab00f0e), "Report the actual ptrace tracer"
(7ad69ac63315), "Report the effective signal number" (0889db596a25).
"""

import os
import signal
from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from cases.processes import raise_sigio
from suite.case import (
    ADD_RULE, FS, F_SETFL, F_SETOWN, NET, O_PATH, PTRACE_ATTACH, PTRACE_TRACEME, RULE_NET_PORT,
    RULE_PATH_BENEATH, SCOPE, Allowed, Call, Case, Denied, Judge, Need, Process, Ruleset, Seen,
    Tree, answers, inet, inet6, loopback, needs, net_port, own_memory, path_beneath, since, table,
    unspecified, vm_only,
)  # fmt: skip
from suite.witness.bpf import spy

ANY, SIGNAL = Ruleset(fs=FS.MAKE_BLOCK), Ruleset(scope=SCOPE.SIGNAL)
QUIET = Ruleset(fs=FS.READ_FILE, net=NET.BIND_TCP, quiet_fs=FS.READ_FILE, quiet_net=NET.BIND_TCP)
INT = 0xFFFFFFFF


@vm_only
@answers("llr-44")
@needs(Need.TRACEPOINTS, Need.RAW_TRACEPOINTS)
@own_memory
def test_tracer(process: Process, judge: Judge) -> None:
    """The tracer of a denied PTRACE_TRACEME is the parent, and its caller the tracee."""
    control = process.fork().fork().observe(Process.ptrace, PTRACE_TRACEME)
    outsider = process.fork().getpid().value
    seen = spy(process, "landlock_deny_ptrace", 6)
    parent = process.fork()
    child = parent.fork()
    parent.restrict(ANY)
    attached = parent.observe(Process.ptrace, PTRACE_ATTACH, outsider)
    outcome = attached.outcome
    first = seen.last()
    asked = child.observe(Process.ptrace, PTRACE_TRACEME)
    if outcome == asked.outcome == Denied("EPERM"):
        last = seen.last()
        tracers = first.arguments[5] == first.task, last.arguments[5] == first.task
        own = last.arguments[4] == last.task
        outcome = Seen(f"tracer {tracers}, tracee {own}")
    expect = since(ANY.features, Seen("tracer (True, True), tracee True"))
    judge(expect, seen.told(outcome), control)


class Sent(Case, frozen=True, kw_only=True):
    """How a signal is sent to a process outside."""

    send: Callable[[Process, Call], object]


def kill(number: int) -> Callable[[Process, Call], object]:
    def send(process: Process, pid: Call) -> None:
        process.observe(Process.kill, pid, number)

    return send


def raise_default_sigio(process: Process, pid: Call) -> None:
    receiver, sender = process.socketpair()
    process.fcntl(receiver, F_SETOWN, pid)
    process.fcntl(receiver, F_SETFL, os.O_ASYNC)
    process.write(sender, b"x")


def sent(send: Callable[[Process, Call], object], number: int) -> Sent:
    return Sent(send=send, expect=since(SIGNAL.features, Allowed(number)))


SENT = {
    "signal-0": sent(kill(0), 0),
    "signal-kill": sent(kill(signal.SIGURG), signal.SIGURG),
    "signal-of-file": sent(raise_sigio, signal.SIGUSR1),
    # The owner of the file set none.
    "signal-of-file-default": sent(raise_default_sigio, signal.SIGIO),
}


@vm_only
@answers("llr-44")
@needs(Need.TRACEPOINTS, Need.RAW_TRACEPOINTS)
@table(SENT)
def test_signal(case: Sent, process: Process, judge: Judge) -> None:
    """The signal of a denial is the one that would have been sent."""
    outside = process.fork()
    outside.block_signals(signal.SIGUSR1, signal.SIGIO, signal.SIGURG)
    seen = spy(process, "landlock_deny_scope_signal", 6)
    sender = process.under(SIGNAL)
    raised = sender.observe(case.send, outside.getpid())
    last = seen.last()
    outcome = raised.outcome
    if outcome in (Allowed(), Denied("EPERM")):
        outcome = Allowed(last.arguments[5] & INT) if last.task else Seen("no denial")
    judge(case.expect, seen.told(outcome))


class Checked(Case, frozen=True, kw_only=True):
    """An address that a socket may not be bound to, or may send nothing to."""

    family: int
    kind: int
    right: NET
    address: Callable[[int], bytes]


def checked(
    family: int, kind: int, right: NET, address: Callable[[int], bytes], length: int
) -> Checked:
    text = f"family {family}, {length} bytes as given"
    return Checked(
        family=family,
        kind=kind,
        right=right,
        address=address,
        covers=right,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        expect=since(right, Seen(text)),
    )


def no_family(port: int) -> bytes:
    return unspecified(inet(port, "0.0.0.0"))  # noqa: S104 (what the case is about)


CHECKED = {
    "address-ipv4": checked(AF_INET, SOCK_STREAM, NET.BIND_TCP, inet, 16),
    "address-ipv6": checked(AF_INET6, SOCK_STREAM, NET.BIND_TCP, inet6, 28),
    "address-unspecified": checked(AF_INET, SOCK_STREAM, NET.BIND_TCP, no_family, 16),
    "address-unspecified-ipv6": checked(
        AF_INET6, SOCK_DGRAM, NET.CONNECT_SEND_UDP, lambda port: unspecified(inet6(port)), 28
    ),
}


@vm_only
@answers("llr-44")
@needs(Need.TRACEPOINTS, Need.RAW_TRACEPOINTS)
@table(CHECKED)
def test_address(case: Checked, process: Process, port: int, judge: Judge) -> None:
    """The address of a denial is the one that was checked, whole, with the family of the socket."""
    address = case.address(port)
    sends = case.kind == SOCK_DGRAM
    fd = process.socket(case.family, case.kind)
    if sends:
        process.server(case.family, case.kind, loopback(case.family, port))
        process.connect(fd, loopback(case.family, port))
    seen = spy(process, "landlock_deny_access_net", 8, pointer=6, form="H")
    sandboxed = process.under(Ruleset(net=case.right))
    if sends:
        tried = sandboxed.observe(Process.sendto, fd, b"x", address)
    else:
        tried = sandboxed.observe(Process.bind, fd, address)
    outcome = tried.outcome
    if outcome == Denied("EACCES"):
        last = seen.last()
        family, length = last.arguments[5], last.arguments[7] & INT
        same = "as given" if last.pointed.startswith(address) else "other"
        outcome = Seen(f"family {family}, {length} bytes {same}")
    judge(case.expect, seen.told(outcome))


class Added(Case, frozen=True, kw_only=True):
    """A kind of rule, by its tracepoint and how many arguments it has."""

    tracepoint: str
    count: int


ADDED = {
    "flags-path-rule": Added(
        tracepoint="landlock_add_rule_path_beneath",
        count=5,
        expect=since(QUIET.features, Seen("1, then 0")),
    ),
    "flags-port-rule": Added(
        tracepoint="landlock_add_rule_net_port",
        count=4,
        needs=(Need.INET,),
        expect=since(QUIET.features, Seen("1, then 0")),
    ),
}


@vm_only
@answers("llr-44")
@needs(Need.TRACEPOINTS, Need.RAW_TRACEPOINTS)
@table(ADDED)
def test_flags(case: Added, process: Process, tree: Tree, judge: Judge) -> None:
    """The flags of a rule are those of the call, not what was asked for by earlier ones."""
    seen = spy(process, case.tracepoint, case.count)
    ruleset = process.build(QUIET)
    if case.count == 4:
        kind, attr = RULE_NET_PORT, net_port(NET.BIND_TCP, 443)
    else:
        kind, attr = RULE_PATH_BENEATH, path_beneath(FS.READ_FILE, process.open(tree.d1, O_PATH))
    flags = []
    for given in (ADD_RULE.QUIET, ADD_RULE(0)):
        added = process.observe(Process.add_rule, ruleset, kind, attr, given)
        if added.outcome != Allowed():
            break
        flags.append(str(seen.last().arguments[1] & INT))
    outcome = added.outcome
    if outcome == Allowed():
        outcome = seen.told(Seen(", then ".join(flags)))
    judge(case.expect, outcome)
