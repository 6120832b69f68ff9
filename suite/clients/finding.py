# SPDX-License-Identifier: MIT
"""What a client made of a case, told from what it comes to in landproof's own domains."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from suite.clients.description import Client
from suite.clients.start import Start
from suite.clients.words import NotExpressedError
from suite.errors import LandproofError
from suite.judge.enforced import ClientRecord, Enforced, Seen
from suite.judge.outcome import Allowed, Denied, Rejected
from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset

_MOST_SAID = 600
_CAN_NOT_EXPRESS, _REFUSES = "exit code 125", "exit code 126"
"""What clients say by that speak landproof's protocol (docs/clients.md)."""


@dataclass(slots=True)
class Attempt:
    """What a client did for one run of a case."""

    client: Client
    layers: list[Ruleset] = field(default_factory=list)
    """The policies that it was asked for."""
    starts: list[Start] = field(default_factory=list)
    """What became of each."""
    problem: LandproofError | None = None
    """Why the case did not come to its end."""


def found(by: Attempt, seen: Seen) -> ClientRecord:
    """Say what the client made of the case."""
    enforced, reason = _found(by, seen)
    last = by.starts[-1] if by.starts else None
    if last is None:
        return ClientRecord(enforced=enforced, reason=reason)
    return ClientRecord(
        enforced=enforced,
        reason=reason,
        command=" ".join(last.words),
        asked=sorted(last.view.handled),
        seen_by=last.view.seen_by,
        refused=[str(it) for it in last.view.refusals],
        observed=seen.came,
        end=last.end,
        said=last.output[:_MOST_SAID],
    )


def _found(by: Attempt, seen: Seen) -> tuple[Enforced, str]:
    if unstarted := _unstarted(by):
        return unstarted
    if missing := _missing(by):
        asked = _asked(by)
        which = "it" if asked.issubset(missing) else ", ".join(missing)
        return _degraded(by), f"does not ask for {which}"
    if isinstance(seen.own, Rejected):
        return _refused_to_us(by, seen)
    return _asked_for(by, seen)


def _unstarted(by: Attempt) -> tuple[Enforced, str] | None:
    """Of a case that was in no domain of the client's."""
    if isinstance(by.problem, NotExpressedError):
        return Enforced.NOT_EXPRESSED, f"{by.client.name} {by.problem}"
    unfit = by.client.unfit
    if unfit and any(re.search(unfit, it.output) for it in by.starts):
        return Enforced.NOT_SHOWN, f"{by.client.name} does not work there, whatever the kernel"
    failed = next((it for it in by.starts if not it.is_started), None)
    if failed is not None:
        return _not_started(by.client.says, failed)
    if by.problem is not None:
        return Enforced.BREAKS, str(by.problem)
    if not by.starts:
        return Enforced.NOT_EXPRESSED, "the case makes its domain call by call"
    return None


def _degraded(by: Attempt) -> Enforced:
    says = any(re.search(by.client.says, it.output) for it in by.starts)
    return Enforced.TELLS if says else Enforced.SILENT


def _refused_to_us(by: Attempt, seen: Seen) -> tuple[Enforced, str]:
    """Of a policy that the kernel refuses to landproof, and took of the client."""
    known = (it.since <= seen.abi for layer in by.layers for it in layer.features)
    if seen.own == seen.expected and all(known):
        return Enforced.NOT_EXPRESSED, "no kernel takes just this policy"
    return _degraded(by), "the kernel takes no such policy"


def _missing(by: Attempt) -> list[str]:
    """What the policies handle, and the client's domains don't."""
    pairs = zip(by.layers, by.starts, strict=True)
    return sorted(set().union(*(layer.handled - _denied(start) for layer, start in pairs)))


def _denied(start: Start) -> frozenset[str]:
    """What a client's domain denies without a rule.

    Reparenting is denied by each layer about files that does not handle it, too.

    Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER.
    """
    handled = start.view.handled
    is_about_files = any(label.startswith("fs.") for label in handled)
    return handled | {*FS.REFER.labels} if is_about_files else handled


def _asked_for(by: Attempt, seen: Seen) -> tuple[Enforced, str]:
    """Of a policy that was asked for in whole."""
    if seen.came == seen.expected:
        return Enforced.ENFORCES, ""
    if isinstance(seen.came, Denied) and isinstance(seen.expected, Denied):
        return Enforced.ENFORCES, f"denied with {seen.came}, by other means"
    if seen.came == seen.own and isinstance(seen.own, Allowed):
        return Enforced.NOT_ENFORCED, "nor is it in a domain of landproof's own"
    return _compared(by, seen)


def _compared(by: Attempt, seen: Seen) -> tuple[Enforced, str]:
    """Of one that came to something else than in our domain."""
    again = seen.again()
    if again is None:
        return Enforced.NOT_EXPRESSED, "its domain keeps the case from being run"
    if again != seen.came:
        if isinstance(seen.came, Allowed) and isinstance(seen.own, Denied):
            return Enforced.NOT_ENFORCED, f"it is, in landproof's own domain: {seen.own}"
        if seen.came is None:
            return Enforced.BREAKS, f"the case broke; in a domain of landproof's own: {again}"
        return Enforced.NOT_EXPRESSED, f"restricts more, and not by Landlock: {seen.came}"
    if isinstance(seen.came, Allowed):
        return Enforced.SILENT, "its rules allow more than the policy does"
    others = sorted(set().union(*(it.view.handled for it in by.starts)) - _asked(by))
    return Enforced.NOT_EXPRESSED, f"also restricts {', '.join(others) or 'other things'}"


def _asked(by: Attempt) -> frozenset[str]:
    return frozenset().union(*(layer.handled for layer in by.layers))


def _not_started(says: str, start: Start) -> tuple[Enforced, str]:
    """What a client made of a program that it did not start."""
    said = start.output.strip().rpartition("\n")[2]
    if start.end == _CAN_NOT_EXPRESS:
        return Enforced.NOT_EXPRESSED, said
    if start.end == _REFUSES or (not start.is_killed and re.search(says, start.output)):
        return Enforced.REFUSES, said
    return Enforced.BREAKS, f"{start.end}: {said}" if said else start.end


def of_canary(start: Start) -> ClientRecord:
    """What a program came to that restricts itself alone."""
    works = start.end == "exit code 0"
    return ClientRecord(
        enforced=Enforced.ENFORCES if works else Enforced.BREAKS,
        reason="" if works else f"{start.end}: {start.output.strip()}",
        command=" ".join(start.words),
        asked=sorted(start.view.handled),
        seen_by=start.view.seen_by,
        refused=[str(it) for it in start.view.refusals],
        end=start.end,
        said=start.output[:_MOST_SAID],
    )
