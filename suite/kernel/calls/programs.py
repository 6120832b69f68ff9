# SPDX-License-Identifier: MIT
"""execveat(2) as any other call, which does not come back if it succeeds.

The agent executes itself by an operation of its own (``executing.execute``); this is for files that
are no programs, and for those that may not be executed.
"""

from __future__ import annotations

from suite.kernel import executing
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, Pointer, call
from suite.kernel.tasks import Task

_OTHERS = 1
"""Words that are not the agent's: no program is run here that has them."""


@call("execveat")
def execveat(
    kernel: Kernel, task: Task, at: CInt, path: Pointer, argv: Pointer, envp: Pointer, flags: CUint
) -> int:
    """execveat(2)."""
    return executing.execute(kernel, task, at, path, flags, argv or _OTHERS, envp)
