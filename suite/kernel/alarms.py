# SPDX-License-Identifier: MIT
"""Signals that the clock sends: setitimer(2), timer_settime(2)."""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGALRM

from suite.kernel import signals
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Signal, Task


@dataclass(slots=True, eq=False, repr=False)
class Alarm:
    """A timer; it waits for nothing as long as ``when`` is None."""

    task: Task
    signal: int = SIGALRM
    to_thread: bool = False
    when: float | None = None
    """By the kernel's clock."""


_KEY = "alarms"


def alarms(kernel: Kernel) -> list[Alarm]:
    """All timers of the system."""
    found = kernel.extra.setdefault(_KEY, [])
    assert isinstance(found, list)  # noqa: S101 (by the line above)
    return found


def next_moment(kernel: Kernel) -> float | None:
    """When the first timer expires, by the kernel's clock; None if there is none."""
    moments = [it.when for it in alarms(kernel) if it.when is not None and it.task.is_alive]
    return min(moments, default=None)


def ring(kernel: Kernel) -> None:
    """Let those that have expired send their signals, as the kernel's own."""
    for it in alarms(kernel):
        if it.when is not None and it.when <= kernel.clock:
            it.when = None
            sent = Signal(it.signal, signals.SI_KERNEL)
            signals.queue(kernel, it.task, sent, to_thread=it.to_thread)
