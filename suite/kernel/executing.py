# SPDX-License-Identifier: MIT
"""execve(2): how tasks change."""

from __future__ import annotations

from suite.kernel.errors import NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task


def execute(
    kernel: Kernel, task: Task, at: int, path: int, flags: int, argv: int, envp: int
) -> int:
    """execveat(2) of what goes on serving: the agent, or a script or program that leads to it."""
    raise NotModelled("processes: execveat")
