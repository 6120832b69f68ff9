# SPDX-License-Identifier: MIT
"""Which errata a kernel may claim.

Source: security/landlock/errata/abi-*.h; Documentation/userspace-api/landlock.rst, "Landlock
errata".
"""

from suite.case import (
    CREATE, Allowed, Facts, Judge, Outcome, Process, Rejected, answers, by_abi, covers,
)  # fmt: skip
from suite.landlock.abi import ERRATA

NONE = Allowed(0)


def out_of_place(mask: Outcome, abi: int) -> Outcome:
    """The bits of an errata mask that an ABI version can't have."""
    match mask:
        case Allowed(int() as claimed):
            foreign = (erratum for erratum, fix in ERRATA.items() if abi < fix.since)
            return Allowed(claimed & sum(1 << (erratum - 1) for erratum in foreign))
        case Rejected(errno="EINVAL"):  # no errata interface
            return NONE
        case _:
            return mask


@covers(CREATE.ERRATA)
@answers("sys-cr-errata", "llr-26")
def test_out_of_place(process: Process, facts: Facts, judge: Judge) -> None:
    """A kernel claims no erratum of a feature that its ABI version does not have."""
    mask = process.observe(Process.create_ruleset, 0, 0, CREATE.ERRATA).with_value
    judge(by_abi(lambda _: NONE), out_of_place(mask, facts.abi))
