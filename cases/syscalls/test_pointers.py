# SPDX-License-Identifier: MIT
"""Attributes that are not there, or not all of them, and attributes that end with their page.

Source: copy_min_struct_from_user(), add_rule_path_beneath() and add_rule_net_port() in security/
landlock/syscalls.c; struct landlock_path_beneath_attr in include/uapi/linux/landlock.h is packed.
"""

from collections.abc import Callable

from suite.packed import packed
from cases.syscalls.attributes import POINTERS, Pointed, check_pointer
from cases.syscalls.memory import UNMAPPED, at_the_end
from suite.case import (
    FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, Allowed, Case, Judge, Need, Outcome, Process,
    Rejected, Ruleset, by_abi, own_memory, since, table,
)  # fmt: skip

ATTR = packed("Q", FS.READ_FILE)


@table(POINTERS)
def test_pointer(case: Pointed, process: Process, judge: Judge) -> None:
    """A null pointer is refused before the size is looked at, any other one after."""
    check_pointer(case, process, judge)


class Edge(Case, frozen=True, kw_only=True):
    """How much of an attribute is mapped, and how much the kernel is told there was."""

    mapped: int
    told: int


def edge(mapped: int, told: int, answers: str) -> Edge:
    there = Allowed() if told == mapped else Rejected("create_ruleset", "EFAULT")
    return Edge(mapped=mapped, told=told, expect=by_abi(lambda _: there), answers=answers)


EDGES = {
    "8-bytes-mapped": edge(8, 8, "sys-cr-edge-exact"),
    "8-of-9-bytes-mapped": edge(8, 9, "sys-cr-edge-exact"),
    **{f"{size}-bytes-mapped": edge(size, size, "sys-cr-edge-exact") for size in (16, 24, 48, 64)},
    **{
        f"{size}-of-{size + 1}-bytes-mapped": edge(size, size + 1, "sys-cr-tail-unmapped")
        for size in (16, 24, 48, 64)
    },
}


@table(EDGES)
@own_memory
def test_edge(case: Edge, process: Process, judge: Judge) -> None:
    """All of an attribute has to be mapped, and nothing beyond it."""
    pointer = at_the_end(process, case.mapped, ATTR.ljust(case.mapped, b"\0"))
    control = process.observe(Process.create_ruleset, pointer, case.mapped)
    judge(case.expect, process.observe(Process.create_ruleset, pointer, case.told), control)


FOLDER = 200
"""A file descriptor."""


class Rule(Case, frozen=True, kw_only=True):
    """The attribute of a rule, and what points to how much of it."""

    ruleset: Ruleset
    kind: int
    attr: bytes
    point: Callable[[Process, bytes], int]


def whole(process: Process, attr: bytes) -> int:
    return at_the_end(process, len(attr), attr)


def all_but_one(process: Process, attr: bytes) -> int:
    return at_the_end(process, len(attr) - 1, attr[:-1])


POINTS: dict[str, tuple[Callable[[Process, bytes], int], Outcome]] = {
    "null": (lambda process, attr: 0, Rejected("add_rule", "EFAULT")),
    "unmapped": (lambda process, attr: UNMAPPED, Rejected("add_rule", "EFAULT")),
    "whole": (whole, Allowed()),
    "all-but-one-byte": (all_but_one, Rejected("add_rule", "EFAULT")),
}
READ, BIND = Ruleset(fs=FS.READ_FILE), Ruleset(net=NET.BIND_TCP)
KINDS = {
    "file": (READ, RULE_PATH_BENEATH, packed("Qi", READ.fs, FOLDER), "sys-ar-edge-fs"),
    "port": (BIND, RULE_NET_PORT, packed("QQ", BIND.net, 443), "sys-ar-edge-net"),
}
RULES = {
    f"{kind}-{name}": Rule(
        ruleset=ruleset,
        kind=number,
        attr=attr,
        point=point,
        expect=since(ruleset.features, outcome),
        answers="sys-ar-null" if name in ("null", "unmapped") else answer,
        needs=(Need.INET,) if number == RULE_NET_PORT else (),
    )
    for kind, (ruleset, number, attr, answer) in KINDS.items()
    for name, (point, outcome) in POINTS.items()
}


@table(RULES)
@own_memory
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """The kernel reads 12 bytes of a rule on files, 16 of one on ports, and no byte more."""
    process.dup_to(process.open("/", O_PATH), FOLDER)
    ruleset = process.build(case.ruleset)
    control = process.observe(Process.add_rule, ruleset, case.kind, case.attr)
    pointer = case.point(process, case.attr)
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, pointer), control)
