# SPDX-License-Identifier: MIT
"""How far a rule on the root directory reaches, and a layer without rules.

Source: Documentation/userspace-api/landlock.rst, "Bind mounts and OverlayFS" and "Special
filesystems"; is_access_to_paths_allowed() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable

from cases.fs.everything import everything
from suite.case import (
    CLONE_NEWNS, FS, O_PATH, Allowed, Denied, Facts, Judge, Need, Process, Row, Ruleset, Tree,
    answers, covers, needs, since, table,
)  # fmt: skip

READ, READ_DIR = FS.READ_FILE, FS.READ_DIR
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))
NO_RULE, ROOT_RULE = Ruleset(fs=READ), Ruleset(fs=READ).allow("/", READ)


class Place(Row, frozen=True, kw_only=True):
    """Something that is opened for reading."""

    call: Callable[[Process, Tree], object]
    prepare: Callable[[Process, Tree], object] = lambda process, tree: None


def mount_folder(process: Process, tree: Tree) -> None:
    process.unshare(CLONE_NEWNS)
    process.bind_mount(tree.d1, tree.d2)


def mount_overlay(process: Process, tree: Tree) -> None:
    process.unshare(CLONE_NEWNS)
    process.syscall("mount", "", tree.sub, "overlay", 0, f"lowerdir={tree.d1}:{tree.d2}")


PLACES = {
    "file": Place(call=lambda process, tree: process.open(tree.file, os.O_RDONLY)),
    "proc": Place(call=lambda process, tree: process.open("/proc/self/status", os.O_RDONLY)),
    "device": Place(call=lambda process, tree: process.open("/dev/null", os.O_RDONLY)),
    "bind-mount": Place(
        needs=(Need.MOUNT,),
        prepare=mount_folder,
        call=lambda process, tree: process.open(tree.other, os.O_RDONLY),
    ),
    "overlay": Place(
        needs=(Need.OVERLAY,),
        prepare=mount_overlay,
        call=lambda process, tree: process.open(tree.sub_file, os.O_RDONLY),
    ),
}


@answers("layer-root-rule")
@table({f"root-rule-{name}": row for name, row in PLACES.items()})
def test_rule_on_root(case: Place, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the root directory reaches all that is mounted beneath it."""
    case.prepare(process, tree)
    judge(ALLOWED, process.under(ROOT_RULE).observe(case.call, tree))


@answers("layer-empty-rules")
@table({f"no-rule-{name}": row for name, row in PLACES.items()})
def test_no_rule(case: Place, process: Process, tree: Tree, judge: Judge) -> None:
    """A layer without rules denies what it handles everywhere."""
    case.prepare(process, tree)
    control = process.observe(case.call, tree)
    judge(DENIED, process.under(NO_RULE).observe(case.call, tree), control)


@needs(Need.MOUNT)
@answers("layer-root-rule")
def test_rule_on_root_detached_mount(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the root directory does not reach what is mounted nowhere."""
    mount = process.new_mount()
    process.close(process.open("file", os.O_CREAT, at=mount))

    def read(process: Process) -> None:
        process.open("file", os.O_RDONLY, at=mount)

    control = process.observe(read)
    judge(DENIED, process.under(ROOT_RULE).observe(read), control)


@needs(Need.MQUEUE)
@answers("layer-root-rule")
def test_rule_on_root_message_queue(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the root directory does not reach the file system of message queues."""
    name = tree.path.replace("/", "-")
    process.mq_open(name, os.O_CREAT | os.O_RDWR)
    control = process.observe(Process.mq_open, name, os.O_RDONLY)
    judge(DENIED, process.under(ROOT_RULE).observe(Process.mq_open, name, os.O_RDONLY), control)


@needs(Need.ADMIN)
@answers("layer-root-rule")
def test_rule_on_root_above_chroot(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a changed root directory does not reach what is outside of it."""
    outside = process.open(tree.d2, O_PATH)
    process.chroot(tree.d1)

    def read(process: Process) -> None:
        process.open("file", os.O_RDONLY, at=outside)

    control = process.observe(read)
    judge(DENIED, process.under(ROOT_RULE).observe(read), control)


class Root(Row, frozen=True, kw_only=True):
    """A path that ends at the root directory."""

    path: Callable[[Tree], str]


ROOTS = {
    "slash": Root(path=lambda tree: "/"),
    "dot-dot-above": Root(path=lambda tree: tree.d1 + 20 * "/.."),
}


@covers(READ_DIR)
@answers("layer-dotdot-above-root")
@table(ROOTS)
def test_root(case: Root, process: Process, tree: Tree, judge: Judge) -> None:
    """The root directory is denied as any other one, by whatever way it is reached."""
    path = case.path(tree)
    control = process.observe(Process.open, path, os.O_DIRECTORY)
    observed = process.under(Ruleset(fs=READ_DIR)).observe(Process.open, path, os.O_DIRECTORY)
    judge(DENIED, observed, control)


POWERS = {
    "root-reads": Place(call=lambda process, tree: process.open(tree.file, os.O_RDONLY)),
    "root-writes": Place(call=lambda process, tree: process.open(tree.file, os.O_WRONLY)),
    "root-lists": Place(call=lambda process, tree: process.open(tree.d1, os.O_RDONLY)),
    "root-creates": Place(
        call=lambda process, tree: process.open(f"{tree.d1}/new", os.O_WRONLY | os.O_CREAT)
    ),
    "root-opens-device": Place(call=lambda process, tree: process.open("/dev/null", os.O_RDWR)),
}


@needs(Need.ROOT, Need.ADMIN)
@answers("layer-root-user-no-bypass")
@table(POWERS)
def test_root_user(case: Place, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """The superuser with all capabilities is restricted as anybody else."""
    control = process.observe(case.call, tree.twin())
    process.enforce(process.build(everything(facts)))
    judge(DENIED, process.observe(case.call, tree), control)
