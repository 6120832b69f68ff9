# SPDX-License-Identifier: MIT
"""Which errata a kernel may claim.

Source: security/landlock/errata/abi-*.h; Documentation/userspace-api/landlock.rst, "Landlock
errata".
"""

from dataclasses import dataclass

from suite.abi import CREATE, ERRATA, Erratum
from suite.expectation import Clause, Expectation
from suite.outcome import Allowed, Outcome, Rejected
from suite.process import Process
from suite.rows import Case, Judge, covers, table

CLAIMED, NOT_CLAIMED = Allowed("claimed"), Allowed("not claimed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Case):
    """A bit of the errata mask."""

    erratum: Erratum


def claimed_from(erratum: Erratum, applies: int) -> Expectation:
    """What is owed for an erratum that applies from an ABI version on."""
    return Expectation(
        Clause(None, until=1, absent=True),
        *([Clause(NOT_CLAIMED, since=1, until=applies)] if applies > 1 else ()),
        Clause(NOT_CLAIMED, since=applies, unfixed=erratum),
        Clause(CLAIMED, since=applies, fixed=erratum),
    )


CASES = {
    erratum.name.lower().replace("_", "-"): Claim(
        erratum=erratum, expect=claimed_from(erratum, applies)
    )
    for erratum, (applies, _) in ERRATA.items()
}


def claim(mask: Outcome, erratum: Erratum) -> Outcome:
    """What an errata query says of one erratum; a kernel without the interface claims none."""
    match mask:
        case Allowed(int() as bits):
            return CLAIMED if bits >> (erratum - 1) & 1 else NOT_CLAIMED
        case Rejected(errno="EINVAL"):
            return NOT_CLAIMED
        case _:
            return mask


@covers(CREATE.ERRATA)
@table(CASES)
def test_claim(case: Claim, process: Process, judge: Judge) -> None:
    """An erratum is claimed by kernels alone whose ABI version it applies to."""
    mask = process.observe(Process.create_ruleset, 0, 0, CREATE.ERRATA).with_value
    judge(case.expect, claim(mask, case.erratum))
