# SPDX-License-Identifier: MIT
"""The three system calls through the 32-bit entry of x86-64: the same answers, row by row.

Source: include/uapi/linux/landlock.h, whose structs hold no pointer and have one layout on all
architectures; build_check_abi() in security/landlock/syscalls.c.
"""

from cases.syscalls.attributes import (
    FIELDS,
    POINTERS,
    SIZES,
    Field,
    Pointed,
    Sized,
    check_bits,
    check_pointer,
    check_size,
)
from cases.syscalls.flags import FLAGS, Words, check_flags
from cases.syscalls.queries import QUERIES, Query, check_query
from cases.syscalls.rules import RULES, Rule, check_rule
from suite.case import Facts, Judge, Need, Process, needs, table

pytestmark = needs(Need.COMPAT)


@table({f"size-{name}": row for name, row in SIZES.items()})
def test_size(case: Sized, process32: Process, judge: Judge) -> None:
    """Bytes past the end of the kernel's attribute must be zero."""
    check_size(case, process32, judge)


@table({f"pointer-{name}": row for name, row in POINTERS.items()})
def test_pointer(case: Pointed, process32: Process, judge: Judge) -> None:
    """A null pointer is refused before the size is looked at, any other one after."""
    check_pointer(case, process32, judge)


@table({f"query-{name}": row for name, row in QUERIES.items()})
def test_arguments(case: Query, process32: Process, judge: Judge) -> None:
    """A query takes no attribute, no size and no other flag."""
    check_query(case, process32, judge)


@table(FIELDS)
def test_each_bit(case: Field, facts: Facts, process32: Process, judge: Judge) -> None:
    """Of the 64 bits of a field each one is accepted that the ABI version knows, and no other."""
    check_bits(case, facts, process32, judge)


@table({f"flags-{name}": row for name, row in FLAGS.items()})
def test_known(case: Words, facts: Facts, process32: Process, judge: Judge) -> None:
    """A flag that the ABI version does not know is refused (EINVAL) before anything else."""
    check_flags(case, facts, process32, judge)


@table({f"rule-{name}": row for name, row in RULES.items()})
def test_rule(case: Rule, process32: Process, judge: Judge) -> None:
    """Flags, kind, attribute, rights and place of a rule are looked at in this order."""
    check_rule(case, process32, judge)
