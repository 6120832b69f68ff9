# SPDX-License-Identifier: MIT
"""What the kernel itself complains of, in its log, while a case runs."""

from __future__ import annotations

import re

from suite.case import CLONE_NEWNS, Outcome, Process, Seen
from suite.witness.kmsg import Kmsg

COMPLAINED = Seen("the kernel complained")
_COMPLAINT = re.compile(
    rb"WARNING: (?!.*lockup)|BUG: (?!soft lockup|workqueue lockup)|Oops|refcount_t: |KASAN"
)
"""A slow emulated machine may be told to be locked up."""


class KernelLog(Kmsg):
    """What is new in the kernel's log.

    Args:
        process: A process outside of every domain, that may read it.
        place: A folder where debugfs can be mounted, by which kernels are made to warn again of
            what they warn of once; None for a case that needs no such warning.
    """

    def __init__(self, process: Process, place: str | None = None) -> None:
        if place is not None:
            process.unshare(CLONE_NEWNS)
            process.mount("debugfs", place, "debugfs")
            process.write_file(f"{place}/clear_warn_once", b"1")
            process.umount(place)
        super().__init__(process)

    def judged(self, outcome: Outcome) -> Outcome:
        """An outcome, or that the kernel complained, whatever else it did."""
        complained = any(_COMPLAINT.search(record) for record in self.records())
        return COMPLAINED if complained else outcome
