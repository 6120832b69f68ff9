# SPDX-License-Identifier: MIT
"""What every group of typed calls builds on."""

from __future__ import annotations

from abc import ABC, abstractmethod

from suite.process.promise import Call
from suite.process.session import Session
from suite.values import Argument, Pack


class Caller(ABC):
    """Something that makes system calls by name."""

    session: Session

    @abstractmethod
    def syscall(self, name: str, *arguments: Argument) -> Call:
        """Append a system call; buffers, promises and integers as arguments."""

    @abstractmethod
    def poke(self, address: Argument, data: bytes | Pack) -> Call:
        """Write memory."""

    @abstractmethod
    def result_at(self, address: Argument) -> Call:
        """Read what the kernel left in memory as a result: it is the call's value, or its errno."""
