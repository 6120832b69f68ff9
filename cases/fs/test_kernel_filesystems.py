# SPDX-License-Identifier: MIT
"""File systems whose files the kernel makes: the actions that make sense there.

Source: security/landlock/fs.c, get_inode_object(): any inode can have a rule.
"""

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import TypeAlias

from cases.fs.everywhere import FILES, NODES, check, check_rule
from cases.fs.rights import Right
from suite.case import (
    FS, FileSystem, Judge, Need, Process, Row, Tree, answers, filesystems, table, vm_only,
)  # fmt: skip

MountPoint: TypeAlias = Callable[[FileSystem], str]


class Made(Row, frozen=True, kw_only=True):
    """A call on a file or a directory of a file system, and the rights that it needs."""

    fs: FileSystem
    covers: FS
    path: str
    call: Callable[[Process, str], object]


def list_folder(process: Process, path: str) -> None:
    process.list_dir(process.open(path, os.O_RDONLY | os.O_DIRECTORY))


def open_to_truncate(process: Process, path: str) -> None:
    process.open(path, os.O_WRONLY | os.O_TRUNC)


def make_file(process: Process, path: str) -> None:
    process.close(process.open(f"{path}/new", os.O_RDWR | os.O_CREAT))
    process.unlink(f"{path}/new")


def make_folder(process: Process, path: str) -> None:
    process.mkdir(f"{path}/new")
    process.rmdir(f"{path}/new")


def open_all(fs: FileSystem, file: str, *to_write: Need) -> dict[str, Made]:
    """The rows of a file that is there, and of its folder."""
    folder = str(PurePath(file).parent)
    return {
        f"{fs.id}-read": Made(
            fs=fs, covers=FS.READ_FILE, path=file, call=lambda p, path: p.open(path, os.O_RDONLY)
        ),
        f"{fs.id}-write": Made(
            fs=fs,
            covers=FS.WRITE_FILE,
            path=file,
            call=lambda p, path: p.open(path, os.O_WRONLY),
            needs=to_write,
        ),
        f"{fs.id}-truncate": Made(
            fs=fs, covers=FS.TRUNCATE, path=file, call=open_to_truncate, needs=to_write
        ),
        f"{fs.id}-list": Made(fs=fs, covers=FS.READ_DIR, path=folder, call=list_folder),
    }


MADE = {
    **open_all(FileSystem.PROC, "self/comm"),
    **open_all(FileSystem.SYSFS, "module/printk/parameters/time", Need.ROOT),
    **open_all(FileSystem.CGROUP2, "cgroup.procs"),
    "hugetlbfs-list": Made(fs=FileSystem.HUGETLBFS, covers=FS.READ_DIR, path=".", call=list_folder),
    "hugetlbfs-make-file": Made(
        fs=FileSystem.HUGETLBFS, covers=FS.MAKE_REG | FS.REMOVE_FILE, path=".", call=make_file
    ),
    "hugetlbfs-make-folder": Made(
        fs=FileSystem.HUGETLBFS, covers=FS.MAKE_DIR | FS.REMOVE_DIR, path=".", call=make_folder
    ),
}


@answers("inode-fs-matrix")
@table({f"{name}-no-rule": row for name, row in MADE.items()})
def test_made(case: Made, mount_point: MountPoint, process: Process, judge: Judge) -> None:
    """What a ruleset handles is denied there too, unless a rule on the mount's root allows it."""
    root = mount_point(case.fs)
    check_rule(process, judge, case.covers, root, lambda p: case.call(p, f"{root}/{case.path}"))


@vm_only
@filesystems(FileSystem.DEVTMPFS)
@table(FILES | NODES)
def test_devices(case: Right, process: Process, tree: Tree, judge: Judge) -> None:
    """Where the kernel makes devices, what a ruleset handles is denied unless a rule allows it."""
    check(case, process, tree, judge)
