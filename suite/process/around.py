# SPDX-License-Identifier: MIT
"""What a process does to a file around its clone(2)."""

from __future__ import annotations

from dataclasses import dataclass

from suite.values import Argument, Fd, Out


@dataclass(frozen=True, slots=True)
class Around:
    """What is written just before clone(2), and just behind it, by the parent itself.

    A switch of the parent's is so on for the system call alone, and not for what the agent does to
    make a child that it can drive. In between, what the file holds is read from its beginning: the
    ``data`` of the fork, with zeros behind it, if there is a child.
    """

    fd: Fd
    before: bytes
    behind: bytes
    room: int = 16
    """Bytes that are read at most."""

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Those of the fork, behind its flags."""
        return self.fd, self.before, Out(self.room), self.behind
