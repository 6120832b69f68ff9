# SPDX-License-Identifier: MIT
"""A second rule on the same object, with the same rights, more, fewer, others, or another flag.

Source: security/landlock/ruleset.c, landlock_insert_rule(): what rules on one object allow adds up,
and so do their flags.
"""

import os
from collections.abc import Callable
from socket import AF_INET
from typing import NamedTuple, TypeAlias

from cases.audit.logs import LOGGED, SILENT
from cases.controls import in_turn
from cases.net.calls import bind_tcp, connect_tcp
from suite.case import (
    ADD_RULE, FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, AuditLog, Call, Case, Judge, Need,
    Outcome, Process, Ruleset, Seen, Tree, covers, needs, net_port, path_beneath, since, table,
    vm_only,
)  # fmt: skip

Use: TypeAlias = Callable[[Process, Tree, int], object]
Add: TypeAlias = Callable[[Process, Call, Tree, int, int, int], object]
"""By a process to a ruleset, about a tree or a port: a rule with these rights and flags."""
QUIET = ADD_RULE.QUIET
ONE, OTHER, BOTH = 1, 2, 3
"""Of the two rights of a kind, by which a rule is written down."""


class Kind(NamedTuple):
    """An object of rules, two rights, a call that needs each, and what these come to if allowed."""

    add: Add
    rights: tuple[FS, FS] | tuple[NET, NET]
    uses: tuple[Use, Use]
    done: tuple[str, str] = ("allowed", "allowed")
    needs: tuple[Need, ...] = ()

    def these(self, which: int) -> int:
        """The rights that are meant by ``ONE``, ``OTHER``, ``BOTH`` or 0."""
        return sum(int(right) for bit, right in enumerate(self.rights) if which >> bit & 1)

    def ruleset(self, quiet: int = 0) -> Ruleset:
        """Handles both rights; these are quiet where a rule is."""
        both = self.these(BOTH)
        if isinstance(self.rights[0], FS):
            return Ruleset(fs=FS(both), quiet_fs=FS(quiet))
        return Ruleset(net=NET(both), quiet_net=NET(quiet))


def on_path(name: str) -> Add:
    def add(process: Process, ruleset: Call, tree: Tree, _: int, rights: int, flags: int) -> None:
        fd = process.open(f"{tree.path}/{name}", O_PATH)
        process.add_rule(ruleset, RULE_PATH_BENEATH, path_beneath(FS(rights), fd), flags)

    return add


def on_port(process: Process, ruleset: Call, _: Tree, port: int, rights: int, flags: int) -> None:
    process.add_rule(ruleset, RULE_NET_PORT, net_port(NET(rights), port), flags)


def opened(flags: int) -> Use:
    return lambda process, tree, _: process.open(tree.file, flags)


FILE = (FS.READ_FILE, FS.WRITE_FILE), (opened(os.O_RDONLY), opened(os.O_WRONLY))
PORT = (
    (NET.BIND_TCP, NET.CONNECT_TCP),
    (
        lambda process, _, port: bind_tcp(process, AF_INET, port),
        lambda process, _, port: connect_tcp(process, AF_INET, port),
    ),
    ("allowed", "ECONNREFUSED"),  # nobody listens there
    (Need.NET,),
)
KINDS = {
    "file": Kind(on_path("d1/file"), *FILE),
    "folder": Kind(on_path("d1"), *FILE),
    "port": Kind(on_port, *PORT),
}


class Again(Case, frozen=True, kw_only=True):
    """What two rules on one object of this kind allow, in the order in which they are added."""

    kind: Kind
    rules: tuple[tuple[int, int], tuple[int, int]]
    """Each by its rights, and its flags."""


def use_both(kind: Kind, process: Process, tree: Tree, port: int) -> Outcome:
    return in_turn([process.observe(use, tree, port) for use in kind.uses])


def under_both(case: Again, process: Process, tree: Tree, port: int, quiet: int = 0) -> Process:
    """A child in a domain of the two rules."""
    child = process.fork()
    ruleset = child.build(case.kind.ruleset(quiet))
    with child.session.gate():
        for which, flags in case.rules:
            case.kind.add(child, ruleset, tree, port, case.kind.these(which), flags)
    child.no_new_privs()
    child.enforce(ruleset)
    return child


SECOND = {
    "same": (ONE, ONE),
    "more": (ONE, BOTH),
    "fewer": (BOTH, ONE),
    "others": (ONE, OTHER),
}


def allows(kind: Kind, first: int, second: int) -> Again:
    one, other = kind.done
    owed = Seen(f"{one}, {other if (first | second) & OTHER else 'EACCES'}")
    return Again(
        kind=kind,
        rules=((first, 0), (second, 0)),
        covers=kind.rights,
        needs=kind.needs,
        answers="rule-again-adds-up",
        expect=since(kind.rights, owed),
    )


@table(
    {
        f"{name}-{second}": allows(kind, *rules)
        for name, kind in KINDS.items()
        for second, rules in SECOND.items()
    }
)
def test_rights(case: Again, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """What two rules on one object allow adds up, whichever comes first."""
    judge(case.expect, use_both(case.kind, under_both(case, process, tree, port), tree, port))


FLAGS = {
    "quiet-later": ((ONE, 0), (0, QUIET)),
    "quiet-before": ((0, QUIET), (ONE, 0)),
    "quiet-twice": ((ONE, QUIET), (ONE, QUIET)),
    "never-quiet": ((ONE, 0), (ONE, 0)),
}


@vm_only
@covers(QUIET)
@needs(Need.AUDIT)
@table(
    {
        f"{name}-{second}": Again(
            kind=kind,
            rules=rules,
            needs=kind.needs,
            answers="rule-again-quiet",
            expect=since(
                QUIET,
                Seen(f"{kind.done[0]}, EACCES, {LOGGED if second == 'never-quiet' else SILENT}"),
            ),
        )
        for name, kind in KINDS.items()
        for second, rules in FLAGS.items()
    }
)
def test_quiet(case: Again, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """One of two rules is enough to be quiet, and the other one still allows what it did."""
    kind = case.kind
    with AuditLog(process) as log:
        sandboxed = under_both(case, process, tree, port, kind.these(OTHER))
        outcome = use_both(kind, sandboxed, tree, port)
        accesses = log.accesses()
    if isinstance(outcome, Seen):
        outcome = Seen(f"{outcome.what}, {LOGGED if accesses else SILENT}")
    judge(case.expect, outcome)
