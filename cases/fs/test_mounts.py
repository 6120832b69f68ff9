# SPDX-License-Identifier: MIT
"""Rules and mounts: which rules hold for what is seen through a mount, and behind one.

Source: Documentation/userspace-api/landlock.rst, "Bind mounts and OverlayFS";
is_access_to_paths_allowed() in security/landlock/fs.c, follow_up().
"""

import os
from collections.abc import Callable

from suite.case import (
    CLONE_NEWNS, FS, MNT_DETACH, O_PATH, Allowed, Case, Denied, Fd, Judge, Need, Process, Ruleset,
    Tree, answers, needs, since, table,
)  # fmt: skip

READ = FS.READ_FILE
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))
OPEN = (Process.open, "file", os.O_RDONLY)


def bind_folder(process: Process, tree: Tree) -> None:
    process.mkdir(f"{tree.d2}/mount")
    process.bind_mount(tree.sub, f"{tree.d2}/mount")


def bind_file(process: Process, tree: Tree) -> None:
    process.write_file(f"{tree.d2}/mount", b"")
    process.bind_mount(tree.file, f"{tree.d2}/mount")


def mount(process: Process, tree: Tree) -> None:
    process.mount("tmpfs", tree.sub, "tmpfs")
    process.write_file(tree.sub_file, b"")


def mount_over(process: Process, tree: Tree) -> None:
    process.mount("tmpfs", tree.d1, "tmpfs")
    process.write_file(tree.file, b"")


def mount_over_bind(process: Process, tree: Tree) -> None:
    bind_folder(process, tree)
    process.mount("tmpfs", f"{tree.d2}/mount", "tmpfs")
    process.write_file(f"{tree.d2}/mount/file", b"")


class Mounted(Case, frozen=True, kw_only=True):
    """What is mounted, the folder or file with the rule, and the file that is opened."""

    mount: Callable[[Process, Tree], None]
    rule: str
    path: str


MOUNTS = {
    "bind-rule-above-the-source": Mounted(
        mount=bind_folder,
        rule="d1",
        path="d2/mount/file",
        expect=DENIED,
        answers="inode-bind-dir-source-rule",
    ),
    "bind-source-rule-above-it": Mounted(
        mount=bind_folder,
        rule="d1",
        path="d1/sub/file",
        expect=ALLOWED,
        answers="inode-bind-dir-source-rule",
    ),
    "bind-rule-on-the-mount": Mounted(
        mount=bind_folder,
        rule="d2/mount",
        path="d2/mount/file",
        expect=ALLOWED,
        answers="inode-bind-dir-root-rule",
    ),
    "bind-source-rule-on-the-mount": Mounted(
        mount=bind_folder,
        rule="d2/mount",
        path="d1/sub/file",
        expect=ALLOWED,
        answers="inode-bind-dir-root-rule",
    ),
    "bind-rule-above-the-mount": Mounted(
        mount=bind_folder,
        rule="d2",
        path="d2/mount/file",
        expect=ALLOWED,
        answers="inode-bind-dir-above-mountpoint",
    ),
    "bind-source-rule-above-the-mount": Mounted(
        mount=bind_folder,
        rule="d2",
        path="d1/sub/file",
        expect=DENIED,
        answers="inode-bind-dir-above-mountpoint",
    ),
    "bind-file-rule-above-the-mount": Mounted(
        mount=bind_file, rule="d2", path="d2/mount", expect=ALLOWED, answers="inode-bind-file"
    ),
    "bind-file-source-rule-above-the-mount": Mounted(
        mount=bind_file, rule="d2", path="d1/file", expect=DENIED, answers="inode-bind-file"
    ),
    "bind-file-rule-above-the-source": Mounted(
        mount=bind_file, rule="d1", path="d2/mount", expect=DENIED, answers="inode-bind-file"
    ),
    "bind-file-source-rule-above-it": Mounted(
        mount=bind_file, rule="d1", path="d1/file", expect=ALLOWED, answers="inode-bind-file"
    ),
    "bind-file-rule-on-the-mount": Mounted(
        mount=bind_file, rule="d2/mount", path="d2/mount", expect=ALLOWED, answers="inode-bind-file"
    ),
    "bind-file-source-rule-on-the-mount": Mounted(
        mount=bind_file, rule="d2/mount", path="d1/file", expect=ALLOWED, answers="inode-bind-file"
    ),
    "rule-on-the-mount": Mounted(
        mount=mount,
        rule="d1/sub",
        path="d1/sub/file",
        expect=ALLOWED,
        answers="mnt-rule-on-mountpoint",
    ),
    "file-beside-the-mount": Mounted(
        mount=mount, rule="d1/sub", path="d1/file", expect=DENIED, answers="mnt-rule-on-mountpoint"
    ),
    "rule-above-the-mount": Mounted(
        mount=mount,
        rule="d1",
        path="d1/sub/file",
        expect=ALLOWED,
        answers="mnt-rule-over-mountpoint",
    ),
    # A mount on the root of another one, which is no folder of its own on the way up.
    "over-bind-rule-on-the-source": Mounted(
        mount=mount_over_bind,
        rule="d1/sub",
        path="d2/mount/file",
        expect=DENIED,
        answers="mnt-hidden-via-parent-rule",
    ),
    "over-bind-rule-above-the-source": Mounted(
        mount=mount_over_bind,
        rule="d1",
        path="d2/mount/file",
        expect=DENIED,
        answers="mnt-hidden-via-parent-rule",
    ),
    "over-bind-rule-above-the-mount": Mounted(
        mount=mount_over_bind,
        rule="d2",
        path="d2/mount/file",
        expect=ALLOWED,
        answers="mnt-rule-over-mountpoint",
    ),
}


@needs(Need.MOUNT)
@table(MOUNTS)
def test_mounts(case: Mounted, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule holds for what is beneath it by the way that it is opened, through mounts."""
    process.unshare(CLONE_NEWNS)
    case.mount(process, tree)
    action = (Process.open, f"{tree.path}/{case.path}", os.O_RDONLY)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    judge(case.expect, sandboxed.observe(*action), control)


LATER = {
    "mounted-later-beneath-the-rule": Mounted(
        mount=mount,
        rule="d1",
        path="d1/sub/file",
        expect=ALLOWED,
        answers="mnt-mounted-later-below-rule",
    ),
    "mounted-later-over-the-rule": Mounted(
        mount=mount_over,
        rule="d1",
        path="d1/file",
        expect=DENIED,
        answers=("mnt-mounted-later-over-rule", "mnt-covered-rule"),
    ),
    "bind-mounted-later-from-beneath-the-rule": Mounted(
        mount=bind_folder, rule="d1", path="d2/mount/file", expect=DENIED
    ),
}


@needs(Need.MOUNT)
@table(LATER)
def test_later(case: Mounted, process: Process, tree: Tree, judge: Judge) -> None:
    """What others mount once a domain is enforced is seen as if it had always been there."""
    process.unshare(CLONE_NEWNS)
    action = (Process.open, f"{tree.path}/{case.path}", os.O_RDONLY)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    case.mount(process, tree)
    judge(case.expect, sandboxed.observe(*action), process.observe(*action))


def into(path: Callable[[Tree], str]) -> Callable[[Process, Tree, Fd], Fd]:
    return lambda process, tree, _: process.open(path(tree), O_PATH)


def held(_: Process, __: Tree, fd: Fd) -> Fd:
    return fd


class Hidden(Case, frozen=True, kw_only=True):
    """With a file system over d1/sub: what has the rule, and the folder that is opened in.

    Each is told from the process, the tree, and an fd to the folder that is covered.
    """

    rule: Callable[[Process, Tree, Fd], Fd]
    folder: Callable[[Process, Tree, Fd], Fd] = held


visible, above = into(lambda tree: tree.sub), into(lambda tree: tree.d1)
HIDDEN = {
    "covered-rule-visible-file": Hidden(
        rule=held, folder=visible, expect=DENIED, answers="mnt-covered-rule"
    ),
    "covered-rule-covered-file": Hidden(
        rule=held, expect=ALLOWED, answers="mnt-covered-rule-hidden-access"
    ),
    "covering-rule-covered-file": Hidden(
        rule=visible, expect=DENIED, answers="mnt-hidden-via-parent-rule"
    ),
    "covering-rule-visible-file": Hidden(rule=visible, folder=visible, expect=ALLOWED),
    "rule-above-covered-file": Hidden(
        rule=above, expect=ALLOWED, answers="mnt-hidden-via-parent-rule"
    ),
}


@needs(Need.MOUNT)
@table(HIDDEN)
def test_hidden(case: Hidden, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a covered folder holds for what is covered, and for nothing that covers it."""
    process.unshare(CLONE_NEWNS)
    covered = process.open(tree.sub, O_PATH)
    mount(process, tree)
    folder = case.folder(process, tree, covered)
    control = process.observe(*OPEN, at=folder)
    ruleset = Ruleset(fs=READ).allow(case.rule(process, tree, covered), READ)
    judge(case.expect, process.under(ruleset).observe(*OPEN, at=folder), control)


@needs(Need.MOUNT)
@answers("mnt-covered-rule-hidden-access")
def test_hidden_file_by_proc(process: Process, tree: Tree, judge: Judge) -> None:
    """A covered file can be opened again by the rule on its covered folder."""
    process.unshare(CLONE_NEWNS)
    covered, file = process.open(tree.sub, O_PATH), process.open(tree.sub_file, O_PATH)
    mount(process, tree)
    action = (Process.open, f"/proc/self/fd/{file.value}", os.O_RDONLY)
    control = process.observe(*action)
    ruleset = Ruleset(fs=READ).allow(covered, READ)
    judge(ALLOWED, process.under(ruleset).observe(*action), control)


DETACHED = {
    "detached-rule-on-the-mount": Hidden(rule=held, expect=ALLOWED, answers="mnt-lazy-umounted"),
    "detached-rule-above-the-mount": Hidden(rule=above, expect=DENIED, answers="mnt-lazy-umounted"),
}


@needs(Need.MOUNT)
@table(DETACHED)
def test_detached(case: Hidden, process: Process, tree: Tree, judge: Judge) -> None:
    """A mount that was detached is beneath nothing any more: a rule on its root holds."""
    process.unshare(CLONE_NEWNS)
    mount(process, tree)
    root = process.open(tree.sub, O_PATH)
    sandboxed = process.under(Ruleset(fs=READ).allow(case.rule(process, tree, root), READ))
    process.umount(tree.sub, MNT_DETACH)
    judge(case.expect, sandboxed.observe(*OPEN, at=root), process.observe(*OPEN, at=root))
