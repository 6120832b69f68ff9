# SPDX-License-Identifier: MIT
"""Landlock's three system calls, the kinds of rules, and the structs that they take.

Source: include/uapi/linux/landlock.h; security/landlock/syscalls.c.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from suite.landlock.abi import (
    LANDLOCK,
    NET,
    PERMISSION,
    RULE_CAPABILITY,
    RULE_NAMESPACE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    SYS_ADD_RULE,
    SYS_CREATE_RULESET,
    SYS_RESTRICT_SELF,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A system call."""

    number: int
    """On every architecture but alpha, which adds 110 to all numbers of its time."""
    arguments: tuple[str, ...]
    """As C declares them."""


CALLS: Mapping[str, Call] = {
    "landlock_create_ruleset": Call(
        SYS_CREATE_RULESET,
        ("const struct landlock_ruleset_attr *attr", "size_t size", "__u32 flags"),
    ),
    "landlock_add_rule": Call(
        SYS_ADD_RULE,
        (
            "int ruleset_fd",
            "enum landlock_rule_type rule_type",
            "const void *rule_attr",
            "__u32 flags",
        ),
    ),
    "landlock_restrict_self": Call(SYS_RESTRICT_SELF, ("int ruleset_fd", "__u32 flags")),
}
"""By name; all of them came with the first ABI version."""


@dataclass(frozen=True, slots=True)
class RuleField:
    """A field of a rule's struct, right behind the one before."""

    name: str
    size: int
    """In bytes."""
    type: str
    """In C."""


@dataclass(frozen=True, slots=True)
class RuleType:
    """A kind of rules: what landlock_add_rule(2) takes for ``rule_type``."""

    value: int
    constant: str
    since: int
    """The ABI version that brought it."""
    struct: str
    """What ``rule_attr`` points to; it has no padding anywhere."""
    fields: tuple[RuleField, ...]


RULE_TYPES: Mapping[str, RuleType] = {
    "path_beneath": RuleType(
        RULE_PATH_BENEATH,
        "LANDLOCK_RULE_PATH_BENEATH",
        LANDLOCK.version,
        "landlock_path_beneath_attr",
        (RuleField("allowed_access", 8, "__u64"), RuleField("parent_fd", 4, "__s32")),
    ),
    "net_port": RuleType(
        RULE_NET_PORT,
        "LANDLOCK_RULE_NET_PORT",
        NET.BIND_TCP.since,
        "landlock_net_port_attr",
        (RuleField("allowed_access", 8, "__u64"), RuleField("port", 8, "__u64")),
    ),
    # Upcoming (``abi.py``); assumed is that all fields are as wide as those of other rules.
    "namespace": RuleType(
        RULE_NAMESPACE,
        "LANDLOCK_RULE_NAMESPACE",
        PERMISSION.NAMESPACE_USE.since,
        "landlock_namespace_attr",
        (
            RuleField("permissions", 8, "__u64"),
            RuleField("allowed_namespace_types", 8, "__u64"),
            RuleField("quiet_namespace_types", 8, "__u64"),
        ),
    ),
    "capability": RuleType(
        RULE_CAPABILITY,
        "LANDLOCK_RULE_CAPABILITY",
        PERMISSION.CAPABILITY_USE.since,
        "landlock_capability_attr",
        (
            RuleField("permissions", 8, "__u64"),
            RuleField("allowed_capabilities", 8, "__u64"),
            RuleField("quiet_capabilities", 8, "__u64"),
        ),
    ),
}
"""By short name."""
