# SPDX-License-Identifier: MIT
"""link(2) of what is an open file, has no name yet, or can't be linked at all.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_MAKE_* and LANDLOCK_ACCESS_FS_REFER;
current_check_refer_path() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable, Mapping

from cases.controls import refused
from cases.fs.order import LandlockFirst, VfsFirst, check_landlock_first, check_vfs_first
from suite.case import (
    FS, OPEN_TREE_CLONE, O_PATH, Allowed, Call, Case, Denied, Judge, Need, Process, Ruleset, Tree,
    answers, covers, needs, since, table,
)  # fmt: skip
from suite.process.uapi import AT_SYMLINK_FOLLOW

MAKE = FS.MAKE_REG
REFER = FS.REFER
READ = FS.READ_FILE
FILE, UNNAMED = "d1/file", "d1"


class Linked(Case, frozen=True, kw_only=True):
    """What is opened before the domain, where it gets a name, and what rules allow."""

    path: str
    flags: int = os.O_RDONLY
    to: str = "d2"
    handled: FS = MAKE | REFER
    rules: Mapping[str, FS] = {}


def by_fd(process: Process, fd: Call, new: str) -> None:
    process.link_fd(fd, new)


def by_proc(process: Process, fd: Call, new: str) -> None:
    process.link(f"/proc/self/fd/{fd.value}", new, AT_SYMLINK_FOLLOW)


ON_BOTH = {"d1": REFER, "d2": REFER | MAKE}
CASES = {
    "unnamed": Linked(
        path=UNNAMED,
        flags=os.O_TMPFILE | os.O_WRONLY,
        to="d1",
        handled=MAKE,
        rules={"d1": MAKE},
        expect=since(MAKE, Allowed()),
        answers="make-tmpfile-link-same-dir",
    ),
    "unnamed-no-make-reg": Linked(
        path=UNNAMED,
        flags=os.O_TMPFILE | os.O_WRONLY,
        to="d1",
        handled=MAKE,
        rules={"d2": MAKE},
        expect=since(MAKE, Denied("EACCES")),
        answers="make-tmpfile-link-same-dir",
    ),
    "unnamed-elsewhere": Linked(
        path=UNNAMED,
        flags=os.O_TMPFILE | os.O_WRONLY,
        rules=ON_BOTH,
        expect=since(REFER, Allowed()),
        answers="make-tmpfile-link-other-dir",
    ),
    "unnamed-elsewhere-not-handled": Linked(
        path=UNNAMED,
        flags=os.O_TMPFILE | os.O_WRONLY,
        handled=MAKE,
        rules={"d1": MAKE, "d2": MAKE},
        expect=since(MAKE, Denied("EXDEV")),
        answers="make-tmpfile-link-other-dir",
    ),
    "unnamed-elsewhere-gains": Linked(
        path=UNNAMED,
        flags=os.O_TMPFILE | os.O_WRONLY,
        handled=MAKE | REFER | READ,
        rules={"d1": REFER, "d2": REFER | MAKE | READ},
        expect=since(REFER, Denied("EXDEV")),
        answers="make-tmpfile-link-other-dir",
    ),
    "opened": Linked(
        path=FILE,
        rules=ON_BOTH,
        expect=since(REFER, Allowed()),
        answers="refer-linkat-fd-of-denied-dir",
    ),
    "opened-no-refer-on-source": Linked(
        path=FILE,
        rules={"d2": REFER | MAKE},
        expect=since(REFER, Denied("EXDEV")),
        answers="refer-linkat-fd-of-denied-dir",
    ),
    "opened-o-path": Linked(
        path=FILE,
        flags=O_PATH,
        rules=ON_BOTH,
        expect=since(REFER, Allowed()),
        answers="refer-linkat-fd-of-denied-dir",
    ),
    "opened-o-path-no-refer-on-source": Linked(
        path=FILE,
        flags=O_PATH,
        rules={"d2": REFER | MAKE},
        expect=since(REFER, Denied("EXDEV")),
        answers="refer-linkat-fd-of-denied-dir",
    ),
}


def check(
    way: Callable[[Process, Call, str], object],
    case: Linked,
    process: Process,
    tree: Tree,
    judge: Judge,
) -> None:
    fds = [process.open(f"{tree.path}/{case.path}", case.flags) for _ in range(2)]
    folder = f"{tree.path}/{case.to}"
    control = process.observe(way, fds[0], f"{folder}/control")
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(way, fds[1], f"{folder}/new"), control)


@needs(Need.ROOT)  # CAP_DAC_READ_SEARCH, before Linux 6.10
@covers(MAKE, REFER)
@table({f"{name}-by-fd": row for name, row in CASES.items()})
def test_by_fd(case: Linked, process: Process, tree: Tree, judge: Judge) -> None:
    """What is linked by its file descriptor is in the folder where it was opened."""
    check(by_fd, case, process, tree, judge)


@covers(MAKE, REFER)
@table({f"{name}-by-proc": row for name, row in CASES.items()})
def test_by_proc(case: Linked, process: Process, tree: Tree, judge: Judge) -> None:
    """So is what is linked by the magic link of its file descriptor."""
    check(by_proc, case, process, tree, judge)


FOLDER = {
    "folder": LandlockFirst(
        right=FS.MAKE_DIR,
        call=lambda process, tree: process.link(tree.sub, f"{tree.d1}/new"),
        vfs="EPERM",
        answers=("link-directory", "prec-link-dir-eperm"),
    )
}


@table(FOLDER)
def test_folder(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """To link a folder is denied without MAKE_DIR before it is found to be impossible (EPERM)."""
    check_landlock_first(case, process, tree, judge)


@answers("link-directory")
@covers(FS.MAKE_DIR)
def test_folder_not_handled(process: Process, tree: Tree, judge: Judge) -> None:
    """To link a folder is impossible for the VFS where MAKE_DIR isn't handled."""
    paths = tree.sub, f"{tree.d1}/new"
    control = refused(process.observe(Process.link, *paths), "EPERM")
    observed = process.under(Ruleset(fs=FS.EXECUTE)).observe(Process.link, *paths)
    judge(since(FS.EXECUTE, Denied("EPERM")), observed, control)


VFS_FIRST = {
    "existing": VfsFirst(
        right=MAKE,
        call=lambda process, tree: process.link(tree.file, tree.other),
        otherwise=lambda process, tree: process.link(tree.file, f"{tree.d1}/new"),
        vfs="EEXIST",
        answers="link-existing-target",
    ),
    "existing-in-the-same-folder": VfsFirst(
        right=MAKE,
        call=lambda process, tree: process.link(tree.file, tree.sub),
        otherwise=lambda process, tree: process.link(tree.file, f"{tree.d1}/new"),
        vfs="EEXIST",
        answers="link-existing-target",
    ),
    "missing": VfsFirst(
        right=MAKE,
        call=lambda process, tree: process.link(f"{tree.d1}/missing", f"{tree.d1}/new"),
        otherwise=lambda process, tree: process.link(tree.file, f"{tree.d1}/new"),
        vfs="ENOENT",
    ),
}


@table(VFS_FIRST)
def test_vfs_first(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A link to what isn't there, or over what is there, is refused as without a domain."""
    check_vfs_first(case, process, tree, judge)


def link_root(process: Process, mount: Call) -> None:
    process.syscall("linkat", mount, ".", mount, "new", 0)


def rename_root(process: Process, mount: Call) -> None:
    process.syscall("renameat2", mount, ".", mount, "new", 0)


@answers("link-mount-root-fd")
@covers(FS.MAKE_DIR)
@needs(Need.MOUNT)
def test_root_of_a_detached_mount(process: Process, tree: Tree, judge: Judge) -> None:
    """To link the root of a mount, which has no parent in it, is denied like another folder."""
    mount = process.open_tree(tree.d1, OPEN_TREE_CLONE)
    control = refused(process.observe(link_root, mount), "EPERM")
    observed = process.under(Ruleset(fs=FS.MAKE_DIR)).observe(link_root, mount)
    # ABI 1 forbids it before any right is looked at: the root's parent is another one.
    expect = since(FS.MAKE_DIR, Denied("EXDEV"), (REFER, Denied("EACCES")))
    judge(expect, observed, control)


@answers("link-mount-root-fd")
@covers(FS.MAKE_DIR)
@needs(Need.MOUNT)
def test_rename_of_the_root_of_a_mount(process: Process, tree: Tree, judge: Judge) -> None:
    """The VFS refuses to rename the root of a mount before it asks Landlock."""
    mount = process.open_tree(tree.d1, OPEN_TREE_CLONE)
    sandboxed = process.under(Ruleset(fs=FS.MAKE_DIR))
    control = refused(sandboxed.observe(Process.mkdir, f"{tree.d1}/new"), "EACCES")
    judge(since(FS.MAKE_DIR, Denied("EBUSY")), sandboxed.observe(rename_root, mount), control)
