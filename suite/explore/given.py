# SPDX-License-Identifier: MIT
"""What a program gave on a target: a byte a decision, so that millions of them can be kept."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from functools import cache

from suite.agent import wire
from suite.judge.outcome import errno_name
from suite.process.promise import Call

ALLOWED = 0
"""All calls of the decision succeeded. Other codes below ``LEFT_OUT`` are an errno each."""
LEFT_OUT, NOT_MODELLED, DIED, HUNG = 250, 251, 252, 253
"""The target can't show it, or has no word for it; a process died in it, or did not return."""
NO_EVENT, SILENT, LOGGED = 240, 241, 242
"""What a trace tells of a denial: nothing; that it was not logged; that it was."""
EVENTS = frozenset({NO_EVENT, SILENT, LOGGED})
_WORDS = {
    NO_EVENT: "no event",
    SILENT: "not logged",
    LOGGED: "logged",
    ALLOWED: "allowed",
    LEFT_OUT: "left out",
    NOT_MODELLED: "not modelled",
    DIED: "died",
    HUNG: "hung",
}
UNKNOWN = frozenset({LEFT_OUT, NOT_MODELLED})
"""Codes that say nothing about a kernel."""
UNKNOWN_WORDS = frozenset(_WORDS[it] for it in UNKNOWN)
DENIALS = frozenset({errno.EACCES, errno.EPERM, errno.EXDEV})
"""The errnos by which Landlock denies. Of the calls of our spaces, nothing else gives them but a
missing capability, and that in all domains alike."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a program gave."""

    codes: bytes
    """A code a decision, in the order of the program's labels; none if there is a fault."""
    fault: str = ""
    """Why nothing was decided: Landlock refused a domain, the set-up failed, the kernel died."""

    @property
    def undecided(self) -> int:
        """Of its decisions, how many the target could not show."""
        return sum(code in UNKNOWN for code in self.codes)


@cache
def word(code: int) -> str:
    """A code in words: ``allowed``, ``EACCES``, ``not modelled``."""
    return _WORDS.get(code) or errno_name(code)


def code_of(calls: list[Call]) -> int:
    """What a decision came to: its first call that failed tells."""
    for call in calls:
        record = call.batch.records.get(call.index)
        if record is None:
            return LEFT_OUT
        if record.status is wire.Status.DONE and not record.failed:
            continue
        return _FAILURES.get(record.status, LEFT_OUT) or -record.value
    return ALLOWED


_FAILURES = {
    wire.Status.DONE: 0,
    wire.Status.HUNG: HUNG,
    wire.Status.DIED: DIED,
    wire.Status.GONE: DIED,
    wire.Status.NOT_MODELLED: NOT_MODELLED,
}
"""Codes by the status of a call that failed; 0: its errno."""
