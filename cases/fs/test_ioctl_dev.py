# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_IOCTL_DEV.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_IOCTL_DEV.
"""

import os

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge, covers
from suite.ruleset import Ruleset
from suite.session import Call, Out

DEVICE = "/dev/random"
RNDGETENTCNT = 0x80045200
DENIED = since(FS.IOCTL_DEV, Denied("EACCES"))
ALLOWED = since(FS.IOCTL_DEV, Allowed())
WITHOUT_RULE = Ruleset(fs=FS.IOCTL_DEV)


def open_device(process: Process) -> Call:
    return process.open(DEVICE, os.O_RDONLY)


def ask_device(process: Process, fd: Call) -> Call:
    return process.ioctl(fd, RNDGETENTCNT, Out(4))


@covers(FS.IOCTL_DEV)
def test_opened_before(process: Process, judge: Judge) -> None:
    """A device that was opened before the domain keeps its ioctl(2) commands."""
    fd = open_device(process)
    judge(ALLOWED, process.under(WITHOUT_RULE).observe(ask_device, fd))


@covers(FS.IOCTL_DEV)
def test_opened_after(process: Process, judge: Judge) -> None:
    """A device that was opened in the domain refuses its driver's ioctl(2) commands."""
    control = process.observe(ask_device, open_device(process))
    sandboxed = process.under(WITHOUT_RULE)
    judge(DENIED, sandboxed.observe(ask_device, open_device(sandboxed)), control)


@covers(FS.IOCTL_DEV)
def test_opened_after_and_passed_out(process: Process, judge: Judge) -> None:
    """The refusal belongs to the open file: it holds in a process without a domain too."""
    control = process.observe(ask_device, open_device(process))
    sandboxed = process.under(WITHOUT_RULE)
    passed = sandboxed.give(open_device(sandboxed), process)
    judge(DENIED, process.observe(ask_device, passed), control)


@covers(FS.IOCTL_DEV)
def test_opened_outside_and_passed_in(process: Process, judge: Judge) -> None:
    """A device that a process without a domain opened may be asked in a domain."""
    sandboxed = process.under(WITHOUT_RULE)
    passed = process.give(open_device(process), sandboxed)
    judge(ALLOWED, sandboxed.observe(ask_device, passed))
