# SPDX-License-Identifier: MIT
"""What the cases of io_uring share."""

from suite.outcome import Allowed, Denied, Outcome, Rejected
from suite.process import Observation


def though_denied(direct: Observation, by_ring: Observation) -> Outcome:
    """What the ring gave, if the call itself is denied."""
    if direct.outcome == Denied("EACCES") or isinstance(direct.outcome, Rejected):
        return by_ring.outcome
    return Allowed(f"but the call itself came to {direct.outcome}")
