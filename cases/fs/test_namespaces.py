# SPDX-License-Identifier: MIT
"""Domains and mount namespaces: one can be made and entered, and rules hold along its mounts.

Source: security/landlock/fs.c, which asks for inodes and mounts only; hook_ptrace_access_check()
in security/landlock/task.c for the namespaces of others.
"""

import os
from collections.abc import Callable

from cases.fs.roots import FILES
from suite.case import (
    CLONE_NEWNS, CLONE_NEWUSER, FS, NET, SCOPE, Allowed, Call, Case, Denied, Judge, Need, Process,
    Row, Ruleset, Tree, answers, covers, needs, own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import FSMOUNT_NAMESPACE, OPEN_TREE_NAMESPACE

READ = FS.READ_FILE
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))


class Rule(Case, frozen=True, kw_only=True):
    """The folder with the rule, and the file that is opened."""

    rule: str
    path: str = "d1/file"


UNSHARED = {
    "unshared-file-beneath": Rule(rule="d1", expect=ALLOWED, answers="topo-unshare-newns"),
    "unshared-file-beside": Rule(
        rule="d1", path="d2/file", expect=DENIED, answers="topo-unshare-newns"
    ),
}


@needs(Need.MOUNT)
@covers(READ)
@table(UNSHARED)
def test_unshared(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """The rules of a domain hold in a copy of its mount namespace."""
    path = f"{tree.path}/{case.path}"
    control = process.observe(Process.open, path, os.O_RDONLY)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    sandboxed.unshare(CLONE_NEWNS)
    judge(case.expect, sandboxed.observe(Process.open, path, os.O_RDONLY), control)


ENTERED = {
    "entered-rule-on-what-is-covered-there": Rule(
        rule="d1", expect=DENIED, answers="topo-setns-preopened"
    ),
    "entered-rule-above": Rule(rule="", expect=ALLOWED, answers="topo-setns-preopened"),
}


@needs(Need.MOUNT)
@covers(READ)
@table(ENTERED)
@own_memory
def test_entered(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """In a namespace that a domain enters, rules hold along the mounts that are there."""
    other = process.fork()
    other.unshare(CLONE_NEWNS)
    other.mount("tmpfs", tree.d1, "tmpfs")
    other.write_file(tree.file, b"")
    assert other.pid
    namespace = process.open(f"/proc/{other.pid.value}/ns/mnt", os.O_RDONLY)
    control = other.observe(Process.open, tree.file, os.O_RDONLY)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    sandboxed.setns(namespace, CLONE_NEWNS)
    judge(case.expect, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


class Domain(Row, frozen=True, kw_only=True):
    """A domain of this ruleset."""

    ruleset: Ruleset


OTHERS = {
    "open-namespace-of-others-files": Domain(ruleset=FILES, covers=FS.EXECUTE),
    "open-namespace-of-others-network": Domain(
        ruleset=Ruleset(net=NET.BIND_TCP), covers=NET.BIND_TCP
    ),
    "open-namespace-of-others-scope": Domain(
        ruleset=Ruleset(scope=SCOPE.SIGNAL), covers=SCOPE.SIGNAL
    ),
}


@needs(Need.MOUNT)
@answers("topo-setns-open-other")
@table(OTHERS)
def test_others(case: Domain, process: Process, judge: Judge) -> None:
    """Whatever a domain handles, it can't open the namespaces of processes outside of it."""
    assert process.pid
    action = (Process.open, f"/proc/{process.pid.value}/ns/mnt", os.O_RDONLY)
    control = process.observe(*action)
    expect = since(case.ruleset.features, Denied("EACCES"))
    judge(expect, process.under(case.ruleset).observe(*action), control)


class Namespace(Row, frozen=True, kw_only=True):
    """How to get the file descriptor of a new mount namespace."""

    make: Callable[[Process, Tree], Call]


MADE = {
    "mount-in-a-cloned-namespace": Namespace(
        make=lambda process, tree: process.open_tree(tree.d1, OPEN_TREE_NAMESPACE),
        needs=(Need.OPEN_TREE_NAMESPACE,),
        answers="topo-open-tree-namespace",
    ),
    "mount-in-a-namespace-of-a-new-file-system": Namespace(
        make=lambda process, _: process.new_mount(flags=FSMOUNT_NAMESPACE),
        needs=(Need.FSMOUNT_NAMESPACE,),
        answers="topo-fsmount-namespace",
    ),
}


@needs(Need.MOUNT)
@covers(FS.EXECUTE)
@table(MADE)
@own_memory
def test_mount_in_a_new_one(case: Namespace, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain may make and enter a mount namespace, and not mount anything there."""
    sandboxed, outside = process.under(FILES), process.fork()
    for entering in (sandboxed, outside):
        entering.setns(case.make(entering, tree), CLONE_NEWNS)
    observed = sandboxed.observe(Process.mount, "tmpfs", "/", "tmpfs")
    control = outside.observe(Process.mount, "tmpfs", "/", "tmpfs")
    judge(since(FS.EXECUTE, Denied("EPERM")), observed, control)


CLONED = {
    "cloned-namespace-rule-on-its-root": Rule(
        rule="d1", expect=ALLOWED, answers="topo-open-tree-namespace-rights"
    ),
    "cloned-namespace-rule-above": Rule(
        rule="", expect=DENIED, answers="topo-open-tree-namespace-rights"
    ),
}


@needs(Need.MOUNT, Need.OPEN_TREE_NAMESPACE)
@covers(READ)
@table(CLONED)
@own_memory
def test_cloned(case: Rule, process: Process, tree: Tree, judge: Judge) -> None:
    """What was above the root of a cloned namespace is above it no more: its rules are lost."""
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    outside = process.fork()
    for entering in (sandboxed, outside):
        entering.setns(entering.open_tree(tree.d1, OPEN_TREE_NAMESPACE), CLONE_NEWNS)
    observed = sandboxed.observe(Process.open, "/file", os.O_RDONLY)
    judge(case.expect, observed, outside.observe(Process.open, "/file", os.O_RDONLY))


def mount_as_another_root(process: Process, tree: Tree) -> None:
    process.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    process.mount("tmpfs", tree.d2, "tmpfs")


@needs(Need.MOUNT, Need.USER_NAMESPACES)
@covers(FS.EXECUTE)
@answers("topo-mount-in-new-userns", "mnt-userns")
@own_memory
def test_mount_in_a_user_namespace(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain may make a user namespace, and gains no right to mount by it."""
    control = process.fork().observe(mount_as_another_root, tree)
    sandboxed = process.under(FILES)
    sandboxed.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    observed = sandboxed.observe(Process.mount, "tmpfs", tree.d2, "tmpfs")
    judge(since(FS.EXECUTE, Denied("EPERM")), observed, control)
