# SPDX-License-Identifier: MIT
"""File systems of the kernel's own making: rules hold on them as on others, once they are mounted.

Source: is_access_to_paths_allowed() in security/landlock/fs.c; bpf_obj_do_get() and
bpf_obj_do_pin() in kernel/bpf/inode.c; Documentation/filesystems/failfs.rst.
"""

import os
from collections.abc import Callable, Mapping

from cases.controls import refused
from suite.case import (
    CLONE_NEWNS, FS, Allowed, Case, Denied, Judge, Need, Process, Row, Ruleset, Tree, answers,
    covers, needs, since, table,
)  # fmt: skip
from suite.process.calls.ioctls import TIOCSPTLCK

READ = FS.READ_FILE
WRITE = FS.WRITE_FILE
MAKE = FS.MAKE_REG
FD_FAILFS_ROOT = -10004


def mounted(process: Process, tree: Tree, kind: str) -> Process:
    """A child that has a file system on d2."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.mount(kind, tree.d2, kind)
    return child


class Bound(Case, frozen=True, kw_only=True):
    """Rules for a namespace that is bound to d1/file."""

    rules: Mapping[str, FS]


BOUND = {
    "namespace-without-rule": Bound(rules={}, expect=since(READ, Denied("EACCES"))),
    "namespace-rule-on-folder": Bound(rules={"d1": READ}, expect=since(READ, Allowed())),
    "namespace-rule-on-itself": Bound(rules={"d1/file": READ}, expect=since(READ, Allowed())),
}


@answers("special-nsfs-bind")
@needs(Need.MOUNT)
@covers(READ)
@table(BOUND)
def test_bound_namespace(case: Bound, process: Process, tree: Tree, judge: Judge) -> None:
    """A namespace that is bound to a path needs a rule there."""
    child = process.fork()
    child.unshare(CLONE_NEWNS)
    child.bind_mount("/proc/self/ns/uts", tree.file)
    action = (Process.open, tree.file, os.O_RDONLY)
    sandboxed = child.under(tree.layer(READ, case.rules))
    judge(case.expect, sandboxed.observe(*action), child.observe(*action))


class Beneath(Case, frozen=True, kw_only=True):
    """Something with or without a rule on the mount, whose root is d2."""

    rules: Mapping[str, FS]


def rules(right: FS) -> dict[str, Beneath]:
    """With the rule and without."""
    return {
        "with-rule": Beneath(rules={"d2": right}, expect=since(right, Allowed())),
        "without-rule": Beneath(rules={}, expect=since(right, Denied("EACCES"))),
    }


@answers("special-posix-shm")
@needs(Need.MOUNT)
@covers(MAKE)
@table({f"posix-memory-{name}": row for name, row in rules(MAKE).items()})
def test_posix_memory(case: Beneath, process: Process, tree: Tree, judge: Judge) -> None:
    """What shm_open(3) opens is a file on a tmpfs, like any other."""
    child = mounted(process, tree, "tmpfs")
    sandboxed = child.under(tree.layer(MAKE, case.rules))
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    control = child.observe(Process.open, f"{tree.d2}/control", flags)
    judge(case.expect, sandboxed.observe(Process.open, f"{tree.d2}/new", flags), control)


@answers("special-devpts")
@needs(Need.DEVPTS)
@covers(READ, WRITE)
@table({f"terminal-{name}": row for name, row in rules(READ | WRITE).items()})
def test_terminal(case: Beneath, process: Process, tree: Tree, judge: Judge) -> None:
    """A terminal's file is one beneath the mount of devpts."""
    child = mounted(process, tree, "devpts")
    master = child.open(f"{tree.d2}/ptmx", os.O_RDWR | os.O_NOCTTY)
    child.ioctl(master, TIOCSPTLCK, bytes(4))
    action = (Process.open, f"{tree.d2}/0", os.O_RDWR | os.O_NOCTTY)
    sandboxed = child.under(tree.layer(READ | WRITE, case.rules))
    judge(case.expect, sandboxed.observe(*action), child.observe(*action))


class Attribute(Case, frozen=True, kw_only=True):
    """A file of the kernel's that is written to, with a rule on its file system for that."""

    kind: str
    path: str
    flags: int


ATTRIBUTES = {
    f"{kind}-{name}": Attribute(
        kind=kind,
        path=path,
        flags=flags,
        expect=since(WRITE | FS.TRUNCATE, outcome),
        needs=need,
    )
    for kind, path, need in (
        ("proc", "self/oom_score_adj", (Need.MOUNT,)),
        ("sysfs", "module/printk/parameters/time", (Need.SYSFS, Need.ROOT)),
    )
    for name, flags, outcome in (
        ("write", os.O_WRONLY, Allowed()),
        ("truncate", os.O_WRONLY | os.O_TRUNC, Denied("EACCES")),
    )
}


@answers("special-sysfs-proc-write")
@covers(WRITE, FS.TRUNCATE)
@table(ATTRIBUTES)
def test_attribute(case: Attribute, process: Process, tree: Tree, judge: Judge) -> None:
    """To open with O_TRUNC, as a shell does, needs TRUNCATE where there is nothing to truncate."""
    child = mounted(process, tree, case.kind)
    action = (Process.open, f"{tree.d2}/{case.path}", case.flags)
    sandboxed = child.under(tree.layer(WRITE | FS.TRUNCATE, {"d2": WRITE}))
    judge(case.expect, sandboxed.observe(*action), child.observe(*action))


class Pinned(Row, frozen=True, kw_only=True):
    """A call on a map that is pinned at d2/map, which the right denies."""

    right: FS
    call: Callable[[Process, Tree], object]


PINNED = {
    "bpf-unlink": Pinned(
        right=FS.REMOVE_FILE, call=lambda process, tree: process.unlink(f"{tree.d2}/map")
    ),
    "bpf-pin": Pinned(
        right=MAKE,
        call=lambda process, tree: process.pin(process.make_map(), f"{tree.d2}/new"),
    ),
}


def pinned(process: Process, tree: Tree) -> Process:
    child = mounted(process, tree, "bpf")
    child.pin(child.make_map(), f"{tree.d2}/map")
    return child


@answers("special-bpffs")
@needs(Need.BPF, Need.ROOT)
@table(PINNED)
def test_pinned(case: Pinned, process: Process, tree: Tree, judge: Judge) -> None:
    """To pin an object makes a file, and to unpin it removes one."""
    control = pinned(process, tree).observe(case.call, tree)
    sandboxed = pinned(process, tree).under(Ruleset(fs=case.right))
    judge(since(case.right, Denied("EACCES")), sandboxed.observe(case.call, tree), control)


@answers("special-bpffs")
@needs(Need.BPF, Need.ROOT)
@covers(READ, WRITE)
def test_pinned_object(process: Process, tree: Tree, judge: Judge) -> None:
    """A pinned object can be had by bpf(2) in every domain: no file is opened for that."""
    sandboxed = pinned(process, tree).under(Ruleset(fs=READ | WRITE))
    judge(since(READ, Allowed()), sandboxed.observe(Process.pinned, f"{tree.d2}/map"))


@answers("special-bpffs")
@needs(Need.BPF, Need.ROOT)
@covers(READ)
def test_pinned_object_as_a_file(process: Process, tree: Tree, judge: Judge) -> None:
    """To open it is denied before the file system says that it can't be (EIO)."""
    child = pinned(process, tree)
    action = (Process.open, f"{tree.d2}/map", os.O_RDONLY)
    control = refused(child.observe(*action), "EIO")
    judge(since(READ, Denied("EACCES")), child.under(Ruleset(fs=READ)).observe(*action), control)


@answers("special-nullfs-failfs")
@needs(Need.FCHROOT)
@covers(READ)
def test_failfs(process: Process, tree: Tree, judge: Judge) -> None:
    """In the root that fails every lookup, nothing gets as far as Landlock."""
    sandboxed = process.under(Ruleset(fs=READ))
    control = refused(sandboxed.observe(Process.open, tree.file, os.O_RDONLY), "EACCES")
    sandboxed.fchroot(FD_FAILFS_ROOT)
    observed = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(READ, Denied("EOPNOTSUPP")), observed, control)


@answers("special-nullfs-failfs")
@covers(READ)
def test_rule_on_the_root(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on / holds for all that is mounted above the kernel's own first root."""
    sandboxed = process.under(Ruleset(fs=READ).allow("/", READ))
    judge(since(READ, Allowed()), sandboxed.observe(Process.open, tree.file, os.O_RDONLY))
