# SPDX-License-Identifier: MIT
"""Bits that no ABI version has: the highest of each field, so that newer kernels may bring more.

Source: Documentation/userspace-api/landlock.rst, "Backward and forward compatibility";
security/landlock/syscalls.c.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from suite.case import (
    FS, NET, O_PATH, RULE_PATH_BENEATH, SCOPE, Case, Expectation, Feature, Judge, Process, Rejected,
    Ruleset, by_abi, path_beneath, table,
)  # fmt: skip

HIGHEST_ACCESS = 1 << 63
HIGHEST_FLAG = 1 << 31
READ = Ruleset(fs=FS.READ_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Case):
    """A call with an unknown bit."""

    call: Callable[[Process], object]


def handle(field: int) -> Callable[[Process], object]:
    """Handle READ_FILE, and the unknown bit in a field of the attribute."""
    values = [int(FS.READ_FILE), 0, 0][: field + 1]
    values[field] |= HIGHEST_ACCESS
    attr = struct.pack(f"<{len(values)}Q", *values)
    return lambda process: process.create_ruleset(attr, len(attr))


def create(process: Process) -> None:
    process.create_ruleset(0, 0, HIGHEST_FLAG)


def restrict(process: Process) -> None:
    process.no_new_privs()
    process.enforce(process.build(READ), HIGHEST_FLAG)


def add_rule(process: Process) -> None:
    rule = path_beneath(FS.READ_FILE, process.open("/", O_PATH))
    process.add_rule(process.build(READ), RULE_PATH_BENEATH, rule, HIGHEST_FLAG)


def invalid(syscall: str) -> Expectation:
    return by_abi(lambda _: Rejected(syscall, "EINVAL"))


def unknown_field_until(first: Feature) -> Expectation:
    """Before its first bit, the field is past the end of the kernel's attribute."""
    return by_abi(
        lambda abi: Rejected("create_ruleset", "E2BIG" if abi < first.since else "EINVAL"), first
    )


CASES = {
    "fs": Unknown(call=handle(0), expect=invalid("create_ruleset")),
    "net": Unknown(call=handle(1), expect=unknown_field_until(NET.BIND_TCP)),
    "scope": Unknown(call=handle(2), expect=unknown_field_until(SCOPE.SIGNAL)),
    "create": Unknown(call=create, expect=invalid("create_ruleset")),
    "add-rule": Unknown(call=add_rule, expect=invalid("add_rule")),
    "restrict": Unknown(call=restrict, expect=invalid("restrict_self")),
}


@table(CASES)
def test_unknown(case: Unknown, process: Process, judge: Judge) -> None:
    """An unknown bit is refused, never ignored."""
    judge(case.expect, process.observe(case.call))
