# SPDX-License-Identifier: MIT
"""What every group of typed calls builds on."""

from abc import ABC, abstractmethod

from suite.session import Argument, Call


class Caller(ABC):
    """Something that makes system calls by name."""

    @abstractmethod
    def syscall(self, name: str, *arguments: Argument) -> Call:
        """Append a system call; buffers, promises and integers as arguments."""
