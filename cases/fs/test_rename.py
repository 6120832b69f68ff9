# SPDX-License-Identifier: MIT
"""rename(2) and link(2) within a folder: nothing is reparented, so REFER is not asked for.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_MAKE_* and LANDLOCK_ACCESS_FS_REMOVE_*;
current_check_refer_path() in security/landlock/fs.c.
"""

from collections.abc import Callable

from msgspec.structs import replace

from cases.fs.order import LandlockFirst, VfsFirst, check_landlock_first, check_vfs_first
from suite.case import (
    AT_FDCWD, FS, RENAME_EXCHANGE, Allowed, Denied, Judge, Need, Process, Row, Ruleset, Tree,
    answers, since, table,
)  # fmt: skip
from suite.process.uapi import RENAME_NOREPLACE

MOVE_FILE = FS.MAKE_REG | FS.REMOVE_FILE
MOVE_DIR = FS.MAKE_DIR | FS.REMOVE_DIR
MOVE_FIFO = FS.MAKE_FIFO | FS.REMOVE_FILE
HANDLED = MOVE_FILE | MOVE_DIR | MOVE_FIFO | FS.MAKE_SYM
EXCHANGE = RENAME_EXCHANGE


class Rename(Row, frozen=True, kw_only=True):
    """A call beneath d1, and the rights that it needs there."""

    call: Callable[[Process, Tree], object]
    needed: FS


def prepare(process: Process, tree: Tree) -> None:
    """A few more names in d1."""
    process.mkfifo(f"{tree.d1}/fifo")
    process.symlink("nowhere", f"{tree.d1}/symlink")
    process.mkdir(f"{tree.d1}/empty")
    process.link(tree.file, f"{tree.d1}/hard-link")
    process.write_file(f"{tree.d1}/second", b"")


def rename(old: str, new: str = "new", flags: int = 0) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.rename(f"{tree.d1}/{old}", f"{tree.d1}/{new}", flags)


def renameat(process: Process, tree: Tree) -> None:
    process.syscall("renameat", AT_FDCWD, tree.file, AT_FDCWD, f"{tree.d1}/new")


def rename_two_paths(process: Process, tree: Tree) -> None:
    process.syscall("rename", tree.file, f"{tree.d1}/new")


def link(old: str, new: str = "new") -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.link(f"{tree.d1}/{old}", f"{tree.d1}/{new}")


def link_two_paths(process: Process, tree: Tree) -> None:
    process.syscall("link", tree.file, f"{tree.d1}/new")


CASES = {
    "rename": Rename(
        call=rename("file"), needed=MOVE_FILE, answers="rename-same-dir-make-and-remove"
    ),
    "rename-by-rename": Rename(call=rename_two_paths, needed=MOVE_FILE, needs=(Need.OLD_CALLS,)),
    "rename-by-renameat": Rename(call=renameat, needed=MOVE_FILE),
    "rename-noreplace": Rename(call=rename("file", flags=RENAME_NOREPLACE), needed=MOVE_FILE),
    "rename-fifo": Rename(call=rename("fifo"), needed=MOVE_FIFO),
    "rename-symlink": Rename(call=rename("symlink"), needed=FS.MAKE_SYM | FS.REMOVE_FILE),
    "rename-folder": Rename(
        call=rename("sub"), needed=MOVE_DIR, answers="rename-same-dir-directory"
    ),
    "rename-over-file": Rename(
        call=rename("file", "second"), needed=MOVE_FILE, answers="rename-over-existing"
    ),
    "rename-fifo-over-file": Rename(
        call=rename("fifo", "file"), needed=MOVE_FIFO, answers="rename-over-existing"
    ),
    "rename-folder-over-folder": Rename(call=rename("sub", "empty"), needed=MOVE_DIR),
    # The VFS would do nothing, but asks before.
    "rename-onto-itself": Rename(
        call=rename("file", "file"), needed=MOVE_FILE, answers="rename-noop-same-path"
    ),
    "rename-onto-hard-link": Rename(
        call=rename("file", "hard-link"), needed=MOVE_FILE, answers="rename-noop-same-path"
    ),
    "exchange-with-itself": Rename(
        call=rename("file", "file", EXCHANGE), needed=MOVE_FILE, answers="rename-noop-same-path"
    ),
    "exchange-files": Rename(call=rename("file", "second", EXCHANGE), needed=MOVE_FILE),
    "exchange-file-and-fifo": Rename(
        call=rename("file", "fifo", EXCHANGE),
        needed=MOVE_FILE | MOVE_FIFO,
        answers="exchange-same-dir-types",
    ),
    "exchange-fifo-and-file": Rename(
        call=rename("fifo", "file", EXCHANGE),
        needed=MOVE_FILE | MOVE_FIFO,
        answers="exchange-same-dir-types",
    ),
    "exchange-folders": Rename(
        call=rename("sub", "empty", EXCHANGE), needed=MOVE_DIR, answers="exchange-same-dir-dirs"
    ),
    "exchange-file-and-folder": Rename(
        call=rename("file", "sub", EXCHANGE), needed=MOVE_FILE | MOVE_DIR
    ),
    "link": Rename(call=link("file"), needed=FS.MAKE_REG, answers="link-same-dir"),
    "link-by-link": Rename(call=link_two_paths, needed=FS.MAKE_REG, needs=(Need.OLD_CALLS,)),
    "link-fifo": Rename(call=link("fifo"), needed=FS.MAKE_FIFO),
    "link-symlink": Rename(call=link("symlink"), needed=FS.MAKE_SYM, answers="link-symlink-itself"),
}


@table(CASES)
def test_enough(case: Rename, process: Process, tree: Tree, judge: Judge) -> None:
    """A name that is made needs MAKE of its type, one that is taken away REMOVE of its kind."""
    prepare(process, tree)
    sandboxed = process.under(tree.layer(HANDLED, {"d1": case.needed}))
    judge(since(HANDLED, Allowed()), sandboxed.observe(case.call, tree))


class Lacking(Rename, frozen=True, kw_only=True):
    """All rights but one of those that the call needs."""

    lacks: FS


LACKING = {
    f"{name}-no-{right.labels[0].removeprefix('fs.').replace('_', '-')}": Lacking(
        call=row.call, needed=row.needed, lacks=right, needs=row.needs, answers=row.answers
    )
    for name, row in CASES.items()
    for right in row.needed
}


@table(LACKING)
def test_lacking(case: Lacking, process: Process, tree: Tree, judge: Judge) -> None:
    """Without one of the rights that a call needs it is denied, whatever else is allowed."""
    twin = tree.twin()
    prepare(process, tree)
    prepare(process, twin)
    control = process.observe(case.call, twin)
    sandboxed = process.under(tree.layer(HANDLED, {"d1": HANDLED ^ case.lacks}))
    judge(since(HANDLED, Denied("EACCES")), sandboxed.observe(case.call, tree), control)


@answers("rename-same-dir-refer-unhandled")
@table({f"{name}-not-handled": replace(row, answers=()) for name, row in CASES.items()})
def test_not_handled(case: Rename, process: Process, tree: Tree, judge: Judge) -> None:
    """Within a folder nothing is denied by a layer that handles neither MAKE nor REMOVE."""
    prepare(process, tree)
    sandboxed = process.under(Ruleset(fs=FS.EXECUTE))
    judge(since(FS.EXECUTE, Allowed()), sandboxed.observe(case.call, tree))


LANDLOCK_FIRST = {
    "rename-file-over-folder": LandlockFirst(
        right=FS.REMOVE_DIR,
        call=rename("file", "sub"),
        vfs="EISDIR",
        answers="rename-type-mismatch",
    ),
    "rename-folder-over-file": LandlockFirst(
        right=FS.REMOVE_FILE,
        call=rename("sub", "file"),
        vfs="ENOTDIR",
        answers="rename-type-mismatch",
    ),
    "rename-over-full-folder": LandlockFirst(
        right=FS.REMOVE_DIR, call=rename("empty", "sub"), vfs="ENOTEMPTY"
    ),
}


@table(LANDLOCK_FIRST)
def test_landlock_first(case: LandlockFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied renaming gives EACCES before the VFS looks at what is replaced."""
    prepare(process, tree)
    check_landlock_first(case, process, tree, judge)


VFS_FIRST = {
    "rename-noreplace-existing": VfsFirst(
        right=MOVE_FILE,
        call=rename("file", "second", RENAME_NOREPLACE),
        otherwise=rename("file", "new", RENAME_NOREPLACE),
        vfs="EEXIST",
        answers="rename-noreplace-existing",
    ),
    "rename-missing": VfsFirst(
        right=MOVE_FILE,
        call=rename("missing"),
        otherwise=rename("file"),
        vfs="ENOENT",
        answers=("rename-missing", "prec-enoent"),
    ),
    "exchange-with-missing": VfsFirst(
        right=MOVE_FILE,
        call=rename("file", "missing", EXCHANGE),
        otherwise=rename("file", "second", EXCHANGE),
        vfs="ENOENT",
        answers="rename-missing",
    ),
    "rename-into-itself": VfsFirst(
        right=MOVE_DIR,
        call=rename("sub", "sub/new"),
        otherwise=rename("sub"),
        vfs="EINVAL",
        answers="rename-into-own-subdir",
    ),
    "exchange-with-what-is-beneath": VfsFirst(
        right=MOVE_DIR,
        call=rename("sub", "sub/file", EXCHANGE),
        otherwise=rename("sub", "file", EXCHANGE),
        vfs="EINVAL",
        answers="rename-into-own-subdir",
    ),
}


@table(VFS_FIRST)
def test_vfs_first(case: VfsFirst, process: Process, tree: Tree, judge: Judge) -> None:
    """A renaming that is no renaming is refused as without a domain."""
    prepare(process, tree)
    check_vfs_first(case, process, tree, judge)
