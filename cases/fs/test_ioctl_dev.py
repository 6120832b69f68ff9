# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_IOCTL_DEV.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_IOCTL_DEV.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.calls.files import (
    FIGETBSZ,
    FIOASYNC,
    FIOCLEX,
    FIONBIO,
    FIONCLEX,
    FIONREAD,
    RNDGETENTCNT,
)
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Judge, Row, covers, table
from suite.ruleset import Ruleset
from suite.session import Argument, Call, Int, Out
from suite.tree import Tree

DEVICE = "/dev/random"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Row):
    """An ioctl(2) command on a device that was opened in the domain."""

    command: int
    argument: Argument = 0


OFF = struct.pack("<i", 0)
COMMANDS = {
    "fioclex": Command(command=FIOCLEX),
    "fionclex": Command(command=FIONCLEX),
    "fionbio": Command(command=FIONBIO, argument=OFF),
    "fioasync": Command(command=FIOASYNC, argument=OFF),
    "figetbsz": Command(command=FIGETBSZ, argument=Out(4)),
}


@covers(FS.IOCTL_DEV)
@table(COMMANDS)
def test_command(case: Command, process: Process, judge: Judge) -> None:
    """Commands that are about the file descriptor or the file system stay allowed."""
    sandboxed = process.under(WITHOUT_RULE)
    fd = open_device(sandboxed)
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, case.command, case.argument))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDevice(Row):
    """Something that is opened in the domain and is no device."""

    open: Callable[[Process, Tree], Call | Int]


def named_pipe(process: Process, tree: Tree) -> Call:
    process.mkfifo(f"{tree.d1}/fifo")
    return process.open(f"{tree.d1}/fifo", os.O_RDWR)


NO_DEVICES = {
    "regular-file": NoDevice(open=lambda process, tree: process.open(tree.file, os.O_RDONLY)),
    "pipe": NoDevice(open=lambda process, tree: Int(process.pipe(), 0)),
    "named-pipe": NoDevice(open=named_pipe),
    "socket": NoDevice(open=lambda process, tree: process.socketpair()[0]),
}


@covers(FS.IOCTL_DEV)
@table(NO_DEVICES)
def test_no_device(case: NoDevice, process: Process, tree: Tree, judge: Judge) -> None:
    """Regular files, pipes and sockets keep all of their commands."""
    sandboxed = process.under(WITHOUT_RULE)
    fd = case.open(sandboxed, tree)
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, FIONREAD, Out(4)))
