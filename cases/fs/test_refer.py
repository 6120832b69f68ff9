# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_REFER: rename(2) and link(2) from one folder to another.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER; Documentation/
userspace-api/landlock.rst, "File renaming and linking (ABI < 2)".
"""

from collections.abc import Callable, Mapping

from cases.fs.moves import EXCHANGE, LINK, RENAME, rename
from suite.case import (
    AT_FDCWD, FS, Allowed, Case, Denied, Judge, Need, Process, Tree, answers, covers, since, table,
)  # fmt: skip

REFER = FS.REFER
MOVE = FS.MAKE_REG | FS.REMOVE_FILE
MOVE_SYM = FS.MAKE_SYM | FS.REMOVE_FILE
ALLOWED = since(REFER, Allowed())
EACCES = since(REFER, Denied("EACCES"))
EXDEV = since(REFER, Denied("EXDEV"))
# ABI 1 forbids every reparenting (EXDEV), before any right is looked at.
EXDEV_THEN_EACCES = since(MOVE, Denied("EXDEV"), (REFER, Denied("EACCES")))


def renameat(process: Process, tree: Tree) -> None:
    process.syscall("renameat", AT_FDCWD, tree.file, AT_FDCWD, f"{tree.d2}/new")


def rename_two_paths(process: Process, tree: Tree) -> None:
    process.syscall("rename", tree.file, f"{tree.d2}/new")


def link_two_paths(process: Process, tree: Tree) -> None:
    process.syscall("link", tree.file, f"{tree.d2}/new")


UP = rename("d1/sub/file", "d1/new")
DOWN = rename("d1/file", "d1/sub/new")
FOLDER = rename("d1/sub")
SYMLINK = rename("d1/symlink")


class Refer(Case, frozen=True, kw_only=True):
    """A call that takes something from one folder to another, in one layer."""

    call: Callable[[Process, Tree], object]
    handled: FS = REFER
    rules: Mapping[str, FS]


CASES = {
    "rename": Refer(
        call=RENAME,
        handled=REFER | MOVE,
        rules={"d1": REFER | FS.REMOVE_FILE, "d2": REFER | FS.MAKE_REG},
        expect=ALLOWED,
        answers="refer-both-minimal",
    ),
    "rename-by-rename": Refer(
        call=rename_two_paths, rules={"d2": REFER}, expect=EXDEV, needs=(Need.OLD_CALLS,)
    ),
    "rename-by-renameat": Refer(call=renameat, rules={"d2": REFER}, expect=EXDEV),
    "rename-no-refer-on-source": Refer(
        call=RENAME, rules={"d2": REFER}, expect=EXDEV, answers=("refer-dst-only", "llr-17")
    ),
    "rename-no-refer-on-destination": Refer(
        call=RENAME, rules={"d1": REFER}, expect=EXDEV, answers=("refer-src-only", "llr-17")
    ),
    "rename-only-refer-missing": Refer(
        call=RENAME, handled=REFER | MOVE, rules={"d1": MOVE, "d2": MOVE}, expect=EXDEV
    ),
    "rename-no-rule": Refer(
        call=RENAME,
        handled=REFER | MOVE,
        rules={},
        expect=EACCES,
        answers=("refer-eacces-over-exdev", "llr-17"),
    ),
    "rename-rule-above-both": Refer(
        call=RENAME, rules={"": REFER}, expect=ALLOWED, answers="refer-common-ancestor-rule"
    ),
    "rename-folder-rule-above-both": Refer(
        call=rename("d1"), rules={"": REFER}, expect=ALLOWED, answers="refer-common-ancestor-rule"
    ),
    "rename-up": Refer(
        call=UP, rules={"d1": REFER}, expect=ALLOWED, answers="refer-child-parent-moves"
    ),
    "rename-up-refer-on-source-only": Refer(call=UP, rules={"d1/sub": REFER}, expect=EXDEV),
    "rename-up-out-of-the-rule": Refer(
        call=rename("d1/sub/file", "new"),
        rules={"d1": REFER},
        expect=EXDEV,
        answers="refer-child-parent-moves",
    ),
    "rename-down": Refer(
        call=DOWN, rules={"d1": REFER}, expect=ALLOWED, answers="refer-child-parent-moves"
    ),
    "rename-folder": Refer(call=FOLDER, rules={"d1": REFER, "d2": REFER}, expect=ALLOWED),
    "rename-folder-refer-on-itself": Refer(
        call=FOLDER,
        rules={"d1/sub": REFER, "d2": REFER},
        expect=EXDEV,
        answers="refer-on-moved-dir-itself",
    ),
    "rename-out-of-the-folder": Refer(
        call=rename("d1/sub/file"),
        rules={"d1/sub": REFER, "d2": REFER},
        expect=ALLOWED,
        answers="refer-on-moved-dir-itself",
    ),
    "rename-symlink": Refer(
        call=SYMLINK,
        handled=REFER | MOVE_SYM,
        rules={"d1": REFER | FS.REMOVE_FILE, "d2": REFER | FS.MAKE_SYM},
        expect=ALLOWED,
        answers="refer-symlink-object",
    ),
    "rename-symlink-no-make-sym": Refer(
        call=SYMLINK,
        handled=REFER | MOVE_SYM,
        rules={"d1": REFER | MOVE_SYM, "d2": REFER | FS.REMOVE_FILE},
        expect=EACCES,
        answers="refer-symlink-object",
    ),
    "rename-symlink-no-remove-file": Refer(
        call=SYMLINK,
        handled=REFER | MOVE_SYM,
        rules={"d1": REFER | FS.MAKE_SYM, "d2": REFER | MOVE_SYM},
        expect=EACCES,
        answers="refer-symlink-object",
    ),
    "link": Refer(
        call=LINK,
        handled=REFER | MOVE,
        rules={"d1": REFER, "d2": REFER | FS.MAKE_REG},
        expect=ALLOWED,
        answers="refer-both-minimal",
    ),
    "link-by-link": Refer(
        call=link_two_paths, rules={"d2": REFER}, expect=EXDEV, needs=(Need.OLD_CALLS,)
    ),
    "link-no-refer-on-source": Refer(
        call=LINK, rules={"d2": REFER}, expect=EXDEV, answers=("refer-dst-only", "llr-17")
    ),
    "link-no-refer-on-destination": Refer(
        call=LINK, rules={"d1": REFER}, expect=EXDEV, answers=("refer-src-only", "llr-17")
    ),
    "link-no-rule": Refer(
        call=LINK,
        handled=REFER | MOVE,
        rules={},
        expect=EACCES,
        answers=("refer-eacces-over-exdev", "llr-17"),
    ),
}

DEFAULT = since(FS.EXECUTE, Denied("EXDEV"))
NOT_HANDLED = {
    f"not-handled-{name}": Refer(
        call=call,
        handled=FS.EXECUTE,
        rules={"": FS.EXECUTE},
        expect=DEFAULT,
        answers=("refer-default-denied", "refer-abi1-always-exdev"),
    )
    for name, call in {
        "rename": RENAME,
        "link": LINK,
        "exchange": EXCHANGE,
        "rename-up": UP,
        "rename-down": DOWN,
        "rename-folder": FOLDER,
    }.items()
} | {
    f"not-handled-all-else-allowed-{name}": Refer(
        call=call,
        handled=MOVE,
        rules={"d1": MOVE, "d2": MOVE},
        expect=since(MOVE, Denied("EXDEV")),
        answers=("refer-exdev-when-only-refer-missing", "llr-17", "refer-abi1-always-exdev"),
    )
    for name, call in {"rename": RENAME, "link": LINK, "exchange": EXCHANGE}.items()
}
NOT_HANDLED |= {
    "not-handled-no-rule": Refer(
        call=RENAME,
        handled=MOVE,
        rules={},
        expect=EXDEV_THEN_EACCES,
        answers="refer-abi1-exdev-before-eacces",
    ),
    "not-handled-no-remove-file": Refer(
        call=RENAME,
        handled=MOVE,
        rules={"d1": FS.MAKE_REG, "d2": MOVE},
        expect=EXDEV_THEN_EACCES,
        answers=("refer-remove-denied-src", "refer-abi1-exdev-before-eacces"),
    ),
    "not-handled-link-no-remove-file": Refer(
        call=LINK,
        handled=MOVE,
        rules={"d2": FS.MAKE_REG},
        expect=since(MOVE, Denied("EXDEV")),
        answers="refer-remove-denied-src",
    ),
}


def check(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    twin = tree.twin()
    for folder in (tree.d1, twin.d1):
        process.symlink("nowhere", f"{folder}/symlink")
    control = process.observe(case.call, twin)
    layer = tree.layer(case.handled, case.rules)
    judge(case.expect, process.under(layer).observe(case.call, tree), control)


@answers("refer-bit-unknown-abi1")
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


ANY = {
    f"not-handled-but-{right.labels[0].removeprefix('fs.').replace('_', '-')}": Refer(
        call=LINK,
        handled=right,
        rules={},
        expect=EXDEV_THEN_EACCES if right is FS.MAKE_REG else since(right, Denied("EXDEV")),
        answers="refer-default-denied-any-fs-right",
    )
    for right in FS
}


@covers(FS.REFER)
@table(ANY)
def test_any_right(case: Refer, process: Process, tree: Tree, judge: Judge) -> None:
    """Any right on files that a layer handles makes it deny to reparent."""
    check(case, process, tree, judge)
