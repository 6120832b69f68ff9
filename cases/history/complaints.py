# SPDX-License-Identifier: MIT
"""What the kernel itself complains of, in its log, while a case runs."""

from __future__ import annotations

import os
import re

from suite.case import CLONE_NEWNS, Fd, Outcome, Process, Seen

COMPLAINED = Seen("the kernel complained")
_COMPLAINT = re.compile(
    rb"WARNING: (?!.*lockup)|BUG: (?!soft lockup|workqueue lockup)|Oops|refcount_t: |KASAN"
)
"""A slow emulated machine may be told to be locked up."""
_MOST, _RECORD = 16, 2048
"""How many records are asked for at once, and how long each may be."""


class KernelLog:
    """What is new in /dev/kmsg.

    Args:
        process: A process outside of every domain, that may read it.
        place: A folder where debugfs can be mounted, by which kernels are made to warn again of
            what they warn of once; None for a case that needs no such warning.
    """

    def __init__(self, process: Process, place: str | None = None) -> None:
        self._process = process
        if place is not None:
            process.unshare(CLONE_NEWNS)
            process.mount("debugfs", place, "debugfs")
            process.write_file(f"{place}/clear_warn_once", b"1")
            process.umount(place)
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

    def judged(self, outcome: Outcome) -> Outcome:
        """An outcome, or that the kernel complained, whatever else it did."""
        complained = any(_COMPLAINT.search(record) for record in self.records())
        return COMPLAINED if complained else outcome


def _read_all(process: Process, fd: Fd) -> None:
    for _ in range(_MOST):
        process.read(fd, _RECORD)
