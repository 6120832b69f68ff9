# SPDX-License-Identifier: MIT
"""Who may read the log, who may switch it, and where it goes without a reader.

Source: kernel/audit.c, audit_multicast_bind(), audit_netlink_ok() and kauditd_printk_skb();
Documentation/admin-guide/LSM/landlock.rst, "Observability security considerations".
"""

import os
import socket
from collections.abc import Callable, Sequence

from cases.audit.files import read
from cases.audit.logs import NO_RECORD, logged
from cases.processes import end
from suite.case import (
    CLONE_NEWNET, CLONE_NEWUSER, FS, LANDLOCK_ACCESS, LANDLOCK_DOMAIN, AuditLog, AuditRecord, Call,
    Denied, Expectation, Judge, Need, Observation, Process, Row, Ruleset, Seen, Tree, always,
    answers, needs, own_memory, table, vm_only,
)  # fmt: skip
from suite.witness.audit import MESSAGE, listen, switch_off

READ = Ruleset(fs=FS.READ_FILE)
KINDS = LANDLOCK_ACCESS, LANDLOCK_DOMAIN
RATE_LIMIT = "/proc/sys/kernel/printk_ratelimit"


def owed(text: str, unlogged: str = NO_RECORD) -> Expectation:
    return logged(READ.features, Seen(text), Seen(unlogged))


class Who(Row, frozen=True, kw_only=True):
    """Somebody without privileges over the machine, and how the kernel refuses to be switched."""

    become: Callable[[Process], object]
    refusal: str


WHO = {
    "user": Who(become=lambda process: process.setuid(1000), refusal="EPERM"),
    "root-of-user-namespace": Who(
        become=lambda process: process.unshare(CLONE_NEWUSER),
        needs=(Need.USER_NAMESPACES,),
        refusal="ECONNREFUSED",
    ),
    "root-of-network": Who(
        become=lambda process: process.unshare(CLONE_NEWUSER | CLONE_NEWNET),
        needs=(Need.USER_NAMESPACES,),
        refusal="ECONNREFUSED",
    ),
}


@vm_only
@answers("aud-mcast-unpriv")
@needs(Need.AUDIT)
@table({f"listen-{name}": row for name, row in WHO.items()})
@own_memory
def test_listen(case: Who, process: Process, judge: Judge) -> None:
    """Nobody but the privileged of the machine may join the readers of the log."""
    control = process.fork().observe(listen)
    other = process.fork()
    case.become(other)
    judge(always(Denied("EPERM")), other.observe(listen), control)


@vm_only
@answers("aud-set-unpriv")
@needs(Need.AUDIT)
@table({f"switch-{name}": row for name, row in WHO.items()})
@own_memory
def test_switch(case: Who, process: Process, judge: Judge) -> None:
    """Nobody but the privileged of the machine may switch auditing; to others there seems none."""
    control = switch_off(process)
    other = process.fork()
    case.become(other)
    judge(always(Denied(case.refusal)), switch_off(other), control)


def receive(process: Process, fd: Call) -> None:
    """Take what a reader has got: the records of a denial are less."""
    for _ in range(16):
        process.recv(fd, 1024, socket.MSG_DONTWAIT, MESSAGE)


def types(received: Observation) -> list[int]:
    """The types of the records."""
    return [int.from_bytes(call.data[4:6], "little") for call in received.done]


@vm_only
@answers("aud-mcast-root", "aud-mcast-netns")
@needs(Need.AUDIT)
def test_network_namespaces(process: Process, tree: Tree, judge: Judge) -> None:
    """Every reader of the initial network namespace gets the log, and no reader of another one."""
    control = process.observe(read, tree)
    here, elsewhere = process.fork(), process.fork()
    elsewhere.unshare(CLONE_NEWNET)
    with AuditLog(process) as log:
        sockets = [(reader, listen(reader)) for reader in (here, elsewhere)]
        denied, accesses = process.under(READ).observe(read, tree), log.accesses()
        received = [reader.observe(receive, fd) for reader, fd in sockets]
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        others = [types(each).count(LANDLOCK_ACCESS) for each in received]
        outcome = Seen(str([len(accesses), *others]))
    judge(owed("[1, 1, 0]", "[0, 0, 0]"), outcome, control)


@vm_only
@answers("aud-mcast-root")
@needs(Need.AUDIT)
def test_beside_auditd(process: Process, tree: Tree, judge: Judge) -> None:
    """Readers get the log while it goes to auditd."""
    control = process.observe(read, tree)
    auditd = process.fork()
    with AuditLog(process) as log, log.daemon(auditd):
        denied, accesses = process.under(READ).observe(read, tree), log.accesses()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        outcome = Seen(f"{len(accesses)}")
    judge(owed("1", "0"), outcome, control)


@vm_only
@answers("aud-disabled")
@needs(Need.AUDIT)
def test_off(process: Process, tree: Tree, judge: Judge) -> None:
    """Nothing is logged while auditing is off, nor later the end of a domain that denied then."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(READ, Ruleset(fs=FS.WRITE_FILE))
        denied, before = sandboxed.observe(read, tree), log.accesses()
        with log.paused():
            sandboxed.observe(Process.open, tree.file, os.O_WRONLY)
        meanwhile = log.accesses()
        outcome = denied.outcome
        end(process, sandboxed)
        outer = [access.fields["domain"] for access in before]
        freed = [r.fields["domain"] for r in log.until_freed(*outer) if "denials" in r.fields]
        # The inner domain is freed first, and is younger.
        ends = [domain for domain in freed if outer and int(domain, 16) >= int(outer[0], 16)]
        if outcome == Denied("EACCES"):
            outcome = Seen(f"{len(before)}, then {len(meanwhile)}, ended {len(ends)}")
    judge(owed("1, then 0, ended 1", "0, then 0, ended 0"), outcome, control)


def new(records: Sequence[AuditRecord]) -> list[AuditRecord]:
    """Denied accesses and new domains; the domains of other cases may end meanwhile."""
    return [r for r in records if r.type in KINDS and r.fields.get("status") != "deallocated"]


@vm_only
@answers("aud-exclude-filter")
@needs(Need.AUDIT)
def test_excluded(process: Process, tree: Tree, judge: Judge) -> None:
    """A filter of audit keeps the records of denied accesses out, and with them the domain's."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(READ)
        with log.excluding(LANDLOCK_ACCESS):
            denied, filtered = sandboxed.observe(read, tree), log.take()
        sandboxed.observe(read, tree)
        shown = log.take()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        outcome = Seen(f"{len(new(filtered))}, then {len(new(shown))}")
    judge(owed("0, then 2", "0, then 0"), outcome, control)


def messages(process: Process, fd: Call) -> None:
    """Read what the kernel printed: each record is a message."""
    for _ in range(16):
        process.read(fd, 2048)


@vm_only
@answers("aud-printk")
@needs(Need.AUDIT)
def test_printed(process: Process, tree: Tree, judge: Judge) -> None:
    """Without auditd the kernel prints the records too, with the number of their type."""
    control = process.observe(read, tree)
    limit = process.read_file(RATE_LIMIT)
    process.write_file(RATE_LIMIT, b"0")
    fd = process.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    process.syscall("lseek", fd, 0, os.SEEK_END)
    with AuditLog(process) as log:
        denied, accesses = process.under(READ).observe(read, tree), log.accesses()
        read_by_now = process.observe(messages, fd)
    process.write_file(RATE_LIMIT, limit)
    process.session.flush()
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        printed = b"".join(call.data[: call.value] for call in read_by_now.done).decode()
        lines = [access for access in accesses if f"): {access.text}\n" in printed]
        typed = "audit: type=1423 audit(" in printed
        outcome = Seen("printed" if lines and typed else NO_RECORD)
    judge(owed("printed"), outcome, control)
