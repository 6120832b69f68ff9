# SPDX-License-Identifier: MIT
"""Mounts that are attached nowhere: only the rules on their own inodes hold.

Source: is_access_to_paths_allowed() in security/landlock/fs.c, follow_up(): a detached mount is
beneath nothing.
"""

import os
from collections.abc import Callable

from suite.case import (
    CLONE_NEWNS, FS, OPEN_TREE_CLONE, Allowed, Call, Case, Denied, Judge, Need, Process, Ruleset,
    Tree, answers, covers, needs, since, table,
)  # fmt: skip

READ, READ_DIR, MAKE = FS.READ_FILE, FS.READ_DIR, FS.MAKE_REG
FOLDER = os.O_RDONLY | os.O_DIRECTORY
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))


class Clone(Case, frozen=True, kw_only=True):
    """The folder with a rule, and what is opened in a clone of d1."""

    rule: str
    path: str = "file"
    flags: int = os.O_RDONLY


CLONES = {
    "clone-rule-on-its-root": Clone(
        rule="d1", expect=ALLOWED, answers="mnt-detached-clone-root-rule"
    ),
    "clone-rule-on-its-root-list": Clone(
        rule="d1", path=".", flags=FOLDER, expect=ALLOWED, answers="mnt-detached-clone-root-rule"
    ),
    "clone-rule-beneath-its-root": Clone(rule="d1/sub", path="sub/file", expect=ALLOWED),
    "clone-rule-above": Clone(rule="", expect=DENIED, answers="mnt-detached-clone-ancestor-rule"),
}


def open_in_clone(process: Process, tree: Tree, path: str, flags: int) -> None:
    process.open(path, flags, at=process.open_tree(tree.d1, OPEN_TREE_CLONE))


@needs(Need.MOUNT)
@covers(READ, READ_DIR)
@table(CLONES)
def test_clone(case: Clone, process: Process, tree: Tree, judge: Judge) -> None:
    """In a tree that a domain clones, the rules above its root are lost."""
    action = (open_in_clone, tree, case.path, case.flags)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(READ | READ_DIR, {case.rule: READ | READ_DIR}))
    judge(case.expect, sandboxed.observe(*action), control)


@needs(Need.MOUNT)
@covers(READ)
@answers("mnt-detached-clone-ancestor-rule")
def test_cloned_file_by_its_path(process: Process, tree: Tree, judge: Judge) -> None:
    """The same file can be opened where the rule is above it."""
    sandboxed = process.under(tree.layer(READ, {"": READ}))
    sandboxed.open_tree(tree.d1, OPEN_TREE_CLONE)
    judge(ALLOWED, sandboxed.observe(Process.open, tree.file, os.O_RDONLY))


@needs(Need.MOUNT)
@covers(READ)
@answers("mnt-detached-clone-reveals-covered", "gap-mounts")
def test_clone_reveals(process: Process, tree: Tree, judge: Judge) -> None:
    """A clone without what is mounted beneath shows a file that umount(2) may not uncover."""
    process.unshare(CLONE_NEWNS)
    process.mount("tmpfs", tree.sub, "tmpfs")
    sandboxed = process.under(tree.layer(READ, {"d1": READ}))
    uncovered = sandboxed.observe(Process.umount, tree.sub)
    covered = sandboxed.observe(Process.open, tree.sub_file, os.O_RDONLY)
    revealed = sandboxed.observe(open_in_clone, tree, "sub/file", os.O_RDONLY)
    outcomes = [observed.outcome for observed in (uncovered, covered, revealed)]
    hidden = outcomes[:2] == [Denied("EPERM"), Denied("ENOENT")]
    judge(ALLOWED, outcomes[2] if hidden else outcomes[0])


class New(Case, frozen=True, kw_only=True):
    """What is done in a new file system, by its file descriptor."""

    call: Callable[[Process, Call], object]


def create(process: Process, mount: Call) -> None:
    process.open("new", os.O_WRONLY | os.O_CREAT, at=mount)


def list_root(process: Process, mount: Call) -> None:
    process.list_dir(process.open(".", FOLDER, at=mount))


NEW = {
    "create-in-a-new-one": New(call=create, expect=DENIED, answers="mnt-detached-fsmount"),
    "list-a-new-one": New(call=list_root, expect=DENIED, answers="mnt-detached-fsmount"),
}


@needs(Need.MOUNT)
@covers(MAKE, READ_DIR)
@table(NEW)
def test_new(case: New, process: Process, judge: Judge) -> None:
    """A rule on / does not reach a new file system that a domain has mounted nowhere."""
    rights = MAKE | READ_DIR
    outside, sandboxed = process, process.under(Ruleset(fs=rights).allow("/", rights))
    observed = sandboxed.observe(case.call, sandboxed.new_mount())
    judge(case.expect, observed, outside.observe(case.call, outside.new_mount()))


RULED = {
    f"{name}-with-a-rule": New(
        call=row.call, expect=ALLOWED, answers="mnt-detached-fsmount-with-rule"
    )
    for name, row in NEW.items()
}


@needs(Need.MOUNT)
@covers(MAKE, READ_DIR)
@table(RULED)
def test_new_with_a_rule(case: New, process: Process, judge: Judge) -> None:
    """A rule may be on the root of a detached mount."""
    rights = MAKE | READ_DIR
    mount = process.new_mount()
    sandboxed = process.under(Ruleset(fs=rights).allow(mount, rights))
    judge(case.expect, sandboxed.observe(case.call, mount))
