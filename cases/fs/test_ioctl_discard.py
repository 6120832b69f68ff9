# SPDX-License-Identifier: MIT
"""Bytes of a block device that are discarded: by ioctl(2), or by a command of io_uring.

Source: block/ioctl.c, blk_ioctl_discard() and blkdev_uring_cmd(); security/landlock/fs.c,
hook_file_ioctl(); https://github.com/landlock-lsm/linux/issues/65.
"""

import os
from collections.abc import Callable

from suite.packed import packed
from suite.case import (
    FS, Allowed, Call, Case, Denied, Fd, Judge, Need, Process, Ring, Ruleset, Seen, Tree, covers,
    needs, own_memory, since, table,
)  # fmt: skip
from suite.process.calls.ioctls import BLKDISCARD
from suite.targets.disks import attached_image

PART, SIZE = 4096, 65536
CONTENT = b"x" * SIZE
LAST = SIZE - PART
NO_RULE = Ruleset(fs=FS.IOCTL_DEV)
WITH_RULE = NO_RULE.allow("/dev", FS.IOCTL_DEV)


def by_ioctl(process: Process, _: Ring | None, fd: Fd, start: int) -> Call:
    return process.ioctl(fd, BLKDISCARD, packed("QQ", start, PART))


def by_ring(process: Process, ring: Ring | None, fd: Fd, start: int) -> Call:
    assert ring is not None
    return ring.discard(process, fd, start, PART)


Way = Callable[[Process, Ring | None, Fd, int], Call]


class Discard(Case, frozen=True, kw_only=True):
    """A way to discard a page of a device, from a byte on, and the domain."""

    call: Way
    ruleset: Ruleset


def discard(call: Way, ruleset: Ruleset, said: str, answers: str) -> Discard:
    needed = (Need.URING_DISCARD,) if call is by_ring else ()
    expect = since(FS.IOCTL_DEV, Seen(said))
    return Discard(call=call, ruleset=ruleset, expect=expect, needs=needed, answers=answers)


GONE, KEPT = "allowed, and gone", "EACCES, and kept"
CASES = {
    "ioctl": discard(by_ioctl, NO_RULE, KEPT, "ioctl-discard"),
    "ioctl-with-rule": discard(by_ioctl, WITH_RULE, GONE, "ioctl-discard"),
    "uring": discard(by_ring, NO_RULE, GONE, "ioctl-discard-uring"),
    "uring-with-rule": discard(by_ring, WITH_RULE, GONE, "ioctl-discard-uring"),
}


@needs(Need.LOOP)
@covers(FS.IOCTL_DEV)
@table(CASES)
@own_memory
def test_discard(case: Discard, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule is needed for the command of ioctl(2), and none for that of io_uring."""
    ring = process.uring() if case.call is by_ring else None
    with attached_image(process, CONTENT, f"{tree.path}/image") as device:
        control = process.observe(case.call, ring, process.open(device, os.O_RDWR), LAST)
        sandboxed = process.under(case.ruleset)
        outcome = sandboxed.observe(case.call, ring, sandboxed.open(device, os.O_RDWR), 0).outcome
        if outcome in (Allowed(), Denied("EACCES")):
            came_to = "allowed" if outcome == Allowed() else "EACCES"
            first = process.read(process.open(device, os.O_RDONLY), PART).data[:1]
            outcome = Seen(f"{came_to}, and {'kept' if first == CONTENT[:1] else 'gone'}")
    judge(case.expect, outcome, control)
