# SPDX-License-Identifier: MIT
"""Rules on what was removed or unmounted since: they hold its inode, and get in nobody's way.

Source: release_inode(), hook_sb_delete() and is_access_to_paths_allowed() in
security/landlock/fs.c.
"""

import os
from collections.abc import Mapping

from cases.controls import refused
from suite.case import (
    CLONE_NEWNS, FS, O_PATH, Allowed, Call, Case, Denied, Judge, Need, Out, Process, Seen, Tree,
    answers, needs, since, table,
)  # fmt: skip

READ, WRITE, READ_DIR, MAKE = FS.READ_FILE, FS.WRITE_FILE, FS.READ_DIR, FS.MAKE_REG
FOLDER = os.O_RDONLY | os.O_DIRECTORY
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))
SUB = {"d1/sub": READ_DIR | MAKE}


class Removed(Case, frozen=True, kw_only=True):
    """The rules, and a call on what was held open with O_PATH as it was removed."""

    handled: FS = READ | WRITE | READ_DIR | MAKE
    rules: Mapping[str, FS]
    held: str = "d1/file"
    flags: int


REMOVED = {
    "removed-file-own-rule": Removed(
        rules={"d1/file": READ},
        flags=os.O_RDONLY,
        expect=ALLOWED,
        answers="inode-unlinked-file-rule",
    ),
    "removed-file-own-rule-other-right": Removed(
        rules={"d1/file": READ},
        flags=os.O_RDWR,
        expect=DENIED,
        answers="inode-unlinked-file-rule",
    ),
    "removed-file-folder-rule": Removed(
        rules={"d1": READ},
        flags=os.O_RDONLY,
        expect=ALLOWED,
        answers="inode-deleted-file-parent-rule",
    ),
    "removed-file-other-rule": Removed(rules={"d2": READ}, flags=os.O_RDONLY, expect=DENIED),
    "removed-folder-own-rule": Removed(
        rules=SUB, held="d1/sub", flags=FOLDER, expect=ALLOWED, answers="inode-removed-dir-old-fd"
    ),
    "removed-folder-folder-rule": Removed(
        rules={"d1": READ_DIR},
        held="d1/sub",
        flags=FOLDER,
        expect=ALLOWED,
        answers="inode-removed-subdir-parent-rule",
    ),
    "removed-folder-other-rule": Removed(
        rules={"d2": READ_DIR}, held="d1/sub", flags=FOLDER, expect=DENIED
    ),
}


def remove(process: Process, tree: Tree) -> None:
    process.unlink(tree.file)
    process.unlink(tree.sub_file)
    process.rmdir(tree.sub)


@table(REMOVED)
def test_removed(case: Removed, process: Process, tree: Tree, judge: Judge) -> None:
    """What was removed and is held open can be opened again by a rule on it or above."""
    held = process.open(f"{tree.path}/{case.held}", O_PATH)
    action = (Process.open, f"/proc/self/fd/{held.value}", case.flags)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    remove(process, tree)
    control = process.observe(*action)
    judge(case.expect, sandboxed.observe(*action), control)


IN_REMOVED = {
    "create-in-removed-folder-own-rule": Removed(
        rules=SUB,
        held="d1/sub",
        flags=os.O_WRONLY | os.O_CREAT,
        expect=since(MAKE, Denied("ENOENT")),
        answers="inode-removed-dir-old-fd",
    ),
    "create-in-removed-folder-folder-rule": Removed(
        rules={"d1": MAKE},
        held="d1/sub",
        flags=os.O_WRONLY | os.O_CREAT,
        expect=since(MAKE, Denied("ENOENT")),
        answers="inode-removed-subdir-parent-rule",
    ),
    "create-in-removed-folder-no-rule": Removed(
        rules={},
        held="d1/sub",
        flags=os.O_WRONLY | os.O_CREAT,
        expect=since(MAKE, Denied("ENOENT")),
    ),
}


@table(IN_REMOVED)
def test_create_in_removed(case: Removed, process: Process, tree: Tree, judge: Judge) -> None:
    """Nothing can be made in a removed folder, whatever the rules say of it (ENOENT)."""
    held = process.open(f"{tree.path}/{case.held}", O_PATH)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    remove(process, tree)
    judge(case.expect, sandboxed.observe(Process.open, "new", case.flags, at=held))


def own_tmpfs(process: Process, path: str) -> None:
    process.unshare(CLONE_NEWNS)
    process.mount("tmpfs", path, "tmpfs")


def statfs(process: Process, path: str) -> Call:
    return process.syscall("statfs", path, Out(120))


@needs(Need.MOUNT)
@answers("inode-pinned-by-ruleset")
def test_pinned_by_a_ruleset(process: Process, tree: Tree, judge: Judge) -> None:
    """The space of a removed file that has a rule is free once the ruleset is closed."""
    own_tmpfs(process, tree.sub)
    empty = statfs(process, tree.sub)
    process.write_file(tree.sub_file, bytes(1 << 16))
    full = statfs(process, tree.sub)
    ruleset = process.build(tree.layer(READ, {"d1/sub/file": READ}))
    process.unlink(tree.sub_file)
    removed = statfs(process, tree.sub)
    closed = process.observe(Process.close, ruleset)
    after = statfs(process, tree.sub)
    outcome = closed.outcome
    if outcome == Allowed():
        states = {empty.data: "free", full.data: "taken"}
        outcome = Seen(f"{states.get(removed.data)}, then {states.get(after.data)}")
    judge(since(READ, Seen("taken, then free")), outcome)


@needs(Need.MOUNT)
@answers("inode-pinned-by-ruleset")
def test_pinned_by_a_domain(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain holds a removed file that has a rule for as long as it has a process."""
    own_tmpfs(process, tree.sub)
    process.write_file(tree.sub_file, bytes(1 << 16))
    full = statfs(process, tree.sub)
    sandboxed = process.under(tree.layer(READ, {"d1/sub/file": READ}))
    process.unlink(tree.sub_file)
    removed = statfs(process, tree.sub)
    outcome = sandboxed.observe(Process.getpid).outcome
    if outcome == Allowed():
        outcome = Seen("taken" if removed.data == full.data else "free")
    judge(since(READ, Seen("taken")), outcome)


@needs(Need.MOUNT)
@answers("inode-umount-not-blocked")
def test_umount_under_rules(process: Process, tree: Tree, judge: Judge) -> None:
    """Rules don't keep a file system from being unmounted."""
    own_tmpfs(process, tree.sub)
    process.write_file(tree.sub_file, b"")
    process.build(tree.layer(READ, {"d1/sub": READ, "d1/sub/file": READ}))
    judge(ALLOWED, process.observe(Process.umount, tree.sub))


@needs(Need.MOUNT)
@answers("inode-new-fs-same-path", "inode-umount-not-blocked")
def test_new_file_system_in_its_place(process: Process, tree: Tree, judge: Judge) -> None:
    """The rules of an unmounted file system do not hold for the one that takes its place."""
    own_tmpfs(process, tree.sub)
    process.write_file(tree.sub_file, b"")
    ruleset = process.build(tree.layer(READ, {"d1/sub": READ, "d1/sub/file": READ}))
    process.umount(tree.sub)
    process.mount("tmpfs", tree.sub, "tmpfs")
    process.write_file(tree.sub_file, b"")
    sandboxed = process.fork()
    sandboxed.no_new_privs()
    sandboxed.enforce(ruleset)
    observed = sandboxed.observe(Process.open, tree.sub_file, os.O_RDONLY)
    judge(DENIED, observed, process.observe(Process.open, tree.sub_file, os.O_RDONLY))


@needs(Need.MOUNT)
@answers("topo-sandboxer-exe-not-pinned")
def test_umount_of_the_sandboxer(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain does not keep the program busy that made it."""
    mount = f"{tree.path}/mount"
    process.unshare(CLONE_NEWNS)
    process.mkdir(mount)
    tree.program(f"{tree.d1}/sandboxer")
    tree.program(f"{tree.d2}/program")
    process.bind_mount(tree.d1, mount)
    sandboxer = process.fork()
    sandboxer.exec(f"{mount}/sandboxer")
    sandboxer.restrict(tree.layer(READ, {"": READ}))
    running = process.observe(Process.umount, mount)
    sandboxer.exec(f"{tree.d2}/program")
    control = refused(running, "EBUSY")
    judge(ALLOWED, process.observe(Process.umount, mount), control)
