# SPDX-License-Identifier: MIT
"""Virtual machines whose clock counts instructions: a nanosecond is one.

Source: QEMU's documentation of -icount; "sleep=off" lets time pass at once while the guest waits.
So what the guest's clock says of a call does not depend on how busy the machine beneath is.
"""

from __future__ import annotations

from pathlib import Path

from vm.command import Accelerator
from vm.kernel import Kernel
from vm.target import VmTarget


class CountedTarget(VmTarget):
    """A machine that is emulated, whatever the host can do, with a counted clock."""

    devices = (
        "-icount", "shift=0,sleep=off",
        # Nothing that differs from start to start: random numbers, and the time.
        "-seed", "1",
        "-rtc", "base=2026-01-01,clock=vm",
    )  # fmt: skip
    own_parameters = (
        # Or the kernel may take a clock that counts coarsely, after it has distrusted this one.
        "tsc=reliable", "clocksource=tsc",
        # Where things lie decides how trees of addresses are shaped.
        "nokaslr", "norandmaps",
    )  # fmt: skip

    def __init__(self, name: str, kernel: Kernel, *, folder: Path | None = None) -> None:
        """As a ``VmTarget``, of which no state is kept."""
        super().__init__(name, kernel, Accelerator.TCG, folder)
