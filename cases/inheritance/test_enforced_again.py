# SPDX-License-Identifier: MIT
"""The same ruleset is enforced a second time: by whom, and what it has become meanwhile.

Source: Documentation/userspace-api/landlock.rst, "Inheritance"; landlock_merge_ruleset() in
security/landlock: a domain is a copy of the ruleset as it is at that time.
"""

import os
from collections.abc import Callable
from socket import AF_INET
from typing import NamedTuple, TypeAlias

from cases.controls import in_turn
from cases.net.calls import bind_tcp
from suite.case import (
    FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, Call, Case, Judge, Need, Process, Ruleset,
    Seen, Tree, net_port, own_memory, path_beneath, since, table,
)  # fmt: skip

Second: TypeAlias = Callable[[Process, Process], Process]
"""Who enforces the ruleset again, given a process in its first domain and one outside of it."""


class Kind(NamedTuple):
    """A right, an object that has a rule, and one that gets one later; how each is used."""

    right: FS | NET
    rule: Callable[[Process, Call, Tree, int, int], object]
    """About the first object, 0, or the second, 1."""
    use: Callable[[Process, Tree, int, int], object]
    needs: tuple[Need, ...] = ()


def path_rule(process: Process, ruleset: Call, tree: Tree, _: int, which: int) -> None:
    fd = process.open((tree.d1, tree.d2)[which], O_PATH)
    process.add_rule(ruleset, RULE_PATH_BENEATH, path_beneath(FS.READ_FILE, fd))


def port_rule(process: Process, ruleset: Call, _: Tree, port: int, which: int) -> None:
    process.add_rule(ruleset, RULE_NET_PORT, net_port(NET.BIND_TCP, port + which))


KINDS = {
    "files": Kind(
        FS.READ_FILE,
        path_rule,
        lambda process, tree, _, which: process.open((tree.file, tree.other)[which], os.O_RDONLY),
    ),
    "ports": Kind(
        NET.BIND_TCP,
        port_rule,
        lambda process, _, port, which: bind_tcp(process, AF_INET, port + which),
        (Need.NET,),
    ),
}


SECOND: dict[str, Second] = {
    "itself": lambda inside, outside: inside,
    "child": lambda inside, outside: inside.fork(),
    "thread": lambda inside, outside: inside.thread(),
    "another": lambda inside, outside: outside,
}


class Again(Case, frozen=True, kw_only=True):
    """Who enforces the ruleset again, and whether it has got another rule before that."""

    kind: Kind
    second: Second
    changed: bool


def again(kind: Kind, second: str, *, changed: bool) -> Again:
    # Who was in the domain before is in both; another one is in the second alone.
    gained = changed and second == "another"
    return Again(
        kind=kind,
        second=SECOND[second],
        changed=changed,
        covers=kind.right,
        needs=kind.needs,
        answers="enforced-again-changed" if changed else "enforced-again",
        expect=since(kind.right, Seen(f"allowed, {'allowed' if gained else 'EACCES'}")),
    )


@own_memory
@table(
    {
        f"{name}-{second}-{'changed' if changed else 'same'}": again(kind, second, changed=changed)
        for name, kind in KINDS.items()
        for second in SECOND
        for changed in (False, True)
    }
)
def test_again(case: Again, process: Process, tree: Tree, port: int, judge: Judge) -> None:
    """Each time a domain is made of the ruleset as it is then, and adds to those before."""
    kind = case.kind
    process.no_new_privs()
    layer = Ruleset(fs=kind.right) if isinstance(kind.right, FS) else Ruleset(net=kind.right)
    ruleset = process.build(layer)
    kind.rule(process, ruleset, tree, port, 0)
    inside, outside = process.fork(), process.fork()
    inside.enforce(ruleset)
    if case.changed:
        kind.rule(process, ruleset, tree, port, 1)
    asked = case.second(inside, outside)
    asked.enforce(ruleset)
    observed = [asked.observe(kind.use, tree, port, which) for which in (0, 1)]
    judge(case.expect, in_turn(observed))
