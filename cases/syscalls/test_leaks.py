# SPDX-License-Identifier: MIT
"""Calls that fail, and things that are replaced or end, leave nothing behind in the kernel.

Source: security/landlock/syscalls.c, landlock_restrict_self(), where abort_creds() ends what fails;
security/landlock/fs.c, landlock_append_fs_rule() and hook_file_set_fowner().
"""

from collections.abc import Callable

from suite.packed import packed
from cases.processes import end
from cases.scope.signals import SCOPED, pid
from cases.syscalls.slabs import LOOKS, NOTHING, kept
from suite.case import (
    FS, F_SETOWN, MAX_LAYERS, NET, O_PATH, RESTRICT, RULE_NET_PORT, RULE_PATH_BENEATH, Allowed,
    Call, Judge, Need, Outcome, Process, Row, Ruleset, Seen, Tree, answers, needs, net_port,
    path_beneath, since, table, vm_only,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
MANY, SOME = 100, 40
"""Of what takes a call or two, and of what takes a process."""
UNKNOWN = 1 << 63
NO_FD = -1


HELD = since(READ.fs, Seen("kept"))


RULE, ENFORCED, ENDED = "leak-rule", "leak-enforced", "leak-ended"


class Leak(Row, frozen=True, kw_only=True):
    """What is done so many times by a process with a ruleset."""

    once: Callable[[Process, Call, Tree], object]
    prepare: Callable[[Process, Call, Tree], Process] = lambda process, ruleset, tree: process
    """Who does it: a process that has the ruleset, too."""
    times: int = MANY


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


def hold_ruleset(process: Process, _: Call, __: Tree) -> None:
    process.build(READ)


CASES = {
    "rule-of-folders-on-file": Leak(once=rule_on_file(FS.READ_DIR), answers=RULE),
    "rule-not-handled": Leak(once=rule_on_file(FS.WRITE_FILE), answers=RULE),
    "rule-without-rights": Leak(once=rule_on_file(FS(0)), answers=RULE),
    "rule-with-unknown-flag": Leak(once=rule_on_file(FS.READ_FILE, 1 << 31), answers=RULE),
    "rule-on-no-port": Leak(once=rule_on_port, answers=RULE),
    "rule-in-closed-ruleset": Leak(once=rule_that_stays, answers=RULE),
    "ruleset-refused": Leak(once=refused_ruleset, answers=RULE),
    "ruleset-closed": Leak(once=closed_ruleset, answers=RULE),
    "enforced-unprivileged": Leak(once=enforce(), prepare=without_privileges, answers=ENFORCED),
    "enforced-with-unknown-flag": Leak(once=enforce(1 << 31), answers=ENFORCED),
    "enforced-without-ruleset": Leak(once=enforce(fd=NO_FD), answers=ENFORCED),
    "enforced-in-too-many-layers": Leak(
        once=enforce(), prepare=in_sixteen_layers, answers=ENFORCED
    ),
    "enforced-on-threads-in-too-many-layers": Leak(
        once=enforce(RESTRICT.TSYNC), prepare=with_sibling, own_memory=True, answers=ENFORCED
    ),
    "domain-ended": Leak(once=domain, times=SOME, answers=ENDED),
    "owner-replaced": Leak(once=owner_in_domain, times=SOME, answers=ENDED),
}


def leave(case: Leak, process: Process, tree: Tree, looks: int = LOOKS) -> Outcome:
    """What the kernel keeps; or what it refused."""
    actor = process.fork()
    built = actor.observe(Process.build, READ)
    if built.outcome != Allowed():
        return built.outcome
    ruleset = built.calls[0]
    actor = case.prepare(actor, ruleset, tree)

    def repeat() -> None:
        for _ in range(case.times):
            case.once(actor, ruleset, tree)
        actor.session.flush()

    return kept(process, case.times, repeat, looks)


@vm_only
@needs(Need.SLABINFO)
@table(CASES)
def test_nothing(case: Leak, process: Process, tree: Tree, judge: Judge) -> None:
    """However often it is done, the kernel has as many objects as before."""
    judge(since(READ.fs, NOTHING), leave(case, process, tree))


@vm_only
@answers("leak-seen")
@needs(Need.SLABINFO)
def test_held(process: Process, tree: Tree, judge: Judge) -> None:
    """Rulesets that are held are seen: what is left behind would be."""
    found = leave(Leak(once=hold_ruleset), process, tree, looks=1)
    judge(HELD, Seen("kept") if found != NOTHING and isinstance(found, Seen) else found)
