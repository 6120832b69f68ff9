# SPDX-License-Identifier: MIT
"""What a step of a program can be: its words, what it makes, and the calls that it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from suite.fuzz.run import Run
from suite.process.process import Process
from suite.values import Fd


class Word(Enum):
    """What a word of a step is."""

    NAME = "a path"
    OPENED = "a path that can be opened without harm"
    NEW = "a path that nothing may have yet"
    FOLDER = "a path of a folder"
    FILE = "a descriptor of a file"
    SOCKET = "a descriptor of a socket"
    DESCRIPTOR = "a descriptor of either"
    PROCESS = "a process or thread"
    OTHER = "another process or thread than the one that acts"
    LEADER = "another process, by its first thread"
    MODE = "how a file is opened"
    COMMAND = "a command of ioctl(2)"
    KIND = "a kind of socket"
    ADDRESS = "an address that goes with the socket before it"
    FLAGS = "flags of landlock_restrict_self(2)"
    RULESET = "a ruleset and how it is enforced, in one word or more"


class Gives(Enum):
    """What a step makes, by how the names of such begin."""

    NOTHING = ""
    PROCESS = "p"
    FILE = "file"
    SOCKET = "socket"
    SAME = "same"
    """One more descriptor of what the step's first word names."""


@dataclass(frozen=True)
class Action:
    """A row of the table of actions."""

    name: str
    takes: tuple[Word, ...]
    do: Callable[..., Process | Fd | None]
    """Makes the calls, for a run, a process and the words of a step; gives what was made."""
    gives: Gives = Gives.NOTHING
    is_private: bool = False
    """Whether it needs mounts that are ours alone, and the capabilities of their namespace."""

    is_capable: bool = False
    """Whether who does it has to have capabilities: what others get depends on the release."""

    @property
    def is_open(self) -> bool:
        """Whether its last word may be several."""
        return self.takes[-1:] == (Word.RULESET,)


def plain(
    name: str,
    takes: tuple[Word, ...],
    do: Callable[..., object],
    *,
    is_private: bool = False,
    is_capable: bool = False,
) -> Action:
    """An action that makes nothing that has a name."""

    def done(run: Run, process: Process, *words: str) -> None:
        do(run, process, *words)

    return Action(name, takes, done, is_private=is_private, is_capable=is_capable)
