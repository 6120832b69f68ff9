# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_IOCTL_DEV on devices of other kinds than /dev/null and terminals.

Source: is_device() in security/landlock/fs.c; block/ioctl.c; fs/userfaultfd.c.
"""

import os

from cases.fs.ioctl import ALLOWED, DENIED, SPACE, WITHOUT_RULE
from suite.case import (
    FS, Case, Judge, Need, Process, Ruleset, answers, covers, needs, own_memory, table,
)  # fmt: skip
from suite.process.calls.ioctls import FIGETBSZ
from suite.process.calls.ioctls import BLKGETSIZE64, BLKSSZGET, USERFAULTFD_IOC_NEW

BLOCK_DEVICE = "/dev/loop0"
FAULTS = "/dev/userfaultfd"
WITH_RULE = WITHOUT_RULE.allow("/dev", FS.IOCTL_DEV)


class Command(Case, frozen=True, kw_only=True):
    """A command on a block device that is opened in the domain."""

    command: int
    ruleset: Ruleset = WITHOUT_RULE


COMMANDS = {
    "blkgetsize64": Command(command=BLKGETSIZE64, expect=DENIED),
    "blksszget": Command(command=BLKSSZGET, expect=DENIED),
    "figetbsz": Command(command=FIGETBSZ, expect=ALLOWED),
    "blkgetsize64-with-rule": Command(command=BLKGETSIZE64, ruleset=WITH_RULE, expect=ALLOWED),
}


def ask_disk(process: Process, command: int) -> None:
    process.ioctl(process.open(BLOCK_DEVICE, os.O_RDONLY), command, SPACE)


@answers("ioctl-block-device")
@covers(FS.IOCTL_DEV)
@needs(Need.LOOP)
@table(COMMANDS)
def test_block_device(case: Command, process: Process, judge: Judge) -> None:
    """A block device refuses commands as a character device does."""
    control = process.observe(ask_disk, case.command)
    judge(case.expect, process.under(case.ruleset).observe(ask_disk, case.command), control)


def ask_for_faults(process: Process) -> None:
    process.ioctl(process.open(FAULTS, os.O_RDWR), USERFAULTFD_IOC_NEW, os.O_CLOEXEC)


@answers("ioctl-userfaultfd-dev")
@covers(FS.IOCTL_DEV)
@needs(Need.USERFAULTFD)
@own_memory
def test_userfaultfd(process: Process, judge: Judge) -> None:
    """The device that gives userfaultfd(2) descriptors on command gives none."""
    control = process.observe(ask_for_faults)
    judge(DENIED, process.under(WITHOUT_RULE).observe(ask_for_faults), control)
