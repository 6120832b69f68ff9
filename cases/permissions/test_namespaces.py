# SPDX-License-Identifier: MIT
"""Namespaces that a domain may make and enter, by their kind.

Source: security/landlock/ns.c of the maintainer's tree, hook_namespace_init() and
hook_namespace_install(); landlock-lsm/linux issue 55.
"""

import os
from collections.abc import Callable

from cases.namespaces import KINDS, Kind
from suite.case import (
    CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, OPEN_TREE_CLONE, PERMISSION, Allowed, Case, Denied,
    Expectation, Judge, Need, Process, Row, Ruleset, Seen, Tree, answers, covers, needs, own_memory,
    since, table,
)  # fmt: skip
from suite.process.uapi import FSMOUNT_NAMESPACE, OPEN_TREE_NAMESPACE

pytestmark = [own_memory, covers(PERMISSION.NAMESPACE_USE)]

NOTHING = Ruleset(permissions=PERMISSION.NAMESPACE_USE)
ALLOWED = since(PERMISSION.NAMESPACE_USE, Allowed())
DENIED = since(PERMISSION.NAMESPACE_USE, Denied("EPERM"))
ALL = sum(kind.flag for kind in KINDS.values())


class Rules(Row, frozen=True, kw_only=True):
    """What a domain allows of all kinds, if one of them is asked for."""

    allowed: Callable[[int], int]
    outcome: Expectation


RULES = {
    "no-rule": Rules(allowed=lambda _: 0, outcome=DENIED),
    "its-rule": Rules(allowed=lambda flag: flag, outcome=ALLOWED),
    "rule-on-all-others": Rules(allowed=lambda flag: ALL & ~flag, outcome=DENIED),
}


class Used(Case, frozen=True, kw_only=True):
    """A kind of namespaces, and which ones are allowed."""

    kind: Kind
    allowed: int


def each(way: str, answers: str) -> dict[str, Used]:
    return {
        f"{way}-{name}-{rules}": Used(
            kind=kind,
            allowed=row.allowed(kind.flag),
            expect=row.outcome,
            needs=kind.needs,
            answers=answers,
        )
        for name, kind in KINDS.items()
        for rules, row in RULES.items()
    }


def domain(allowed: int) -> Ruleset:
    return NOTHING.allow_namespaces(allowed) if allowed else NOTHING


def clone(process: Process, flag: int) -> None:
    process.fork(flag).getpid()


@needs(Need.ADMIN, Need.USER_NAMESPACES)
@table(each("unshare", "perm-ns-unshare"))
def test_unshare(case: Used, process: Process, judge: Judge) -> None:
    """unshare(2) makes a namespace of a kind that a rule allows, and of no other."""
    control = process.fork().observe(Process.unshare, case.kind.flag)
    observed = process.under(domain(case.allowed)).observe(Process.unshare, case.kind.flag)
    judge(case.expect, observed, control)


@needs(Need.ADMIN, Need.USER_NAMESPACES)
@table(each("clone", "perm-ns-clone"))
def test_clone(case: Used, process: Process, judge: Judge) -> None:
    """So does clone(2)."""
    control = process.observe(clone, case.kind.flag)
    judge(case.expect, process.under(domain(case.allowed)).observe(clone, case.kind.flag), control)


@needs(Need.ADMIN, Need.USER_NAMESPACES)
@table(each("setns", "perm-ns-setns"))
def test_setns(case: Used, process: Process, judge: Judge) -> None:
    """setns(2) enters a namespace that others made only if a rule allows its kind."""
    inhabitant = process.fork(case.kind.flag)
    assert inhabitant.pid is not None
    namespace = process.open(f"/proc/{inhabitant.pid.value}/ns/{case.kind.name}", os.O_RDONLY)
    control = process.fork().observe(Process.setns, namespace, case.kind.flag)
    sandboxed = process.under(domain(case.allowed))
    judge(case.expect, sandboxed.observe(Process.setns, namespace, case.kind.flag), control)


# Mount namespaces that are made without being entered


def cloned_tree(process: Process, tree: Tree) -> None:
    process.open_tree(tree.d1, OPEN_TREE_CLONE)


def tree_namespace(process: Process, tree: Tree) -> None:
    process.open_tree(tree.d1, OPEN_TREE_NAMESPACE)


def new_mount(process: Process, _: Tree) -> None:
    process.new_mount()


def mount_namespace(process: Process, _: Tree) -> None:
    process.new_mount(flags=FSMOUNT_NAMESPACE)


Make = Callable[[Process, Tree], None]
MAKERS: dict[str, tuple[Make, tuple[Need, ...]]] = {
    "open-tree-clone": (cloned_tree, ()),
    "open-tree-namespace": (tree_namespace, (Need.OPEN_TREE_NAMESPACE,)),
    "fsmount": (new_mount, ()),
    "fsmount-namespace": (mount_namespace, (Need.FSMOUNT_NAMESPACE,)),
}


class Made(Case, frozen=True, kw_only=True):
    """A call that makes a mount namespace, and which kinds are allowed."""

    make: Make
    allowed: int


MADE = {
    f"{name}-{rules}": Made(
        make=make,
        needs=needed,
        allowed=row.allowed(CLONE_NEWNS),
        expect=row.outcome,
        answers="perm-ns-mounts",
    )
    for name, (make, needed) in MAKERS.items()
    for rules, row in RULES.items()
}


@needs(Need.MOUNT)
@table(MADE)
def test_made(case: Made, process: Process, tree: Tree, judge: Judge) -> None:
    """What makes a mount tree of its own makes a mount namespace for it."""
    control = process.observe(case.make, tree)
    judge(case.expect, process.under(domain(case.allowed)).observe(case.make, tree), control)


# Several kinds, several layers, and domains that are about something else


class Together(Case, frozen=True, kw_only=True):
    """Flags of unshare(2), and what each layer allows."""

    flags: int = CLONE_NEWUTS
    layers: tuple[int, ...]


UTS, SOME = CLONE_NEWUTS, CLONE_NEWNS | CLONE_NEWUTS
TOGETHER = {
    "two-kinds-both-allowed": Together(
        flags=SOME, layers=(SOME,), expect=ALLOWED, answers="perm-ns-whole"
    ),
    "two-kinds-first-allowed": Together(
        flags=SOME, layers=(CLONE_NEWNS,), expect=DENIED, answers="perm-ns-whole"
    ),
    "two-kinds-second-allowed": Together(
        flags=SOME, layers=(UTS,), expect=DENIED, answers="perm-ns-whole"
    ),
    "layers-both-allow": Together(layers=(UTS, SOME), expect=ALLOWED, answers="perm-layers"),
    "layers-outer-alone-allows": Together(layers=(UTS, 0), expect=DENIED, answers="perm-layers"),
    "layers-inner-alone-allows": Together(
        layers=(CLONE_NEWNS, UTS), expect=DENIED, answers="perm-layers"
    ),
    "layers-middle-denies": Together(layers=(UTS, 0, UTS), expect=DENIED, answers="perm-layers"),
}


@needs(Need.ADMIN)
@table(TOGETHER)
def test_together(case: Together, process: Process, judge: Judge) -> None:
    """All kinds that are asked for have to be allowed, by every layer."""
    control = process.fork().observe(Process.unshare, case.flags)
    observed = process.under(*map(domain, case.layers)).observe(Process.unshare, case.flags)
    judge(case.expect, observed, control)


@needs(Need.ADMIN)
@answers("perm-rule-union")
def test_two_rules(process: Process, judge: Judge) -> None:
    """Several rules allow together what each of them does."""
    ruleset = NOTHING.allow_namespaces(UTS).allow_namespaces(CLONE_NEWNS)
    control = process.fork().observe(Process.unshare, SOME)
    judge(ALLOWED, process.under(ruleset).observe(Process.unshare, SOME), control)


@needs(Need.ADMIN)
@answers("perm-ns-whole")
def test_nothing_is_made(process: Process, judge: Judge) -> None:
    """If one kind of two is denied, the other one is not made either."""
    look = (Process.readlink, "/proc/self/ns/uts")
    control = process.fork().observe(Process.unshare, SOME)
    sandboxed = process.under(domain(UTS))
    before = sandboxed.observe(*look)
    denied = sandboxed.observe(Process.unshare, SOME).outcome
    after = sandboxed.observe(*look)
    made = denied == Denied("EPERM") and before.calls[0].data != after.calls[0].data
    judge(DENIED, Seen("denied, but a namespace was made") if made else denied, control)


@needs(Need.USER_NAMESPACES)
@answers("perm-ns-user")
def test_unprivileged(process: Process, judge: Judge) -> None:
    """User namespaces, which need no capability, are denied as well."""
    process.drop_capabilities()
    control = process.fork().observe(Process.unshare, CLONE_NEWUSER)
    judge(DENIED, process.under(NOTHING).observe(Process.unshare, CLONE_NEWUSER), control)


@needs(Need.ADMIN)
@answers("perm-ns-other")
def test_other_permission(process: Process, judge: Judge) -> None:
    """A domain that handles the other permission, and allows CAP_SYS_ADMIN, denies no namespace."""
    other = Ruleset(permissions=PERMISSION.CAPABILITY_USE).allow_capabilities((1 << 64) - 1)
    control = process.fork().observe(Process.unshare, UTS)
    judge(ALLOWED, process.under(other).observe(Process.unshare, UTS), control)


@needs(Need.ADMIN)
@answers("perm-unknown-members")
def test_unknown(process: Process, judge: Judge) -> None:
    """A rule on a kind of namespaces that there is not allows no other kind."""
    control = process.fork().observe(Process.unshare, UTS)
    judge(DENIED, process.under(domain(1 << 63)).observe(Process.unshare, UTS), control)
