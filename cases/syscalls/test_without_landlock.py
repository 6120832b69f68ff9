# SPDX-License-Identifier: MIT
"""The three system calls of a kernel without Landlock: all say so, whatever the arguments.

Source: is_initialized() in security/landlock/syscalls.c; Documentation/userspace-api/landlock.rst,
"Kernel support".
"""

from collections.abc import Callable

from suite.case import (
    CREATE, RULE_PATH_BENEATH, Facts, Judge, Outcome, Process, Rejected, Row, Seen, answers, by_abi,
    table,
)  # fmt: skip
from suite.packed import packed

NO_FD, UNKNOWN = -1, 1 << 31
LOOKED_AT = Seen("arguments are looked at")


class Any(Row, frozen=True, kw_only=True):
    """Some call, valid or not."""

    call: Callable[[Process], object]


CASES = {
    "version": Any(call=lambda process: process.create_ruleset(0, 0, CREATE.VERSION)),
    "create-without-attr": Any(call=lambda process: process.create_ruleset(0, 0)),
    "create-unknown-flag": Any(call=lambda process: process.create_ruleset(0, 0, UNKNOWN)),
    "create-valid": Any(call=lambda process: process.create_ruleset(packed("Q", 1), 8)),
    "add-rule": Any(call=lambda process: process.add_rule(NO_FD, RULE_PATH_BENEATH, 0)),
    "add-rule-unknown-flag": Any(call=lambda process: process.add_rule(NO_FD, 0, 0, UNKNOWN)),
    "restrict-self": Any(call=lambda process: process.restrict_self(NO_FD)),
    "restrict-self-unknown-flag": Any(call=lambda process: process.restrict_self(NO_FD, UNKNOWN)),
}


def told(outcome: Outcome, missing: str | None) -> Outcome:
    """What a kernel says of itself by an outcome, whichever of the three calls it is of."""
    match outcome:
        case Rejected(errno="ENOSYS" | "EOPNOTSUPP" as errno):
            return Rejected("create_ruleset", errno)
        case Rejected(errno=errno) if errno == missing:
            return Rejected("create_ruleset", errno)
        case _:
            return LOOKED_AT


@answers("sys-cr-enosys", "sys-cr-eopnotsupp")
@table(CASES)
def test_any_arguments(case: Any, facts: Facts, process: Process, judge: Judge) -> None:
    """Without Landlock each call fails in one way: ENOSYS if not built, EOPNOTSUPP if disabled."""
    observed = told(process.observe(case.call).outcome, facts.missing)
    judge(by_abi(lambda _: LOOKED_AT), observed)
