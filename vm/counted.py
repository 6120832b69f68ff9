# SPDX-License-Identifier: MIT
"""Virtual machines whose clock counts instructions: a nanosecond is one.

Source: QEMU's documentation of -icount; "sleep=off" lets time pass at once while the guest waits.
So what the guest's clock says of a call does not depend on how busy the machine beneath is.
"""

from __future__ import annotations

from pathlib import Path

from vm.command import Accelerator
from vm.machine import Machine
from vm.target import VmTarget

_DEVICES = (
    "-icount", "shift=0,sleep=off",
    # Nothing that differs from start to start: random numbers, and the time.
    "-seed", "1",
    "-rtc", "base=2026-01-01,clock=vm",
)  # fmt: skip
_PARAMETERS = (
    # Or the kernel may take a clock that counts coarsely, after it has distrusted this one.
    "tsc=reliable", "clocksource=tsc",
    # Where things lie decides how trees of addresses are shaped.
    "nokaslr", "norandmaps",
)  # fmt: skip


class CountedTarget(VmTarget):
    """A machine that is emulated, whatever the host can do, with a counted clock."""

    def _machine_of(
        self,
        agent: Path,
        accelerator: Accelerator,
        *,
        monitored: bool = False,
        incoming: int | None = None,
    ) -> Machine:
        return Machine(
            self._kernel,
            agent=agent,
            accel=Accelerator.TCG,
            folder=self._folder,
            append=(*_PARAMETERS, *self.kernel.parameters.split()),
            devices=_DEVICES,
        )
