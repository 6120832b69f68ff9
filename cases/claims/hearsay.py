# SPDX-License-Identifier: MIT
"""What an outcome says of a claim."""

from suite.case import Denied, Outcome, Seen

DENIED = Denied("EACCES")


def weigh(outcome: Outcome, *, true: Outcome, false: Outcome) -> Outcome:
    """What an outcome says of a claim, and the outcome; itself if it says nothing."""
    if outcome == true:
        return Seen(f"true: {outcome}")
    return Seen(f"false: {outcome}") if outcome == false else outcome
