# SPDX-License-Identifier: MIT
"""Every system call that opens a file, and how openat2(2) resolves a path.

Source: fs/open.c, fs/fhandle.c: all of them come to do_dentry_open() and handle_truncate();
openat2(2), "resolve".
"""

import os
import stat
from collections.abc import Callable

from cases.controls import refused
from suite.case import (
    AT_FDCWD, FS, O_PATH, Allowed, Case, Denied, Fd, Judge, Need, Process, Row, Ruleset, Tree,
    answers, covers, since, table,
)  # fmt: skip
from suite.process.uapi import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)

READ = FS.READ_FILE
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))


class Flavour(Row, frozen=True, kw_only=True):
    """A call that needs a right beneath d1."""

    covers: FS
    call: Callable[[Process, Tree], object]


def old_open(flags: int, name: str = "file") -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.syscall("open", f"{tree.d1}/{name}", flags, 0o666)


def old_creat(name: str) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.syscall("creat", f"{tree.d1}/{name}", 0o666)


def open_in_folder(flags: int, name: str = "file") -> Callable[[Process, Tree], object]:
    def call(process: Process, tree: Tree) -> None:
        process.open(name, flags, at=process.open(tree.d1, O_PATH))

    return call


def open2(flags: int, name: str = "file", mode: int = 0) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.open_resolved(f"{tree.d1}/{name}", flags, mode=mode)


def by_handle(flags: int) -> Callable[[Process, Tree], object]:
    def call(process: Process, tree: Tree) -> None:
        process.chdir(tree.path)
        process.open_handle(AT_FDCWD, process.file_handle(tree.file), flags)

    return call


OLD, HANDLES = (Need.OLD_CALLS,), (Need.FILE_HANDLES,)
CREAT = os.O_CREAT | os.O_WRONLY
READ_TRUNC = os.O_RDONLY | os.O_TRUNC
FLAVOURS = {
    "open-to-read": Flavour(covers=READ, call=old_open(os.O_RDONLY), needs=OLD),
    "open-to-write": Flavour(covers=FS.WRITE_FILE, call=old_open(os.O_WRONLY), needs=OLD),
    "open-to-create": Flavour(covers=FS.MAKE_REG, call=old_open(CREAT, "new"), needs=OLD),
    "open-to-truncate": Flavour(covers=FS.TRUNCATE, call=old_open(READ_TRUNC), needs=OLD),
    "creat-to-write": Flavour(covers=FS.WRITE_FILE, call=old_creat("file"), needs=OLD),
    "creat-to-create": Flavour(covers=FS.MAKE_REG, call=old_creat("new"), needs=OLD),
    "creat-to-truncate": Flavour(covers=FS.TRUNCATE, call=old_creat("file"), needs=OLD),
    "openat-to-read": Flavour(covers=READ, call=open_in_folder(os.O_RDONLY)),
    "openat-to-write": Flavour(covers=FS.WRITE_FILE, call=open_in_folder(os.O_WRONLY)),
    "openat-to-create": Flavour(covers=FS.MAKE_REG, call=open_in_folder(CREAT, "new")),
    "openat-to-truncate": Flavour(covers=FS.TRUNCATE, call=open_in_folder(READ_TRUNC)),
    "openat2-to-read": Flavour(covers=READ, call=open2(os.O_RDONLY)),
    "openat2-to-write": Flavour(covers=FS.WRITE_FILE, call=open2(os.O_WRONLY)),
    "openat2-to-create": Flavour(covers=FS.MAKE_REG, call=open2(CREAT, "new", 0o666)),
    "openat2-to-truncate": Flavour(covers=FS.TRUNCATE, call=open2(READ_TRUNC)),
    "by-handle-to-read": Flavour(covers=READ, call=by_handle(os.O_RDONLY), needs=HANDLES),
    "by-handle-to-write": Flavour(covers=FS.WRITE_FILE, call=by_handle(os.O_WRONLY), needs=HANDLES),
    "by-handle-to-truncate": Flavour(covers=FS.TRUNCATE, call=by_handle(READ_TRUNC), needs=HANDLES),
}


@table(FLAVOURS)
def test_without_a_rule(case: Flavour, process: Process, tree: Tree, judge: Judge) -> None:
    """Whichever call opens a file, it needs the right."""
    control = process.fork().observe(case.call, tree.twin())
    observed = process.under(Ruleset(fs=case.covers)).observe(case.call, tree)
    judge(since(case.covers, Denied("EACCES")), observed, control)


@table({f"{name}-with-rule": row for name, row in FLAVOURS.items()})
def test_with_a_rule(case: Flavour, process: Process, tree: Tree, judge: Judge) -> None:
    """Whichever call opens a file, a rule on a folder above allows it."""
    sandboxed = process.under(Ruleset(fs=case.covers).allow(tree.d1, case.covers))
    judge(since(case.covers, Allowed()), sandboxed.observe(case.call, tree))


class Resolve(Case, frozen=True, kw_only=True):
    """A path, how it is resolved from the folder of the tree; reading is allowed beneath d2."""

    path: str
    resolve: int


RESOLVE = {
    "beneath-allowed": Resolve(path="d2/file", resolve=RESOLVE_BENEATH, expect=ALLOWED),
    "beneath-denied": Resolve(path="d1/file", resolve=RESOLVE_BENEATH, expect=DENIED),
    "beneath-symlink-to-allowed": Resolve(path="d1/out", resolve=RESOLVE_BENEATH, expect=ALLOWED),
    "beneath-symlink-to-denied": Resolve(path="d2/out", resolve=RESOLVE_BENEATH, expect=DENIED),
    "in-root-allowed": Resolve(path="/d1/../../d2/file", resolve=RESOLVE_IN_ROOT, expect=ALLOWED),
    "in-root-denied": Resolve(path="/d2/../../d1/file", resolve=RESOLVE_IN_ROOT, expect=DENIED),
    "in-root-symlink-to-allowed": Resolve(path="d1/root", resolve=RESOLVE_IN_ROOT, expect=ALLOWED),
    "in-root-symlink-to-denied": Resolve(path="d2/root", resolve=RESOLVE_IN_ROOT, expect=DENIED),
    "no-symlinks-allowed": Resolve(path="d2/file", resolve=RESOLVE_NO_SYMLINKS, expect=ALLOWED),
    "no-symlinks-denied": Resolve(path="d1/file", resolve=RESOLVE_NO_SYMLINKS, expect=DENIED),
    "no-magiclinks-allowed": Resolve(path="d1/out", resolve=RESOLVE_NO_MAGICLINKS, expect=ALLOWED),
    "no-magiclinks-denied": Resolve(path="d2/out", resolve=RESOLVE_NO_MAGICLINKS, expect=DENIED),
    "no-xdev-allowed": Resolve(path="d1/out", resolve=RESOLVE_NO_XDEV, expect=ALLOWED),
    "no-xdev-denied": Resolve(path="d2/out", resolve=RESOLVE_NO_XDEV, expect=DENIED),
}


@answers("open-openat2-resolve")
@covers(READ)
@table(RESOLVE)
def test_resolve(case: Resolve, process: Process, tree: Tree, judge: Judge) -> None:
    """However openat2(2) resolves a path, what counts is the file that it ends at."""
    for folder, other in (("d1", "d2"), ("d2", "d1")):
        process.symlink(f"../{other}/file", f"{tree.path}/{folder}/out")
        process.symlink(f"/{other}/file", f"{tree.path}/{folder}/root")

    def resolve(process: Process) -> None:
        top = process.open(tree.path, O_PATH)
        process.open_resolved(case.path, os.O_RDONLY, case.resolve, at=top)

    control = process.observe(resolve)
    sandboxed = process.under(tree.layer(READ, {"d2": READ}))
    judge(case.expect, sandboxed.observe(resolve), control)


class Unresolved(Row, frozen=True, kw_only=True):
    """A path that can't be resolved in this way, and the error of it."""

    path: str
    resolve: int
    errno: str


UNRESOLVED = {
    "beneath-dot-dot": Unresolved(path="../..", resolve=RESOLVE_BENEATH, errno="EXDEV"),
    "beneath-absolute": Unresolved(path="/", resolve=RESOLVE_BENEATH, errno="EXDEV"),
    "no-symlinks-symlink": Unresolved(path="link", resolve=RESOLVE_NO_SYMLINKS, errno="ELOOP"),
}


@answers("open-openat2-resolve")
@covers(READ)
@table(UNRESOLVED)
def test_unresolved(case: Unresolved, process: Process, tree: Tree, judge: Judge) -> None:
    """What openat2(2) was told not to resolve, it refuses before Landlock is asked."""
    process.symlink("d1/file", f"{tree.path}/link")
    process.chdir(tree.path)
    action = (Process.open_resolved, case.path, os.O_RDONLY, case.resolve)
    control = refused(process.observe(*action), case.errno)
    observed = process.under(Ruleset(fs=READ | FS.READ_DIR)).observe(*action)
    judge(since(READ, Denied(case.errno)), observed, control)


class InFolder(Row, frozen=True, kw_only=True):
    """A call on a name in a folder that is given as an O_PATH descriptor."""

    covers: FS
    call: Callable[[Process, Fd], object]


IN_FOLDER = {
    "mkdirat": InFolder(
        covers=FS.MAKE_DIR, call=lambda process, folder: process.mkdir("new", at=folder)
    ),
    "mknodat": InFolder(
        covers=FS.MAKE_REG,
        call=lambda process, folder: process.mknod("new", stat.S_IFREG, at=folder),
    ),
    "symlinkat": InFolder(
        covers=FS.MAKE_SYM, call=lambda process, folder: process.symlink("file", "new", at=folder)
    ),
    "unlinkat": InFolder(
        covers=FS.REMOVE_FILE, call=lambda process, folder: process.unlink("file", at=folder)
    ),
}


@answers("open-dirfd-at-calls")
@table(IN_FOLDER)
def test_in_denied_folder(case: InFolder, process: Process, tree: Tree, judge: Judge) -> None:
    """A call on a name in an open folder needs the right there, as one on a path does."""
    folder, twin = (process.open(path, O_PATH) for path in (tree.d2, tree.twin().d2))
    control = process.observe(case.call, twin)
    sandboxed = process.under(tree.layer(case.covers, {"d1": case.covers}))
    judge(since(case.covers, Denied("EACCES")), sandboxed.observe(case.call, folder), control)


@answers("open-dirfd-at-calls")
@table({f"{name}-with-rule": row for name, row in IN_FOLDER.items()})
def test_in_allowed_folder(case: InFolder, process: Process, tree: Tree, judge: Judge) -> None:
    """It is allowed where a rule is on that folder."""
    folder = process.open(tree.d1, O_PATH)
    sandboxed = process.under(tree.layer(case.covers, {"d1": case.covers}))
    judge(since(case.covers, Allowed()), sandboxed.observe(case.call, folder))
