# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_REFER: rename(2) and link(2) from one folder to another.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER; Documentation/
userspace-api/landlock.rst, "File renaming and linking (ABI < 2)".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from suite.abi import FS
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.tree import Tree

REFER = FS.REFER
MOVE = FS.MAKE_REG | FS.REMOVE_FILE
ALLOWED = since(REFER, Allowed())
EACCES = since(REFER, Denied("EACCES"))
EXDEV = since(REFER, Denied("EXDEV"))


def rename(process: Process, tree: Tree) -> None:
    process.rename(tree.file, f"{tree.d2}/new")


def rename_up(process: Process, tree: Tree) -> None:
    process.rename(tree.sub_file, f"{tree.d1}/new")


def rename_folder(process: Process, tree: Tree) -> None:
    process.rename(tree.sub, f"{tree.d2}/new")


def link(process: Process, tree: Tree) -> None:
    process.link(tree.file, f"{tree.d2}/new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refer(Case):
    """A call that takes something from d1 (or beneath) to d2, in one layer."""

    call: Callable[[Process, Tree], object]
    handled: FS
    rules: Mapping[str, FS]


CASES = {
    "rename": Refer(
        call=rename,
        handled=REFER | MOVE,
        rules={"d1": REFER | FS.REMOVE_FILE, "d2": REFER | FS.MAKE_REG},
        expect=ALLOWED,
    ),
    "rename-no-refer-on-source": Refer(
        call=rename, handled=REFER, rules={"d2": REFER}, expect=EXDEV
    ),
    "rename-no-refer-on-destination": Refer(
        call=rename, handled=REFER, rules={"d1": REFER}, expect=EXDEV
    ),
    "rename-only-refer-missing": Refer(
        call=rename, handled=REFER | MOVE, rules={"d1": MOVE, "d2": MOVE}, expect=EXDEV
    ),
    "rename-no-rule": Refer(call=rename, handled=REFER | MOVE, rules={}, expect=EACCES),
    "rename-up": Refer(call=rename_up, handled=REFER, rules={"d1": REFER}, expect=ALLOWED),
    "rename-up-refer-on-source-only": Refer(
        call=rename_up, handled=REFER, rules={"d1/sub": REFER}, expect=EXDEV
    ),
    "rename-folder": Refer(
        call=rename_folder, handled=REFER, rules={"d1": REFER, "d2": REFER}, expect=ALLOWED
    ),
    "rename-folder-refer-on-itself": Refer(
        call=rename_folder, handled=REFER, rules={"d1/sub": REFER, "d2": REFER}, expect=EXDEV
    ),
    "link": Refer(
        call=link,
        handled=REFER | MOVE,
        rules={"d1": REFER, "d2": REFER | FS.MAKE_REG},
        expect=ALLOWED,
    ),
    "link-no-refer-on-source": Refer(call=link, handled=REFER, rules={"d2": REFER}, expect=EXDEV),
    "link-no-refer-on-destination": Refer(
        call=link, handled=REFER, rules={"d1": REFER}, expect=EXDEV
    ),
    "link-no-rule": Refer(call=link, handled=REFER | MOVE, rules={}, expect=EACCES),
}

NOT_HANDLED = {
    "not-handled-rename": Refer(
        call=rename, handled=FS.EXECUTE, rules={}, expect=since(FS.EXECUTE, Denied("EXDEV"))
    ),
    "not-handled-link": Refer(
        call=link, handled=FS.EXECUTE, rules={}, expect=since(FS.EXECUTE, Denied("EXDEV"))
    ),
    "not-handled-all-else-allowed": Refer(
        call=rename,
        handled=MOVE,
        rules={"d1": MOVE, "d2": MOVE},
        expect=since(MOVE, Denied("EXDEV")),
    ),
    # ABI 1 forbids it before any right is looked at.
    "not-handled-no-rule": Refer(
        call=rename,
        handled=MOVE,
        rules={},
        expect=since(MOVE, Denied("EXDEV"), (REFER.since, Denied("EACCES"))),
    ),
}

GAINED = {
    "gained-read-file": Refer(
        call=rename,
        handled=REFER | FS.READ_FILE,
        rules={"d1": REFER, "d2": REFER | FS.READ_FILE},
        expect=EXDEV,
    ),
    "lost-read-file": Refer(
        call=rename,
        handled=REFER | FS.READ_FILE,
        rules={"d1": REFER | FS.READ_FILE, "d2": REFER},
        expect=ALLOWED,
    ),
    "had-read-file-by-its-own-rule": Refer(
        call=rename,
        handled=REFER | FS.READ_FILE,
        rules={"d1": REFER, "d1/file": FS.READ_FILE, "d2": REFER | FS.READ_FILE},
        expect=ALLOWED,
    ),
    "gained-truncate-by-link": Refer(
        call=link,
        handled=REFER | FS.TRUNCATE,
        rules={"d1": REFER, "d2": REFER | FS.TRUNCATE},
        expect=since(REFER | FS.TRUNCATE, Denied("EXDEV")),
    ),
    "gained-ioctl-dev-by-a-regular-file": Refer(
        call=link,
        handled=REFER | FS.IOCTL_DEV,
        rules={"d1": REFER, "d2": REFER | FS.IOCTL_DEV},
        expect=since(REFER | FS.IOCTL_DEV, Denied("EXDEV")),
    ),
    "gained-read-dir-by-a-file": Refer(
        call=rename,
        handled=REFER | FS.READ_DIR,
        rules={"d1": REFER, "d2": REFER | FS.READ_DIR},
        expect=ALLOWED,
    ),
    "gained-read-dir-by-a-folder": Refer(
        call=rename_folder,
        handled=REFER | FS.READ_DIR,
        rules={"d1": REFER, "d2": REFER | FS.READ_DIR},
        expect=EXDEV,
    ),
}


def check(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    control = process.observe(case.call, tree.twin())
    layer = tree.layer(case.handled, case.rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)


@covers(FS.REFER)
@table(CASES)
def test_handled(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    """To reparent a file needs REFER on both sides; a denied access comes before (EACCES)."""
    check(case, process, tree, judge)


@covers(FS.REFER)
@table(NOT_HANDLED)
def test_not_handled(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    """A layer that does not handle REFER denies it always."""
    check(case, process, tree, judge)


@covers(FS.REFER)
@table(GAINED)
def test_gained(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    """A file may not gain a right by being reparented, but may lose one."""
    check(case, process, tree, judge)
