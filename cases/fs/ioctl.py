# SPDX-License-Identifier: MIT
"""What the cases about LANDLOCK_ACCESS_FS_IOCTL_DEV share."""

import os

from suite.case import (
    FS, RNDGETENTCNT, Allowed, Argument, Call, Denied, Int, Out, Outcome, Process, Ruleset, since,
)  # fmt: skip
from suite.values import InOut

DEVICE = "/dev/random"
"""It answers everybody who asks it for its entropy."""
NULL = "/dev/null"
"""Its driver has no commands: what gets as far as it comes to ENOTTY."""
DENIED = since(FS.IOCTL_DEV, Denied("EACCES"))
ALLOWED = since(FS.IOCTL_DEV, Allowed())
WITHOUT_RULE = Ruleset(fs=FS.IOCTL_DEV)
SPACE = InOut(bytes(136))
"""For whatever a command reads or writes."""


def open_device(process: Process, path: str = DEVICE) -> Call:
    return process.open(path, os.O_RDONLY)


def ask_device(process: Process, fd: Call | Int) -> Call:
    return process.ioctl(fd, RNDGETENTCNT, Out(4))


def open_and_ask(process: Process, path: str = DEVICE) -> None:
    ask_device(process, open_device(process, path))


def command_compared(
    process: Process, sandboxed: Process, path: str, command: int, argument: Argument = SPACE
) -> Outcome:
    """What a command comes to on a file that was opened in the domain."""
    outside = process.observe(Process.ioctl, process.open(path, os.O_RDONLY), command, argument)
    fd = sandboxed.open(path, os.O_RDONLY)
    return sandboxed.observe(Process.ioctl, fd, command, argument).against(outside)
