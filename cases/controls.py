# SPDX-License-Identifier: MIT
"""Controls that are more than one action that is allowed."""

from collections.abc import Sequence

from suite.case import Allowed, Denied, Observation, Outcome, Rejected, Seen


def refused(observation: Observation, errno: str) -> Outcome:
    """A control that has to fail, and in this way: what it came to instead, if anything."""
    match observation.outcome:
        case Denied(found) if found == errno:
            return Allowed()
        case Allowed():
            return Seen("no error")
        case other:
            return other


def all_of(*controls: Outcome) -> Outcome:
    """Several controls as one: the first that is not allowed."""
    return next((control for control in controls if control != Allowed()), Allowed())


def though_denied(direct: Observation, other_way: Observation, errno: str = "EACCES") -> Outcome:
    """What another way gave (a ring, a program of BPF), if the call itself is denied."""
    if direct.outcome == Denied(errno) or isinstance(direct.outcome, Rejected):
        return other_way.outcome
    return Seen(f"but the call itself came to {direct.outcome}")


def in_turn(observed: Sequence[Observation]) -> Outcome:
    """What several actions came to, one after the other; or what Landlock refused before.

    All of them must have been observed: a process ends with a ruleset that is refused, once an
    outcome is asked for.
    """
    found = [it.outcome for it in observed]
    refused = (it for it in found if isinstance(it, Rejected))
    return next(refused, None) or Seen(", ".join(map(str, found)))
