# SPDX-License-Identifier: MIT
"""POSIX message queues: files of a mount that the kernel keeps to itself.

Source: do_mq_open() in ipc/mqueue.c, which opens a queue by that mount's root;
is_access_to_paths_allowed() in security/landlock/fs.c, which ends there.
"""

import os
from collections.abc import Callable

from suite.case import (
    CLONE_NEWIPC, CLONE_NEWNS, FS, Allowed, Case, Denied, Judge, Need, Process, Ruleset, Tree,
    answers, covers, needs, since, table,
)  # fmt: skip

pytestmark = needs(Need.MQUEUE, Need.MOUNT)

READ_AND_WRITE = FS.READ_FILE | FS.WRITE_FILE
ALLOWED = since(READ_AND_WRITE, Allowed())
DENIED = since(READ_AND_WRITE, Denied("EACCES"))


def with_queue(process: Process, tree: Tree) -> Process:
    """A child with queues of its own, one of which is there; d2 shows them."""
    child = process.fork()
    child.unshare(CLONE_NEWIPC | CLONE_NEWNS)
    child.mount("mqueue", tree.d2, "mqueue")
    child.mq_open("queue", os.O_RDWR | os.O_CREAT)
    return child


class Queue(Case, frozen=True, kw_only=True):
    """How a queue is opened, and the path of a rule that allows to read and write."""

    call: Callable[[Process, Tree], object]
    rule: Callable[[Tree], str] | None = None


def mq_open(flags: int) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.mq_open("queue", flags)


def open_as_file(process: Process, tree: Tree) -> None:
    process.open(f"{tree.d2}/queue", os.O_RDWR)


CASES = {
    "read": Queue(call=mq_open(os.O_RDONLY), expect=DENIED, answers="special-mqueue-open"),
    "write": Queue(call=mq_open(os.O_WRONLY), expect=DENIED, answers="special-mqueue-open"),
    "read-and-write": Queue(call=mq_open(os.O_RDWR), expect=DENIED, answers="special-mqueue-open"),
    "rule-on-root": Queue(
        call=mq_open(os.O_RDWR),
        rule=lambda tree: "/",
        expect=DENIED,
        answers="special-mqueue-root-rule",
    ),
    "file-rule-on-root": Queue(
        call=open_as_file,
        rule=lambda tree: "/",
        expect=ALLOWED,
        answers="special-mqueue-root-rule",
    ),
    "rule-on-mount": Queue(
        call=mq_open(os.O_RDWR),
        rule=lambda tree: tree.d2,
        expect=ALLOWED,
        answers="special-mqueue-mount-rule",
    ),
    "rule-on-queue": Queue(
        call=mq_open(os.O_RDWR),
        rule=lambda tree: f"{tree.d2}/queue",
        expect=ALLOWED,
    ),
}


@covers(FS.READ_FILE, FS.WRITE_FILE)
@table(CASES)
def test_open(case: Queue, process: Process, tree: Tree, judge: Judge) -> None:
    """mq_open(3) is allowed by rules on queues and on mounts of them, not by rules above those."""
    child = with_queue(process, tree)
    ruleset = Ruleset(fs=READ_AND_WRITE)
    if case.rule:
        ruleset = ruleset.allow(case.rule(tree), READ_AND_WRITE)
    control = child.observe(case.call, tree)
    judge(case.expect, child.under(ruleset).observe(case.call, tree), control)


@answers("special-mqueue-create-side-effect")
@covers(FS.READ_FILE, FS.WRITE_FILE)
def test_create(process: Process, tree: Tree, judge: Judge) -> None:
    """A queue that may not be opened is not created for the caller."""
    child = with_queue(process, tree)
    control = child.observe(Process.mq_open, "control", os.O_RDWR | os.O_CREAT)
    sandboxed = child.under(Ruleset(fs=READ_AND_WRITE))
    judge(DENIED, sandboxed.observe(Process.mq_open, "new", os.O_RDWR | os.O_CREAT), control)


@answers("special-mqueue-create-side-effect")
@covers(FS.READ_FILE, FS.WRITE_FILE)
def test_create_leaves_a_queue(process: Process, tree: Tree, judge: Judge) -> None:
    """Yet it is there afterwards: that it may be opened is asked once it was made."""
    child = with_queue(process, tree)
    sandboxed = child.under(Ruleset(fs=READ_AND_WRITE))
    sandboxed.observe(Process.mq_open, "new", os.O_RDWR | os.O_CREAT)
    judge(ALLOWED, child.observe(Process.mq_open, "new", os.O_RDWR))
