# SPDX-License-Identifier: MIT
"""chroot(2) and pivot_root(2): a new root changes no rule.

Source: Documentation/userspace-api/landlock.rst, "Filesystem topology modification": "chroot(2)
calls are not denied"; hook_sb_pivotroot() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable

from cases.fs.roots import new_root
from suite.case import (
    FS, O_PATH, Allowed, Case, Denied, Judge, Need, Process, Ruleset, Tree, covers, needs, since,
    table,
)  # fmt: skip

READ, READ_DIR = FS.READ_FILE, FS.READ_DIR
ALLOWED, DENIED = since(READ, Allowed()), since(READ, Denied("EACCES"))


def open_file(process: Process) -> None:
    process.open("/file", os.O_RDONLY)


def open_root(process: Process) -> None:
    process.open("/", os.O_RDONLY | os.O_DIRECTORY)


def stat_file(process: Process) -> None:
    process.stat("/file")


class Chroot(Case, frozen=True, kw_only=True):
    """The folder with a rule, if any, and a call once d1 is the root."""

    rule: str | None
    call: Callable[[Process], object]


CHROOT = {
    "chroot-rule-above-open": Chroot(
        rule="", call=open_file, expect=ALLOWED, answers=("topo-chroot-allowed", "mnt-detached-ok")
    ),
    "chroot-rule-above-list": Chroot(
        rule="", call=open_root, expect=ALLOWED, answers=("topo-chroot-allowed", "mnt-detached-ok")
    ),
    "chroot-no-rule-open": Chroot(
        rule=None, call=open_file, expect=DENIED, answers="topo-chroot-no-gain"
    ),
    "chroot-no-rule-list": Chroot(
        rule=None, call=open_root, expect=DENIED, answers="topo-chroot-no-gain"
    ),
    "chroot-no-rule-stat": Chroot(
        rule=None, call=stat_file, expect=ALLOWED, answers="topo-chroot-no-gain"
    ),
}


def sandbox(case: Chroot, process: Process, tree: Tree) -> Process:
    rules = {} if case.rule is None else {case.rule: READ | READ_DIR}
    return process.under(tree.layer(READ | READ_DIR, rules))


@needs(Need.MOUNT)
@covers(READ, READ_DIR)
@table(CHROOT)
def test_chroot(case: Chroot, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain may change its root: the rules above it hold on, and nothing is gained."""
    outside, sandboxed = process.fork(), sandbox(case, process, tree)
    sandboxed.chroot(tree.d1)
    outside.chroot(tree.d1)
    judge(case.expect, sandboxed.observe(case.call), outside.observe(case.call))


FCHROOT = {
    "fchroot-rule-above-open": Chroot(
        rule="", call=open_file, expect=ALLOWED, answers="topo-fchroot"
    ),
    "fchroot-no-rule-open": Chroot(
        rule=None, call=open_file, expect=DENIED, answers="topo-fchroot"
    ),
    "fchroot-no-rule-stat": Chroot(
        rule=None, call=stat_file, expect=ALLOWED, answers="topo-fchroot"
    ),
}


@needs(Need.MOUNT, Need.FCHROOT)
@covers(READ, READ_DIR)
@table(FCHROOT)
def test_fchroot(case: Chroot, process: Process, tree: Tree, judge: Judge) -> None:
    """The same by fchroot(2), for which a file descriptor opened with O_PATH is enough."""
    folder = process.open(tree.d1, O_PATH)
    outside, sandboxed = process.fork(), sandbox(case, process, tree)
    sandboxed.fchroot(folder)
    outside.fchroot(folder)
    judge(case.expect, sandboxed.observe(case.call), outside.observe(case.call))


class Pivoted(Case, frozen=True, kw_only=True):
    """A folder that is opened, with a rule on ``/folder`` alone."""

    path: str


PIVOTED = {
    "pivoted-folder": Pivoted(
        path="/folder", expect=ALLOWED, answers="topo-rule-inside-pivoted-ns"
    ),
    "pivoted-folder-beneath": Pivoted(
        path="/folder/beneath", expect=ALLOWED, answers="topo-rule-inside-pivoted-ns"
    ),
    "pivoted-root": Pivoted(path="/", expect=DENIED, answers="topo-rule-inside-pivoted-ns"),
    "pivoted-old-root": Pivoted(path="/old", expect=DENIED, answers="topo-rule-inside-pivoted-ns"),
}


@needs(Need.MOUNT)
@covers(READ_DIR)
@table(PIVOTED)
def test_pivoted(case: Pivoted, process: Process, tree: Tree, judge: Judge) -> None:
    """Rules that are made after pivot_root(2) hold in the new root."""
    root = new_root(process, tree)
    root.pivot_root("/mount", "/mount/old")
    root.chdir("/")
    root.mkdir("/folder")
    root.mkdir("/folder/beneath")
    action = (Process.open, case.path, os.O_RDONLY | os.O_DIRECTORY)
    control = root.observe(*action)
    sandboxed = root.under(Ruleset(fs=READ_DIR).allow("/folder", READ_DIR))
    judge(case.expect, sandboxed.observe(*action), control)
