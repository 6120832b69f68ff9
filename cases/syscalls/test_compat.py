# SPDX-License-Identifier: MIT
"""The three system calls through the 32-bit entry of x86-64: the same answers, row by row.

Source: include/uapi/linux/landlock.h, whose structs hold no pointer and have one layout on all
architectures; build_check_abi() in security/landlock/syscalls.c.
"""

from cases.syscalls import (
    test_add_rule,
    test_attr_size,
    test_create_ruleset,
    test_flags,
    test_pointers,
    test_queries,
)
from suite.case import Facts, Judge, Need, Process, needs, table

pytestmark = needs(Need.COMPAT)


@table({f"size-{name}": row for name, row in test_attr_size.CASES.items()})
def test_size(case: test_attr_size.Attr, process32: Process, judge: Judge) -> None:
    """Bytes past the end of the kernel's attribute must be zero."""
    test_attr_size.test_size(case, process32, judge)


@table({f"pointer-{name}": row for name, row in test_pointers.POINTERS.items()})
def test_pointer(case: test_pointers.Attr, process32: Process, judge: Judge) -> None:
    """A null pointer is refused before the size is looked at, any other one after."""
    test_pointers.test_pointer(case, process32, judge)


@table({f"query-{name}": row for name, row in test_queries.CASES.items()})
def test_arguments(case: test_queries.Query, process32: Process, judge: Judge) -> None:
    """A query takes no attribute, no size and no other flag."""
    test_queries.test_arguments(case, process32, judge)


@table(test_create_ruleset.FIELDS)
def test_each_bit(
    case: test_create_ruleset.Field, facts: Facts, process32: Process, judge: Judge
) -> None:
    """Of the 64 bits of a field each one is accepted that the ABI version knows, and no other."""
    test_create_ruleset.test_each_bit(case, facts, process32, judge)


@table({f"flags-{name}": row for name, row in test_flags.CASES.items()})
def test_known(case: test_flags.Words, facts: Facts, process32: Process, judge: Judge) -> None:
    """A flag that the ABI version does not know is refused (EINVAL) before anything else."""
    test_flags.test_known(case, facts, process32, judge)


@table({f"rule-{name}": row for name, row in test_add_rule.CASES.items()})
def test_rule(case: test_add_rule.Rule, process32: Process, judge: Judge) -> None:
    """Flags, kind, attribute, rights and place of a rule are looked at in this order."""
    test_add_rule.test_rule(case, process32, judge)
