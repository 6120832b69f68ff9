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
NO_RULE = Ruleset(fs=FS.IOCTL_DEV)
WITH_RULE = NO_RULE.allow("/dev", FS.IOCTL_DEV)


def by_ioctl(process: Process, _: Ring | None, fd: Fd) -> Call:
    return process.ioctl(fd, BLKDISCARD, packed("QQ", 0, PART))


def by_ring(process: Process, ring: Ring | None, fd: Fd) -> Call:
    assert ring is not None
    return ring.discard(process, fd, 0, PART)


class Discard(Case, frozen=True, kw_only=True):
    """A way to discard the first page of a device, and the domain."""

    call: Callable[[Process, Ring | None, Fd], Call]
    ruleset: Ruleset


def discard(
    call: Callable[[Process, Ring | None, Fd], Call], ruleset: Ruleset, said: str, answers: str
) -> Discard:
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
    sandboxed = process.under(case.ruleset)
    with attached_image(process, CONTENT, f"{tree.path}/image") as device:
        fd = sandboxed.open(device, os.O_RDWR)
        outcome = sandboxed.observe(case.call, ring, fd).outcome
        first = process.read(process.open(device, os.O_RDONLY), PART).data[:1]
        control = process.observe(case.call, ring, process.open(device, os.O_RDWR))
        if outcome in (Allowed(), Denied("EACCES")):
            came_to = "allowed" if outcome == Allowed() else "EACCES"
            outcome = Seen(f"{came_to}, and {'kept' if first == CONTENT[:1] else 'gone'}")
    judge(case.expect, outcome, control)
