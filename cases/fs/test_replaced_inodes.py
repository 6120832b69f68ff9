# SPDX-License-Identifier: MIT
"""9P: a rule holds an inode, and 9P may make another one for the same file.

Source: fs/9p/vfs_inode.c, v9fs_vfs_lookup(), and fs/9p/vfs_inode_dotl.c, v9fs_test_inode_dotl();
https://github.com/landlock-lsm/linux/issues/45.
"""

import os
from collections.abc import Callable

from cases.fs.everywhere import forget
from suite.case import (
    FS, O_PATH, Allowed, Case, Denied, FileSystem, Judge, Process, Tree, answers, filesystems,
    since, table, vm_only,
)  # fmt: skip

READ = FS.READ_FILE
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))


class Uncached(Case, frozen=True, kw_only=True):
    """What has a rule, and whether somebody has it open."""

    rule: str
    in_use: bool = False


class Cached(Case, frozen=True, kw_only=True):
    """What has a rule, and what happens before it is forgotten."""

    rule: str
    change: Callable[[Process, Tree], object] = lambda process, tree: None


UNCACHED = {
    "folder": Uncached(rule="d1", expect=DENIED),
    "folder-in-use": Uncached(rule="d1", in_use=True, expect=ALLOWED),
    "file": Uncached(rule="d1/file", expect=DENIED),
    "file-in-use": Uncached(rule="d1/file", in_use=True, expect=ALLOWED),
}
CACHED = {
    "folder-forgotten": Cached(rule="d1", expect=ALLOWED),
    "folder-changed-and-forgotten": Cached(
        rule="d1",
        change=lambda process, tree: process.mkdir(f"{tree.d1}/new"),
        expect=DENIED,
    ),
    "file-forgotten": Cached(rule="d1/file", expect=ALLOWED),
    "file-changed-and-forgotten": Cached(
        rule="d1/file",
        change=lambda process, tree: process.truncate(tree.file),
        expect=DENIED,
    ),
}


@answers("gap-uncached-inodes")
@filesystems(FileSystem.VIRTIO_9P_UNCACHED)
@table(UNCACHED)
def test_uncached(case: Uncached, process: Process, tree: Tree, judge: Judge) -> None:
    """Without a cache, each lookup of what nobody has open makes an inode, without a rule."""
    if case.in_use:
        process.open(f"{tree.path}/{case.rule}", O_PATH)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    observed = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(case.expect, observed, process.observe(Process.open, tree.file, os.O_RDONLY))


@vm_only
@answers("gap-uncached-inodes")
@filesystems(FileSystem.VIRTIO_9P)
@table(CACHED)
def test_cached(case: Cached, process: Process, tree: Tree, judge: Judge) -> None:
    """With a cache, what was changed before it was forgotten comes back as another version."""
    forget(process)  # what was changed to make it
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    case.change(process, tree)
    forget(process)
    observed = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(case.expect, observed, process.observe(Process.open, tree.file, os.O_RDONLY))
