# SPDX-License-Identifier: MIT
"""What could leave something behind in the kernel: calls that fail, what is replaced, what ends."""

from collections.abc import Callable

from msgspec.structs import replace

from suite.packed import packed
from cases.processes import end
from cases.scope.signals import SCOPED, pid
from suite.case import (
    FS, F_SETOWN, MAX_LAYERS, NET, O_PATH, RESTRICT, RULE_NET_PORT, RULE_PATH_BENEATH, Allowed,
    Call, Observation, Process, Row, Ruleset, Tree, net_port, path_beneath,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
UNKNOWN = 1 << 63
NO_FD = -1

RULE, ENFORCED, ENDED = "rule", "enforced", "ended"


class Leak(Row, frozen=True, kw_only=True):
    """What is done so many times by a process with a ruleset."""

    once: Callable[[Process, Call, Tree], object]
    prepare: Callable[[Process, Call, Tree], Process] = lambda process, ruleset, tree: process
    """Who does it: a process that has the ruleset, too."""
    kind: str
    """Of the behaviour that it shows."""


def rule_on_file(rights: FS, flags: int = 0) -> Callable[[Process, Call, Tree], object]:
    def once(process: Process, ruleset: Call, tree: Tree) -> None:
        fd = process.open(tree.file, O_PATH)
        attr = path_beneath(rights, fd)
        process.observe(Process.add_rule, ruleset, RULE_PATH_BENEATH, attr, flags)
        process.close(fd)

    return once


def rule_on_port(process: Process, ruleset: Call, _: Tree) -> None:
    attr = net_port(NET.BIND_TCP, 1 << 16)
    process.observe(Process.add_rule, ruleset, RULE_NET_PORT, attr)


def rule_that_stays(process: Process, _: Call, tree: Tree) -> None:
    process.close(process.build(READ.allow(tree.file, READ.fs)))


def refused_ruleset(process: Process, _: Call, __: Tree) -> None:
    process.observe(Process.create_ruleset, packed("Q", UNKNOWN), 8)


def closed_ruleset(process: Process, _: Call, __: Tree) -> None:
    process.close(process.build(READ))


def enforce(flags: int = 0, fd: int | None = None) -> Callable[[Process, Call, Tree], object]:
    def once(process: Process, ruleset: Call, _: Tree) -> None:
        process.observe(Process.restrict_self, ruleset if fd is None else fd, flags)

    return once


def in_sixteen_layers(process: Process, ruleset: Call, tree: Tree) -> Process:
    process.no_new_privs()
    for _ in range(MAX_LAYERS):
        process.enforce(ruleset)
    return process


def with_sibling(process: Process, ruleset: Call, tree: Tree) -> Process:
    process.thread()
    return in_sixteen_layers(process, ruleset, tree)


def without_privileges(process: Process, _: Call, __: Tree) -> Process:
    process.drop_capabilities()
    return process


def domain(process: Process, ruleset: Call, _: Tree) -> None:
    child = process.fork()
    child.no_new_privs()
    child.enforce(ruleset)
    end(process, child)


def owner_in_domain(process: Process, _: Call, __: Tree) -> None:
    child = process.under(SCOPED)
    first, second = child.socketpair()
    for fd in (first, first, second, first):
        child.fcntl(fd, F_SETOWN, pid(process))
    end(process, child)


LEAKS = {
    "rule-of-folders-on-file": Leak(once=rule_on_file(FS.READ_DIR), kind=RULE),
    "rule-not-handled": Leak(once=rule_on_file(FS.WRITE_FILE), kind=RULE),
    "rule-without-rights": Leak(once=rule_on_file(FS(0)), kind=RULE),
    "rule-with-unknown-flag": Leak(once=rule_on_file(FS.READ_FILE, 1 << 31), kind=RULE),
    "rule-on-no-port": Leak(once=rule_on_port, kind=RULE),
    "rule-in-closed-ruleset": Leak(once=rule_that_stays, kind=RULE),
    "ruleset-refused": Leak(once=refused_ruleset, kind=RULE),
    "ruleset-closed": Leak(once=closed_ruleset, kind=RULE),
    "enforced-unprivileged": Leak(once=enforce(), prepare=without_privileges, kind=ENFORCED),
    "enforced-with-unknown-flag": Leak(once=enforce(1 << 31), kind=ENFORCED),
    "enforced-without-ruleset": Leak(once=enforce(fd=NO_FD), kind=ENFORCED),
    "enforced-in-too-many-layers": Leak(once=enforce(), prepare=in_sixteen_layers, kind=ENFORCED),
    "enforced-on-threads-in-too-many-layers": Leak(
        once=enforce(RESTRICT.TSYNC), prepare=with_sibling, own_memory=True, kind=ENFORCED
    ),
    "domain-ended": Leak(once=domain, kind=ENDED),
    "owner-replaced": Leak(once=owner_in_domain, kind=ENDED),
}


def rows(behaviour: str) -> dict[str, Leak]:
    """All of them, for a witness whose behaviours begin so."""
    return {name: replace(leak, answers=f"{behaviour}-{leak.kind}") for name, leak in LEAKS.items()}


def ready(case: Leak, process: Process, tree: Tree) -> tuple[Observation, Process]:
    """How a child of the process made its ruleset, and that child, if it could."""
    actor = process.fork()
    built = actor.observe(Process.build, READ)
    return built, case.prepare(actor, built.calls[0], tree) if built.outcome == Allowed() else actor
