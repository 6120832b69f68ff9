# SPDX-License-Identifier: MIT
"""Core files, which a dying process makes itself, in its own domain.

Source: do_coredump() in fs/coredump.c; core(5).
"""

from __future__ import annotations

import os
from contextlib import suppress
from resource import RLIMIT_CORE

from suite.kernel import names, opening
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.open_files import drop
from suite.kernel.signals import DUMPING
from suite.kernel.tasks import Task
from suite.process.uapi import AT_FDCWD

NAME = "core"
_FLAGS = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_EXCL
_HEADERS = b"\x7fELF".ljust(PAGE, b"\0")
"""All that is in a core here: that it has a beginning."""


def dump(kernel: Kernel, task: Task, number: int) -> bool:
    """Let a task that a signal ends write its core; whether one was written."""
    group = task.group
    if number not in DUMPING or not group.dumpable or group.limits[RLIMIT_CORE][0] < PAGE:
        return False
    with suppress(Errno):
        names.unlink(kernel, task, AT_FDCWD, NAME)
    try:
        file = opening.open_path(kernel, task, NAME, _FLAGS, mode=0o600)
    except Errno:
        return False
    file.references += 1
    file.write(_HEADERS)
    drop(file)
    return True
