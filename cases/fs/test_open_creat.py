# SPDX-License-Identifier: MIT
"""openat(2) of what it makes: O_CREAT and O_TMPFILE.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_MAKE_REG; hook_path_mknod() and
hook_file_open() in security/landlock/fs.c; open_last_lookups() and do_tmpfile() in fs/namei.c.
"""

import os
from collections.abc import Mapping

from suite.case import (
    FS, Allowed, Case, Denied, Judge, Need, Process, Row, Seen, Tree, answers, covers, since, table,
)  # fmt: skip

MAKE, READ, WRITE = FS.MAKE_REG, FS.READ_FILE, FS.WRITE_FILE
ALLOWED = since(MAKE, Allowed())
DENIED = since(MAKE, Denied("EACCES"))


class Create(Case, frozen=True, kw_only=True):
    """What the one layer handles, its rules, and what is opened."""

    handled: FS = MAKE
    rules: Mapping[str, FS]
    path: str = "d1/new"
    flags: int = os.O_CREAT | os.O_WRONLY


CASES = {
    "new": Create(
        rules={},
        answers="open-creat-new-needs-make-reg",
        expect=DENIED,
    ),
    "new-exclusive": Create(
        rules={},
        flags=os.O_CREAT | os.O_EXCL | os.O_WRONLY,
        answers="open-creat-new-needs-make-reg",
        expect=DENIED,
    ),
    "new-with-rule": Create(
        rules={"d1": MAKE},
        answers="open-creat-new-needs-make-reg",
        expect=ALLOWED,
    ),
    "existing": Create(
        rules={},
        path="d1/file",
        answers="open-creat-existing-no-make-reg",
        expect=ALLOWED,
    ),
    "dangling-symlink-itself-allowed": Create(
        rules={"d1": MAKE},
        path="d1/dangling",
        answers="open-creat-dangling-symlink",
        expect=DENIED,
    ),
    "dangling-symlink-target-allowed": Create(
        rules={"d2": MAKE},
        path="d1/dangling",
        answers="open-creat-dangling-symlink",
        expect=ALLOWED,
    ),
    "tmpfile-without-make-reg": Create(
        handled=MAKE | READ | WRITE,
        rules={"d1": READ | WRITE},
        path="d1",
        flags=os.O_TMPFILE | os.O_RDWR,
        needs=(Need.MOUNT,),  # for a file system of ours, which has it
        answers="open-tmpfile-no-make-reg",
        expect=ALLOWED,
    ),
    "tmpfile-with-make-reg-alone": Create(
        handled=MAKE | READ | WRITE,
        rules={"d1": MAKE},
        path="d1",
        flags=os.O_TMPFILE | os.O_RDWR,
        needs=(Need.MOUNT,),
        answers="open-tmpfile-no-make-reg",
        expect=DENIED,
    ),
    "tmpfile-to-write-with-read-file": Create(
        handled=MAKE | READ | WRITE,
        rules={"d1": MAKE | READ},
        path="d1",
        flags=os.O_TMPFILE | os.O_WRONLY,
        needs=(Need.MOUNT,),
        answers="open-tmpfile-no-make-reg",
        expect=DENIED,
    ),
}


@covers(MAKE)
@table(CASES)
def test_creat(case: Create, process: Process, tree: Tree, judge: Judge) -> None:
    """To create a file needs MAKE_REG where it shall lie; one without a name needs none."""
    twin = tree.twin()
    for folder in (tree.d1, twin.d1):
        process.symlink("../d2/new", f"{folder}/dangling")
    control = process.observe(Process.open, f"{twin.path}/{case.path}", case.flags)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    observed = sandboxed.observe(Process.open, f"{tree.path}/{case.path}", case.flags)
    judge(case.expect, observed, control)


class Left(Row, frozen=True, kw_only=True):
    """How a new file is opened."""

    access: int


LEFT = {
    "left-behind-to-write": Left(access=os.O_WRONLY),
    "left-behind-to-read": Left(access=os.O_RDONLY),
}


@answers("open-creat-side-effect")
@covers(MAKE, READ, WRITE)
@table(LEFT)
def test_left_behind(case: Left, process: Process, tree: Tree, judge: Judge) -> None:
    """A file that may be made and not be opened is made, though the call fails."""
    flags = os.O_CREAT | case.access
    control = process.observe(Process.open, f"{tree.d2}/new", flags)
    sandboxed = process.under(tree.layer(MAKE | READ | WRITE, {"d1": MAKE}))
    observed = sandboxed.observe(Process.open, f"{tree.d1}/new", flags).outcome
    made = process.observe(Process.access, f"{tree.d1}/new", os.F_OK).outcome == Allowed()
    if observed == Denied("EACCES") and not made:
        observed = Seen("not made")
    judge(since(MAKE, Denied("EACCES")), observed, control)
