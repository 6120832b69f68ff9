# SPDX-License-Identifier: MIT
"""What a record tells of an erratum: of which one, and whether it is fixed."""

import re

from suite.judge.records import CaseRecord, Verdict
from suite.judge.verdict import NOT_FIXED

_HALF = re.compile(r"erratum (\d+) (not )?fixed$")


def bug_name(number: int) -> str:
    """How the bug of an erratum is called (``suite.landlock.abi.ERRATA``)."""
    return f"erratum {number}"


def erratum_half(case: CaseRecord) -> tuple[int, bool] | None:
    """The erratum that a record's clause names, and whether it is of fixed kernels."""
    match = _HALF.search(case.clause)
    return (int(match[1]), not match[2]) if match else None


def as_seen(case: CaseRecord) -> tuple[int, bool] | None:
    """The erratum that a record tells of, and whether it is fixed."""
    found = erratum_half(case)
    if found is None or not case.verdict.judged:
        return None
    if case.verdict is not Verdict.DEVIATES:
        return found
    # Anything else than what came before the fix has nothing to do with the erratum.
    return (found[0], False) if case.reason.endswith(NOT_FIXED) else None
