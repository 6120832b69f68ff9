# SPDX-License-Identifier: MIT
"""What the cases of io_uring share."""

from suite.outcome import Allowed, Outcome
from suite.process import Observation


def though_denied(direct: Observation, by_ring: Observation) -> Outcome:
    """What the ring gave, if the call itself is denied."""
    allowed = direct.outcome == Allowed()
    return Allowed("but so is the call itself") if allowed else by_ring.outcome
