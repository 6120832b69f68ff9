# SPDX-License-Identifier: MIT
"""Which commands LANDLOCK_ACCESS_FS_IOCTL_DEV is about, and on which files.

A command that has nothing to say is fine: it must come to the same as outside of the domain.

Source: is_masked_device_ioctl() and is_device() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable

from cases.fs.ioctl import ALLOWED, DENIED, NULL, SPACE, WITHOUT_RULE, command_compared
from suite.case import (
    FIONREAD, FS, Argument, Call, Case, Judge, Process, Row, Ruleset, Tree, answers, covers,
    known_bits, split, table,
)  # fmt: skip
from suite.process.calls.ioctls import FIGETBSZ
from suite.process.calls.ioctls import (
    BLKGETSIZE64,
    FIBMAP,
    FICLONE,
    FICLONERANGE,
    FIDEDUPERANGE,
    FIFREEZE,
    FIOQSIZE,
    FITHAW,
    FS_IOC_FIEMAP,
    FS_IOC_FSGETXATTR,
    FS_IOC_FSSETXATTR,
    FS_IOC_GETFLAGS,
    FS_IOC_GETFSSYSFSPATH,
    FS_IOC_GETFSUUID,
    FS_IOC_RESVSP,
    FS_IOC_RESVSP64,
    FS_IOC_SETFLAGS,
    FS_IOC_UNRESVSP,
    FS_IOC_UNRESVSP64,
    FS_IOC_ZERO_RANGE,
    NOBODYS,
    TCGETS,
)


class Command(Case, frozen=True, kw_only=True):
    """A command, and what becomes of it on a device that was opened in the domain."""

    command: int
    argument: Argument = SPACE


def exempt(command: int, argument: Argument = SPACE) -> Command:
    """The VFS performs it, and it is harmless."""
    return Command(
        command=command,
        argument=argument,
        expect=ALLOWED,
        answers=("ioctl-masked-vfs-cmds", "gap-ioctl-commands"),
    )


def handed_on(command: int) -> Command:
    """The VFS performs it on some files, and hands it on to a driver."""
    return Command(command=command, expect=DENIED, answers="ioctl-not-masked-vfs-cmds")


def drivers(command: int) -> Command:
    """The VFS does not know it."""
    return Command(command=command, expect=DENIED, answers="ioctl-chr-denied")


COMMANDS = {
    "fioqsize": exempt(FIOQSIZE),
    "fifreeze": exempt(FIFREEZE),
    "fithaw": exempt(FITHAW),
    "fs-ioc-fiemap": exempt(FS_IOC_FIEMAP),
    "ficlone": exempt(FICLONE, 0),
    "ficlonerange": exempt(FICLONERANGE),
    "fideduperange": exempt(FIDEDUPERANGE),
    "fs-ioc-getfsuuid": exempt(FS_IOC_GETFSUUID),
    "fs-ioc-getfssysfspath": exempt(FS_IOC_GETFSSYSFSPATH),
    "fionread": handed_on(FIONREAD),
    "fs-ioc-getflags": handed_on(FS_IOC_GETFLAGS),
    "fs-ioc-setflags": handed_on(FS_IOC_SETFLAGS),
    "fs-ioc-fsgetxattr": handed_on(FS_IOC_FSGETXATTR),
    "fs-ioc-fssetxattr": handed_on(FS_IOC_FSSETXATTR),
    "fibmap": handed_on(FIBMAP),
    "fs-ioc-resvsp": handed_on(FS_IOC_RESVSP),
    "fs-ioc-resvsp64": handed_on(FS_IOC_RESVSP64),
    "fs-ioc-unresvsp": handed_on(FS_IOC_UNRESVSP),
    "fs-ioc-unresvsp64": handed_on(FS_IOC_UNRESVSP64),
    "fs-ioc-zero-range": handed_on(FS_IOC_ZERO_RANGE),
    "tcgets": drivers(TCGETS),
    "blkgetsize64": drivers(BLKGETSIZE64),
    "unknown": drivers(NOBODYS),
}


@covers(FS.IOCTL_DEV)
@table(split("ioctl-command", COMMANDS))
def test_on_a_device(case: Command, process: Process, judge: Judge) -> None:
    """A device refuses all commands but those of the descriptor and of the file system."""
    process.drop_capabilities()  # or FIFREEZE would freeze
    sandboxed = process.under(WITHOUT_RULE)
    judge(case.expect, command_compared(process, sandboxed, NULL, case.command, case.argument))


@answers("ioctl-chr-allowed")
@covers(FS.IOCTL_DEV)
def test_unknown_with_a_rule(process: Process, judge: Judge) -> None:
    """Where a rule allows commands, the driver answers whatever it is asked."""
    sandboxed = process.under(WITHOUT_RULE.allow(NULL, FS.IOCTL_DEV))
    judge(ALLOWED, command_compared(process, sandboxed, NULL, NOBODYS))


class NoDevice(Row, frozen=True, kw_only=True):
    """A command on something that is opened in the domain and is no device."""

    open: Callable[[Process, Tree], Call]
    command: int


def regular_file(process: Process, tree: Tree) -> Call:
    return process.open(tree.file, os.O_RDONLY)


def directory(process: Process, tree: Tree) -> Call:
    return process.open(tree.d1, os.O_RDONLY)


def proc_file(process: Process, _: Tree) -> Call:
    return process.open("/proc/version", os.O_RDONLY)


NO_DEVICES = {
    f"{name}-{command}": NoDevice(open=opener, command=number, answers=f"ioctl-{answer}")
    for name, answer, opener, commands in (
        (
            "regular-file",
            "regular-file",
            regular_file,
            {"fs-ioc-getflags": FS_IOC_GETFLAGS, "ficlone": FICLONE, "tcgets": TCGETS},
        ),
        ("proc-file", "proc-file", proc_file, {"tcgets": TCGETS}),
        ("directory", "directory", directory, {"fionread": FIONREAD, "figetbsz": FIGETBSZ}),
    )
    for command, number in commands.items()
}


@covers(FS.IOCTL_DEV)
@table(NO_DEVICES)
def test_on_no_device(case: NoDevice, process: Process, tree: Tree, judge: Judge) -> None:
    """What is no device refuses no command."""
    outside = process.observe(Process.ioctl, case.open(process, tree), case.command, SPACE)
    sandboxed = process.under(WITHOUT_RULE)
    fd = case.open(sandboxed, tree)
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, case.command, SPACE).against(outside))


@answers("ioctl-memfd")
@covers(FS.IOCTL_DEV)
def test_on_a_memory_file(process: Process, judge: Judge) -> None:
    """A memory file takes commands where nothing at all is allowed."""
    outside = process.observe(Process.ioctl, process.memfd_create(), FS_IOC_GETFLAGS, SPACE)
    sandboxed = process.under(Ruleset(fs=known_bits(FS, FS.IOCTL_DEV.since)))
    fd = sandboxed.memfd_create()
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, FS_IOC_GETFLAGS, SPACE).against(outside))
