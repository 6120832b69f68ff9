# SPDX-License-Identifier: MIT
"""What a client, another's enforcer, made of a case's policy on a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import msgspec

from suite.judge.outcome import Outcome


class Enforced(StrEnum):
    """What became of one policy."""

    # A member is declared as ``NAME = value, is_fault, rank, mark``.

    is_fault: bool
    """Whether someone who relies on the client is not protected, or can't work."""
    rank: int
    """From calm to worst: the worst of its cases names a cell."""
    mark: str
    """What a cell says; faults are in capitals, so that nothing depends on colour."""

    def __new__(cls, value: str, is_fault: bool, rank: int, mark: str) -> Self:
        """Make a member from its row."""
        self = str.__new__(cls, value)
        self._value_ = value
        self.is_fault, self.rank, self.mark = is_fault, rank, mark
        return self

    NOT_SHOWN = "not shown", False, 0, "."
    """landproof's own domain shows nothing there, so the client's can't either."""
    NOT_EXPRESSED = "not expressed", False, 1, " "
    """The client has no words for such a policy, or can't ask for that little."""
    ENFORCES = "enforces", False, 2, "ok"
    """It was asked for, and it is enforced, as in a domain of landproof's own."""
    REFUSES = "refuses", False, 3, "refuses"
    """The client did not start the program, and said why."""
    TELLS = "degrades, and says so", False, 4, "tells"
    """The program was started with less than was asked for, and the client said so."""
    SILENT = "degrades silently", True, 5, "SILENT"
    """The program was started with less than was asked for, and nobody was told."""
    BREAKS = "breaks", True, 6, "BREAKS"
    """The client crashed, hung, or ended without a word of what was wrong; or it denies what
    the policy allows."""
    NOT_ENFORCED = "asked for, not enforced", True, 7, "NOT ENFORCED"
    """The kernel took what the client asked for, and what it denies can be done."""


class ClientRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client made of one case on one target."""

    enforced: Enforced
    reason: str = ""
    command: str = ""
    """How it was asked: its words, without the program's."""
    asked: list[str] = []
    """What the domain that it made handles, by labels, as its system calls had it."""
    seen_by: str = ""
    """How that was seen: by ``trace events`` of the kernel, or ``system calls``."""
    refused: list[str] = []
    """Calls of Landlock's that the kernel refused to it."""
    observed: Outcome | None = None
    """What the case came to in its domain."""
    end: str = ""
    """How it ended, if it did not start the program."""
    said: str = ""
    """What it printed."""


class ClientFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A client, as it is on a target."""

    name: str
    mode: str = ""
    """Which way of being strict it was asked for; empty of one that has only one."""
    version: str = ""
    knows: int = 0
    """The newest ABI version that it knows, by its own words; 0 if it does not say."""
    canary: ClientRecord | None = None
    """Of a program that restricts itself alone: whether it works there."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A case on a target: in domains of our own, and in a client's."""

    expected: Outcome
    own: Outcome
    """What it came to in our own domain."""
    came: Outcome | None
    """What it came to in the client's; None if the case did not get that far."""
    abi: int
    """Of the target."""
    again: Callable[[], Outcome | None]
    """Runs it once more, in a domain of ours that asks for just what the client asked for."""
