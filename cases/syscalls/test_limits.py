# SPDX-License-Identifier: MIT
"""What rules and domains take of memory and time.

Source: Documentation/userspace-api/landlock.rst, "Memory usage": kernel memory for rulesets is
accounted, and can be restricted by the memory controller.
"""

import os
import signal
from collections.abc import Iterable

from suite.packed import packed
from cases.processes import page_size
from cases.syscalls.groups import Group
from suite.case import (
    FS, MAX_LAYERS, NET, RULE_NET_PORT, Allowed, Call, Judge, Mode, Need, Outcome, Process, Ruleset,
    Seen, Tree, answers, covers, needs, net_port, own_memory, since, vm_only,
)  # fmt: skip

pytestmark = own_memory

BIND = NET.BIND_TCP
RULES, DOMAINS, RULE_SIZE = 1024, 8, 40
"""A rule takes no less bytes in any release."""
PAGES_LEFT, SMALL_PAGE = 8, 4096
"""What a process in a group may still have; of small pages, it is less than RULES rules take."""
AT_ONCE = 256
"""The agent keeps the memory that so many calls need; for many more it maps it anew each time."""
NO_PORT = 1 << 16
TRIES, A_WHILE = 300, packed("qq", 0, 10_000_000)
OPENED = 100


def add_rules(process: Process, ruleset: Call, ports: Iterable[int]) -> None:
    for port in ports:
        process.add_rule(ruleset, RULE_NET_PORT, net_port(BIND, port))


def add_in_parts(process: Process, ruleset: Call, ports: range) -> None:
    for first in range(0, len(ports), AT_ONCE):
        add_rules(process, ruleset, ports[first : first + AT_ONCE])
        process.session.flush()


@vm_only
@needs(Need.MEMORY_GROUPS, Need.INET)
@covers(BIND)
@answers("lim-memcg")
def test_domains_are_charged(process: Process, tree: Tree, judge: Judge) -> None:
    """The copies of the rules that domains hold are charged to who enforced them, while they last.

    They are freed some time after the last process of a domain.
    """
    group = Group(process, tree.d2)
    ruleset = group.member.build(Ruleset(net=BIND))
    with process.session.gate():
        add_rules(group.member, ruleset, range(RULES))
    members = [group.member.fork() for _ in range(DOMAINS)]
    for member in members:
        member.no_new_privs()
    observed = members[0].observe(Process.getpid).outcome
    if observed == Allowed():
        observed = Seen(charges(process, group, members, ruleset))
    judge(since(BIND, Seen("charged, then released")), observed)


def charges(process: Process, group: Group, members: list[Process], ruleset: Call) -> str:
    """What becomes of the memory of a group whose members enter domains, and end."""
    least, before = DOMAINS * RULES * RULE_SIZE, group.charged()
    for member in members:
        member.enforce(ruleset)
    during = group.charged()
    if during - before < least:
        return f"{during - before} bytes charged, not {least}"
    for member in members:
        process.session.kill(member.id)
    for _ in range(TRIES):
        process.syscall("ppoll", 0, 0, A_WHILE, 0)  # whoever frees them needs the processor
        if during - group.charged() >= least:
            return "charged, then released"
    return "charged, never released"


def fate(process: Process, group: Group) -> Outcome:
    """What has become of the one process of a group."""
    group.member.exit()
    ended = process.observe(Process.wait, group.pid)
    if ended.outcome != Allowed():
        return ended.outcome
    status = int.from_bytes(ended.calls[-1].data[:4], "little")
    return Seen("killed") if status == signal.SIGKILL else Allowed()


@vm_only
@needs(Need.MEMORY_GROUPS)
@covers(BIND)
@answers("sys-ar-enomem-memcg", "lim-memcg")
def test_rules_are_charged(process: Process, tree: Tree, judge: Judge) -> None:
    """Who adds rules beyond the memory of its group is killed; rules that are refused take none."""
    group = Group(process, tree.d2)
    member, session = group.member, process.session
    page = page_size(process)
    ports = range(RULES * page // SMALL_PAGE)
    no_ports = range(NO_PORT, NO_PORT + len(ports))
    ruleset = member.build(Ruleset(net=BIND))
    outcome = control = member.observe(Process.getpid).outcome
    if control == Allowed():
        with session.in_mode(Mode.DEATH):
            add_in_parts(member, ruleset, no_ports)  # once before: the program itself takes memory
            group.limit(PAGES_LEFT * page)
            add_in_parts(member, ruleset, no_ports)
        control = member.observe(Process.getpid).outcome
        with session.in_mode(Mode.DEATH):
            add_in_parts(member, ruleset, ports)
        outcome = fate(process, group)
    judge(since(BIND, Seen("killed")), outcome, control)


def open_often(process: Process, path: str) -> None:
    for _ in range(OPENED):
        process.close(process.open(path, os.O_RDONLY))


@answers("lim-perf-16")
def test_many_layers(process: Process, tree: Tree, judge: Judge) -> None:
    """A process with as many layers as there can be goes on opening files."""
    layer = tree.layer(FS.READ_FILE, {"d1": FS.READ_FILE})
    sandboxed = process.under(*[layer] * MAX_LAYERS)
    judge(since(FS.READ_FILE, Allowed()), sandboxed.observe(open_often, tree.sub_file))
