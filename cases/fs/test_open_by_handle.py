# SPDX-License-Identifier: MIT
"""open_by_handle_at(2): files that are opened without walking to them.

Source: fs/fhandle.c, do_handle_open(); is_access_to_paths_allowed() in security/landlock/fs.c.
"""

import os
import struct
from pathlib import PurePath

from suite.packed import packed
from suite.case import (
    CLONE_NEWNS, FS, O_PATH, Allowed, ByErratum, Call, Case, Denied, Erratum, Judge, Need, Process,
    Tree, answers, covers, needs, since, table, vm_only,
)  # fmt: skip

READ = FS.READ_FILE
DENIED = since(READ, Denied("EACCES"))
ALLOWED = since(READ, Allowed())
SINCE_ERRATUM = since(
    READ, ByErratum(Erratum.DISCONNECTED_DIRECTORIES, before=Denied("EACCES"), after=Allowed())
)
FILEID_KERNFS = 0xFE


class Handle(Case, frozen=True, kw_only=True):
    """Where the rule is, if any, in a tree with a mount; and how a handle is opened."""

    rule: str | None
    flags: int = os.O_RDONLY


KNOWN = {
    "no-rule": Handle(
        rule=None,
        answers="open-by-handle-denied",
        expect=DENIED,
    ),
    "no-rule-o-path": Handle(
        rule=None,
        flags=O_PATH,
        answers="open-by-handle-denied",
        expect=ALLOWED,
    ),
    "rule-on-file": Handle(
        rule="mount/folder/file",
        answers="open-by-handle-connected",
        expect=ALLOWED,
    ),
    "rule-on-folder": Handle(
        rule="mount/folder",
        answers="open-by-handle-connected",
        expect=ALLOWED,
    ),
    "rule-on-mount": Handle(
        rule="mount",
        answers="open-by-handle-connected",
        expect=ALLOWED,
    ),
    "rule-above-mount": Handle(
        rule="",
        answers="open-by-handle-connected",
        expect=ALLOWED,
    ),
    "rule-elsewhere": Handle(
        rule="d1",
        answers="open-by-handle-denied",
        expect=DENIED,
    ),
}


def mount(process: Process, tree: Tree, kind: str) -> None:
    """Mount a folder of a file system, with a folder in it, in the process's own namespace."""
    process.unshare(CLONE_NEWNS)
    own = f"{tree.d2}/{PurePath(tree.path).name}"  # since all mounts of cgroup2 are one
    process.mount(kind, tree.d2, kind)
    process.mkdir(own)
    process.mkdir(f"{own}/folder")
    process.mkdir(f"{tree.path}/mount")
    process.bind_mount(own, f"{tree.path}/mount")


def sandbox(case: Handle, process: Process, tree: Tree) -> Process:
    rules = {} if case.rule is None else {case.rule: READ}
    return process.under(tree.layer(READ, rules))


@needs(Need.MOUNT, Need.FILE_HANDLES)
@covers(READ)
@table(KNOWN)
def test_known(case: Handle, process: Process, tree: Tree, judge: Judge) -> None:
    """A file whose path the kernel knows is opened by a handle as it is by the path."""
    mount(process, tree, "tmpfs")
    process.write_file(f"{tree.path}/mount/folder/file", b"")
    handle = process.file_handle(f"{tree.path}/mount/folder/file")
    at = process.open(f"{tree.path}/mount", os.O_RDONLY)
    control = process.observe(Process.open_handle, at, handle, case.flags)
    observed = sandbox(case, process, tree).observe(Process.open_handle, at, handle, case.flags)
    judge(case.expect, observed, control)


UNKNOWN = {
    "unknown-path-no-rule": Handle(rule=None, expect=DENIED),
    "unknown-path-rule-on-folder": Handle(rule="mount/folder", expect=DENIED),
    "unknown-path-rule-on-mount": Handle(rule="mount", expect=SINCE_ERRATUM),
    "unknown-path-rule-above-mount": Handle(rule="", expect=SINCE_ERRATUM),
}


def inode(process: Process, folder: str, name: str) -> int:
    """The number of an inode, from the list of a folder: its name is not looked up."""
    data = process.list_dir(process.open(folder, os.O_RDONLY)).data
    at = data.index(name.encode() + b"\0") - 19  # d_ino, d_off, d_reclen and d_type come before
    return int(struct.unpack_from("<Q", data, at)[0])


@vm_only
@answers("open-by-handle-disconnected")
@needs(Need.CGROUP2)
@covers(READ)
@table(UNKNOWN)
def test_unknown(case: Handle, process: Process, tree: Tree, judge: Judge) -> None:
    """A file whose name nobody has looked up yet is known by its mount alone.

    Source: security/landlock/errata/abi-1.h, erratum 3; kernfs_fh_to_dentry() in fs/kernfs/mount.c.
    """
    mount(process, tree, "cgroup2")
    number = inode(process, f"{tree.path}/mount/folder", "cgroup.procs")
    handle = packed("IiQ", 8, FILEID_KERNFS, number)
    at = process.open(f"{tree.path}/mount", os.O_RDONLY)
    control = process.observe(Process.open_handle, at, handle, case.flags)
    observed = sandbox(case, process, tree).observe(Process.open_handle, at, handle, case.flags)
    judge(case.expect, observed, control)


FOLDERS = {
    "folder-no-rule": Handle(rule=None, expect=DENIED),
    "folder-rule-on-it": Handle(rule="d1", expect=ALLOWED),
    "folder-rule-beneath": Handle(rule="d1/sub", expect=DENIED),
}


def open_folder(process: Process, at: Call, handle: bytes) -> None:
    process.list_dir(process.open_handle(at, handle, os.O_RDONLY | os.O_DIRECTORY))


def open_beneath(process: Process, at: Call, handle: bytes) -> None:
    process.open("file", os.O_RDONLY, at=process.open_handle(at, handle, O_PATH))


@answers("open-by-handle-dir")
@needs(Need.FILE_HANDLES)
@covers(FS.READ_DIR)
@table(FOLDERS)
def test_folder(case: Handle, process: Process, tree: Tree, judge: Judge) -> None:
    """A folder is listed by way of a handle where a rule is on it."""
    arguments = process.open(tree.d2, os.O_RDONLY), process.file_handle(tree.d1)
    control = process.observe(open_folder, *arguments)
    rules = {} if case.rule is None else {case.rule: FS.READ_DIR}
    sandboxed = process.under(tree.layer(FS.READ_DIR, rules))
    judge(case.expect, sandboxed.observe(open_folder, *arguments), control)


@answers("open-by-handle-dir")
@needs(Need.FILE_HANDLES)
@covers(READ)
@table({f"{name}-open-beneath": row for name, row in FOLDERS.items()})
def test_beneath_folder(case: Handle, process: Process, tree: Tree, judge: Judge) -> None:
    """What is beneath a folder that a handle opened is opened as by its path."""
    arguments = process.open(tree.d2, os.O_RDONLY), process.file_handle(tree.d1)
    control = process.observe(open_beneath, *arguments)
    judge(case.expect, sandbox(case, process, tree).observe(open_beneath, *arguments), control)
