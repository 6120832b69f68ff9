# SPDX-License-Identifier: MIT
"""What a kernel prints, as /dev/kmsg has it (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

import os

from suite.process.process import Process
from suite.values import Fd

_MOST, _RECORD = 16, 2048
"""How many records are asked for at once, and how long each may be."""


class Kmsg:
    """What is new in the kernel's log from now on.

    Args:
        process: A process outside of every domain, that may read it.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._fd = process.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        process.syscall("lseek", self._fd, 0, os.SEEK_END)

    def records(self) -> list[bytes]:
        """What was printed since the last time."""
        found: list[bytes] = []
        while True:
            done = self._process.observe(_read_all, self._fd).done
            found += [call.data[: call.value] for call in done]
            if len(done) < _MOST:
                return found


def _read_all(process: Process, fd: Fd) -> None:
    for _ in range(_MOST):
        process.read(fd, _RECORD)
