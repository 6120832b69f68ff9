# SPDX-License-Identifier: MIT
"""Every flag of the three system calls, known or not, alone and with every other one.

Source: include/uapi/linux/landlock.h, LANDLOCK_CREATE_RULESET_*, LANDLOCK_ADD_RULE_* and
LANDLOCK_RESTRICT_SELF_*; security/landlock/syscalls.c.
"""

from cases.syscalls.flags import FLAGS, Words, check_flags
from suite.case import Facts, Judge, Process, table


@table(FLAGS)
def test_known(case: Words, facts: Facts, process: Process, judge: Judge) -> None:
    """A flag that the ABI version does not know is refused (EINVAL) before anything else."""
    check_flags(case, facts, process, judge)
