# SPDX-License-Identifier: MIT
"""What a rule can be put on: whatever a file descriptor of a mounted file system stands for.

Source: get_path_from_fd() in security/landlock/syscalls.c; landlock_append_fs_rule() in
security/landlock/fs.c.
"""

import os
import stat
from collections.abc import Callable

from suite.case import (
    CLONE_NEWNS, FS, OPEN_TREE_CLONE, O_PATH, RULE_PATH_BENEATH, Allowed, Call, Denied, Fd, Judge,
    Need, Process, Rejected, Row, Ruleset, Tree, answers, covers, needs, path_beneath, since, table,
)  # fmt: skip

READ, READ_DIR, MAKE_REG = FS.READ_FILE, FS.READ_DIR, FS.MAKE_REG
NUMBER = 200
BY_NUMBER = f"/proc/self/fd/{NUMBER}"
"""A path to what a row's file descriptor stands for, whether it has a name or not."""


class Place(Row, frozen=True, kw_only=True):
    """Where a rule is put, and the rights that are asked for there."""

    rights: FS = READ
    make: Callable[[Process, Tree], Fd]
    call: Callable[[Process, Fd, Tree], object]


def reopen(process: Process, fd: Fd, tree: Tree) -> None:
    process.open(BY_NUMBER, os.O_RDONLY | os.O_NONBLOCK)


def reopen_for_both(process: Process, fd: Fd, tree: Tree) -> None:
    process.open(BY_NUMBER, os.O_RDWR)


def open_beneath(process: Process, fd: Fd, tree: Tree) -> None:
    process.open("file", os.O_RDONLY, at=fd)


def open_by_path(process: Process, fd: Fd, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def deleted_file(process: Process, tree: Tree) -> Call:
    fd = process.open(tree.file, O_PATH)
    process.unlink(tree.file)
    return fd


def removed_folder(process: Process, tree: Tree) -> Call:
    process.mkdir(f"{tree.d1}/empty")
    fd = process.open(f"{tree.d1}/empty", O_PATH)
    process.rmdir(f"{tree.d1}/empty")
    return fd


def named_pipe(process: Process, tree: Tree) -> Call:
    process.mkfifo(f"{tree.d1}/fifo")
    return process.open(f"{tree.d1}/fifo", O_PATH)


def sysfs(process: Process, tree: Tree) -> Call:
    process.unshare(CLONE_NEWNS)
    process.mount("sysfs", tree.d2, "sysfs")
    return process.open(f"{tree.d2}/kernel", O_PATH)


def cloned_mount(process: Process, tree: Tree) -> Call:
    return process.open_tree(tree.d1, OPEN_TREE_CLONE)


def new_mount(process: Process, tree: Tree) -> Call:
    fd = process.new_mount()
    process.close(process.open("file", os.O_CREAT, at=fd))
    return fd


def mounted_namespace(process: Process, tree: Tree) -> Call:
    process.unshare(CLONE_NEWNS)
    process.bind_mount("/proc/self/ns/uts", tree.file)
    return process.open(tree.file, O_PATH)


PLACES = {
    "folder-opened-for-reading": Place(
        make=lambda process, tree: process.open(tree.d1, os.O_RDONLY),
        call=open_by_path,
        answers="rule-fd-no-opath",
    ),
    "file-opened-for-writing": Place(
        make=lambda process, tree: process.open(tree.file, os.O_WRONLY),
        call=open_by_path,
        answers="rule-fd-no-opath",
    ),
    "nameless-file": Place(
        needs=(Need.MOUNT,),  # for a tmpfs, which knows O_TMPFILE
        make=lambda process, tree: process.open(tree.d1, os.O_TMPFILE | os.O_RDWR),
        call=reopen,
        answers="rule-fd-tmpfile",
    ),
    "deleted-file": Place(make=deleted_file, call=reopen, answers="rule-fd-deleted-file"),
    "removed-folder": Place(
        rights=READ | READ_DIR | MAKE_REG,
        make=removed_folder,
        call=reopen,
        answers="rule-fd-removed-dir",
    ),
    "named-pipe": Place(
        rights=READ | FS.WRITE_FILE,
        make=named_pipe,
        call=reopen_for_both,
        answers="rule-fd-special-files",
    ),
    "device": Place(
        rights=READ | FS.WRITE_FILE,
        make=lambda process, tree: process.open("/dev/null", O_PATH),
        call=reopen_for_both,
        answers="rule-fd-special-files",
    ),
    "proc-file": Place(
        make=lambda process, tree: process.open("/proc/self/status", O_PATH),
        call=reopen,
        answers="rule-fd-special-files",
    ),
    "proc-folder": Place(
        rights=READ_DIR,
        make=lambda process, tree: process.open("/proc", O_PATH),
        call=reopen,
        answers="rule-fd-special-files",
    ),
    "sysfs-folder": Place(
        needs=(Need.SYSFS,),
        rights=READ_DIR,
        make=sysfs,
        call=reopen,
        answers="rule-fd-special-files",
    ),
    "cloned-mount": Place(
        needs=(Need.MOUNT,),
        rights=READ | READ_DIR,
        make=cloned_mount,
        call=open_beneath,
        answers="rule-fd-detached-mount",
    ),
    "new-mount": Place(
        needs=(Need.MOUNT,),
        rights=READ | READ_DIR,
        make=new_mount,
        call=open_beneath,
        answers="rule-fd-detached-mount",
    ),
    "mounted-namespace": Place(
        needs=(Need.MOUNT,),
        make=mounted_namespace,
        call=open_by_path,
        answers="rule-fd-nsfs-bindmounted",
    ),
}


@covers(READ)
@table(PLACES)
def test_with_the_rule(case: Place, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule can be put on what has no name, on a special file and on a detached mount."""
    fd = process.dup_to(case.make(process, tree), NUMBER)
    sandboxed = process.under(Ruleset(fs=case.rights).allow(fd, case.rights))
    judge(since(case.rights, Allowed()), sandboxed.observe(case.call, fd, tree))


@covers(READ)
@table({f"{name}-without-rule": row for name, row in PLACES.items()})
def test_without_the_rule(case: Place, process: Process, tree: Tree, judge: Judge) -> None:
    """Without that rule it can't be opened."""
    fd = process.dup_to(case.make(process, tree), NUMBER)
    control = process.observe(case.call, fd, tree)
    sandboxed = process.under(Ruleset(fs=case.rights))
    judge(since(case.rights, Denied("EACCES")), sandboxed.observe(case.call, fd, tree), control)


def add_rule(process: Process, path: str, rights: FS) -> None:
    attr = path_beneath(rights, process.open(path, O_PATH | os.O_NOFOLLOW))
    process.add_rule(process.build(Ruleset(fs=READ | READ_DIR)), RULE_PATH_BENEATH, attr)


@answers("rule-fd-special-files")
def test_unix_socket(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule can be put on a UNIX socket."""
    process.mknod(f"{tree.d1}/socket", stat.S_IFSOCK)
    judge(since(READ, Allowed()), process.observe(add_rule, f"{tree.d1}/socket", READ))


@answers("rule-fd-symlink-inode")
def test_symlink(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule can be put on a symlink."""
    process.symlink("file", f"{tree.d1}/symlink")
    judge(since(READ, Allowed()), process.observe(add_rule, f"{tree.d1}/symlink", READ))


@answers("rule-fd-symlink-inode")
def test_symlink_as_folder(process: Process, tree: Tree, judge: Judge) -> None:
    """A symlink is no directory to a rule, wherever it leads to."""
    process.symlink("sub", f"{tree.d1}/symlink")
    control = process.observe(add_rule, f"{tree.d1}/sub", READ_DIR)
    observed = process.observe(add_rule, f"{tree.d1}/symlink", READ_DIR)
    judge(since(READ, Rejected("add_rule", "EINVAL")), observed, control)


@answers("rule-fd-symlink-inode")
def test_through_a_symlink_with_a_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a symlink allows nothing of what it leads to."""
    path = f"{tree.d1}/symlink"
    process.symlink("file", path)
    fd = process.open(path, O_PATH | os.O_NOFOLLOW)
    control = process.observe(Process.open, path, os.O_RDONLY)
    sandboxed = process.under(Ruleset(fs=READ).allow(fd, READ))
    judge(
        since(READ, Denied("EACCES")), sandboxed.observe(Process.open, path, os.O_RDONLY), control
    )


@needs(Need.MOUNT)
@answers("rule-fd-detached-mount")
def test_cloned_mount_elsewhere(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a cloned mount is one on the folder that it shows."""
    fd = cloned_mount(process, tree)
    sandboxed = process.under(Ruleset(fs=READ).allow(fd, READ))
    judge(since(READ, Allowed()), sandboxed.observe(open_by_path, fd, tree))
