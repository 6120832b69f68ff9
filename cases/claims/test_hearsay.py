# SPDX-License-Identifier: MIT
"""What is said of Landlock in articles and answers: true or false, and what shows it.

Source: Documentation/userspace-api/landlock.rst.
"""

import os
import stat
from socket import AF_INET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_STREAM

from suite.packed import packed
from cases.claims.hearsay import DENIED, weigh
from cases.whole import whole
from suite.case import (
    CLONE_NEWNET, FS, NET, O_PATH, RESTRICT, Allowed, Call, Facts, Judge, Need, Process, Rejected,
    Ruleset, Seen, Tree, answers, by_abi, covers, inet, known_bits, needs, own_memory, since,
)  # fmt: skip
from suite.landlock.abi import RULESET_ATTR

READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
REFUSED = Rejected("restrict_self", "EPERM")
NOBODY, PORT_OF_DNS = 65534, 53
ECHO_REQUEST = b"\x08" + bytes(7)


@answers("claim-unknown-bits-ignored")
def test_unknown_rights_are_ignored(facts: Facts, process: Process, judge: Judge) -> None:
    """Claim: older kernels silently ignore access rights that they do not know."""
    newer = packed("Q", known_bits(FS, max(facts.abi, 1)) | 1 << 63)
    outcome = process.observe(Process.create_ruleset, newer, len(newer)).outcome
    refused = Rejected("create_ruleset", "EINVAL")
    judge(
        by_abi(lambda _: Seen(f"false: {refused}")),
        weigh(outcome, true=Allowed(), false=refused),
    )


@answers("claim-unknown-bits-ignored")
def test_unknown_fields_are_ignored(process: Process, judge: Judge) -> None:
    """Claim: older kernels silently ignore what is handled in fields that they do not know."""
    more = len(RULESET_ATTR)
    newer = packed(f"{more + 1}Q", FS.READ_FILE, *[0] * (more - 1), 1)
    outcome = process.observe(Process.create_ruleset, newer, len(newer)).outcome
    refused = Rejected("create_ruleset", "E2BIG")
    judge(
        by_abi(lambda _: Seen(f"false: {refused}")),
        weigh(outcome, true=Allowed(), false=refused),
    )


@answers("claim-status-line")
def test_status_tells(process: Process, judge: Judge) -> None:
    """Claim: /proc/self/status says that a process is in a domain."""

    def read(process: Process) -> None:
        lines = process.read_file("/proc/self/status").decode().splitlines()
        told.extend(line for line in lines if "landlock" in line.lower())

    told: list[str] = []
    outcome = process.under(Ruleset(fs=FS.WRITE_FILE)).observe(read).outcome
    if outcome == Allowed():
        outcome = Seen(f"true: {told[0]}" if told else "false: no such line")
    judge(since(FS.WRITE_FILE, Seen("false: no such line")), outcome)


@needs(Need.ADMIN, Need.NO_NEW_PRIVS_UNSET)
@answers("claim-no-new-privs-required")
def test_administrators_need_no_new_privs(process: Process, judge: Judge) -> None:
    """Claim: no_new_privs has to be set before landlock_restrict_self(2)."""

    def enforce(process: Process) -> None:
        process.restrict_self(process.build(READ))
        process.has_no_new_privs()

    outcome = process.observe(enforce).with_value
    expect = since(FS.READ_FILE, Seen("false: allowed(0)"))
    judge(expect, weigh(outcome, true=REFUSED, false=Allowed(0)))


@needs(Need.NO_NEW_PRIVS_UNSET)
@covers(RESTRICT.NO_NEW_PRIVS)
@answers("claim-no-new-privs-required")
def test_others_need_no_new_privs(process: Process, judge: Judge) -> None:
    """Claim: without privileges, no_new_privs has to be set before landlock_restrict_self(2)."""
    ruleset = process.build(READ)
    process.drop_capabilities()
    observed = process.observe(Process.restrict_self, ruleset, RESTRICT.NO_NEW_PRIVS).outcome
    flag = RESTRICT.NO_NEW_PRIVS
    expect = by_abi(
        lambda abi: Seen("false: allowed" if abi >= flag.since else f"true: {REFUSED}"), flag
    )
    judge(expect, weigh(observed, true=REFUSED, false=Allowed()))


@needs(Need.NET)
@covers(NET.CONNECT_TCP)
@answers("claim-rule-names-address")
def test_rules_name_addresses(process: Process, port: int, judge: Judge) -> None:
    """Claim: a rule can allow a port of one address alone, such as 127.0.0.1:5432."""

    def connect(process: Process, address: str) -> None:
        process.connect(process.socket(AF_INET, SOCK_STREAM), inet(port, address))

    for address in ("127.0.0.1", "127.0.0.2"):
        process.server(AF_INET, SOCK_STREAM, inet(port, address))
    sandboxed = process.under(Ruleset(net=NET.CONNECT_TCP).allow_port(port, NET.CONNECT_TCP))
    control = sandboxed.observe(connect, "127.0.0.1")
    outcome = sandboxed.observe(connect, "127.0.0.2").outcome
    expect = since(NET.CONNECT_TCP, Seen("false: allowed"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


@needs(Need.ROOT)
@answers("claim-root-is-denied")
def test_root_is_denied(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: a file such as /etc/shadow can't be read in a domain, whoever the user is."""
    process.chmod(tree.file, 0o600)
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    outcome = process.under(READ).observe(Process.open, tree.file, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, Seen("true: EACCES"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


@answers("claim-children-inherit")
def test_children_inherit(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: children are restricted as their parent is."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    outcome = process.under(READ).fork().observe(Process.open, tree.file, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, Seen("true: EACCES"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


@answers("claim-children-inherit")
def test_earlier_children_inherit(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: children that are there already are restricted with their parent."""
    child = process.fork()
    process.restrict(READ)
    outcome = child.observe(Process.open, tree.file, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, Seen("false: allowed"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()))


@needs(Need.NET, Need.INET)
@covers(NET.CONNECT_SEND_UDP)
@answers("claim-dns-unrestricted")
def test_dns_is_free(facts: Facts, process: Process, judge: Judge) -> None:
    """Claim: Landlock can't restrict UDP, and DNS with it."""

    def ask(process: Process) -> None:
        process.sendto(process.socket(AF_INET, SOCK_DGRAM), b"?", inet(PORT_OF_DNS))

    control = process.observe(ask)
    outcome = process.under(whole(facts)).observe(ask).outcome
    right = NET.CONNECT_SEND_UDP
    expect = by_abi(
        lambda abi: Seen("false: EACCES" if abi >= right.since else "true: allowed"), right
    )
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)


@needs(Need.NET, Need.INET)
@answers("claim-tcp-covers-ping")
def test_ping_is_restricted(facts: Facts, process: Process, judge: Judge) -> None:
    """Claim: a domain that allows no port blocks ping(1)."""

    def ping(process: Process) -> None:
        fd = process.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)
        process.sendto(fd, ECHO_REQUEST, inet(0))

    child = process.fork()
    child.unshare(CLONE_NEWNET)
    child.loopback_up()
    child.write_file("/proc/sys/net/ipv4/ping_group_range", b"0 0")
    control = child.observe(ping)
    outcome = child.under(whole(facts)).observe(ping).outcome
    expect = since(FS.EXECUTE, Seen("false: allowed"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


@answers("claim-only-existing-paths")
def test_later_files_are_free(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: what does not exist yet when a domain is entered can't be denied."""
    sandboxed, path = process.under(READ), f"{tree.d1}/later"
    process.write_file(path, b"")
    control = process.observe(Process.open, path, os.O_RDONLY)
    outcome = sandboxed.observe(Process.open, path, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, Seen("false: EACCES"))
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)


def setuid_program(process: Process, tree: Tree) -> Call:
    path = f"{tree.d1}/program"
    process.copy_file("/proc/self/exe", path)
    process.chmod(path, stat.S_ISUID | 0o755)
    return process.open(path, O_PATH)


def as_nobody(process: Process, program: Call, *, no_new_privs: bool) -> Process:
    """Who entered a domain, is nobody, and executes the program."""
    sandboxed = process.fork()
    if no_new_privs:
        sandboxed.no_new_privs()
    sandboxed.enforce(sandboxed.build(WRITE))  # by its capability, if not by no_new_privs
    sandboxed.setuid(NOBODY)
    sandboxed.fexec(program)
    return sandboxed


def user(process: Process) -> Call:
    return process.syscall("geteuid")


@needs(Need.ROOT, Need.NO_NEW_PRIVS_UNSET)
@answers("claim-setuid-stays")
@own_memory
def test_setuid_programs_stay(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: a setuid program that is executed in a domain can't leave it."""
    control = process.observe(Process.open, tree.file, os.O_WRONLY)
    sandboxed = as_nobody(process, setuid_program(process, tree), no_new_privs=False)
    became = sandboxed.observe(user).with_value
    outcome = sandboxed.observe(Process.open, tree.file, os.O_WRONLY).outcome
    if became == Allowed(0):  # to another user it would be denied without a domain
        outcome = weigh(outcome, true=DENIED, false=Allowed())
    judge(since(FS.WRITE_FILE, Seen("true: EACCES")), outcome, control)


@needs(Need.ROOT, Need.NO_NEW_PRIVS_UNSET)
@answers("claim-setuid-stays")
@own_memory
def test_setuid_programs_gain_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: under no_new_privs, a setuid program does not even become root."""
    program = setuid_program(process, tree)
    control = as_nobody(process, program, no_new_privs=False).observe(user)
    became = as_nobody(process, program, no_new_privs=True).observe(user).with_value
    outcome = weigh(became, true=Allowed(NOBODY), false=Allowed(0))
    judge(since(FS.WRITE_FILE, Seen("true: allowed(65534)")), outcome, control)
