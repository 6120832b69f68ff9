# SPDX-License-Identifier: MIT
"""Trace events: who records them, and how they are written.

Source: kernel/trace/trace.c; Documentation/trace/ftrace.rst, "Instances".
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task

KWORKER = ("kworker/0:1", 3)
"""Name and number of the thread that does the kernel's own work, which is no task here."""


@dataclass(slots=True, eq=False)
class Instance:
    """A buffer of its own for events, with its own switches."""

    enabled: set[str] = field(default_factory=set)
    """The names of the events that it asks for."""
    is_on: bool = True
    """Whether it records what it asks for (tracing_on)."""
    lines: deque[bytes] = field(default_factory=deque)
    """Events that nobody has read yet, each with a newline."""


@dataclass(slots=True, eq=False)
class Tracing:
    """All instances. Their clock is a counter, as the order of events is all that matters."""

    instances: list[Instance] = field(default_factory=lambda: [Instance()])
    """The first one is the system's own."""
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def is_wanted(self) -> bool:
        """Whether anybody records events."""
        return any(it.enabled and it.is_on for it in self.instances)

    def record(self, name: str, text: str, task: Task | None) -> None:
        """An event happens in a task, or in none: then in a thread of the kernel."""
        thread, number = (task.name, task.number) if task else KWORKER
        who = f"{thread:>16}-{number:<7}"
        shown = f"{who} [000] ..... {next(self.clock):>5}: {name}: {text}\n"
        line = shown.encode("utf-8", "surrogateescape")
        for it in self.instances:
            if name in it.enabled and it.is_on:
                it.lines.append(line)


def tracing_of(kernel: Kernel) -> Tracing:
    """The instances of a kernel."""
    found = kernel.extra.get("trace")
    if not isinstance(found, Tracing):
        found = kernel.extra["trace"] = Tracing()
    return found
