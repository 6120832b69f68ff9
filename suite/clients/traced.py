# SPDX-License-Identifier: MIT
"""What a kernel itself tells of what a client asked for, where it has Landlock's trace events.

Source: include/trace/events/landlock.h, landlock_create_ruleset and landlock_create_domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from suite.process.process import Process
from suite.process.promise import Later
from suite.witness.tracefs import Event, Trace

_EVENTS = "create_ruleset", "create_domain"
_KINDS = {"handled_fs": "fs", "handled_net": "net", "scoped": "scope"}


@dataclass(slots=True)
class Told:
    """What the kernel told; to be asked for after the block."""

    trace: Trace | None
    events: Later[Event] | None = None

    @property
    def handled(self) -> frozenset[str] | None:
        """The rights and scopes of the domains that were made; None if it tells nothing."""
        if self.trace is None or self.events is None or not self.trace.on:
            return None
        return _handled(self.events)


@contextmanager
def traced(process: Process, *, is_able: bool) -> Iterator[Told]:
    """Trace Landlock in the block, if the kernel is able to."""
    if not is_able:
        yield Told(None)
        return
    with Trace(process, *_EVENTS) as trace:
        told = Told(trace)
        yield told
        told.events = trace.take()


def _handled(events: Iterable[Event]) -> frozenset[str]:
    """Of all domains: a client may make one a thread, each by the same ruleset."""
    rulesets: dict[str, frozenset[str]] = {}
    found: frozenset[str] = frozenset()
    for event in events:
        ruleset = event.fields["ruleset"].partition(".")[0]
        if event.name == "create_ruleset":
            rulesets[ruleset] = frozenset(
                f"{kind}.{name}"
                for field, kind in _KINDS.items()
                for name in event.fields[field].split("|")
                if name
            )
        else:
            found |= rulesets.get(ruleset, frozenset())
    return found
