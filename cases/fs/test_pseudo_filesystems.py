# SPDX-License-Identifier: MIT
"""Rules on files and directories that no disk holds: their inodes are as good as any.

Source: Documentation/userspace-api/landlock.rst, "Special filesystems".
"""

import os
from pathlib import PurePath

from suite.case import (
    CLONE_NEWNS, FS, Allowed, Denied, Judge, Need, Process, Row, Tree, answers, covers, needs,
    since, table,
)  # fmt: skip

READ = FS.READ_FILE


class Pseudo(Row, frozen=True, kw_only=True):
    """What is mounted on d1/sub, a file in it, and what has a rule."""

    kind: str
    file: str
    rule: str | None = None


FILES = {
    "proc": Pseudo(kind="proc", file="sys/kernel/ostype"),
    "sysfs": Pseudo(kind="sysfs", file="kernel/uevent_seqnum", needs=(Need.SYSFS,)),
    "cgroup2": Pseudo(kind="cgroup2", file="cgroup.procs", needs=(Need.CGROUP2,)),
}
RULES = {
    f"{name}-rule-{where}": Pseudo(kind=row.kind, file=row.file, needs=row.needs, rule=rule)
    for name, row in FILES.items()
    for where, rule in {
        "above-the-mount": "d1",
        "on-the-mount": "d1/sub",
        "on-the-folder": f"d1/sub/{PurePath(row.file).parent}",
        "on-the-file": f"d1/sub/{row.file}",
    }.items()
    if rule != "d1/sub/."  # a file in the root of its file system has no other folder
}


def mount(process: Process, tree: Tree, kind: str) -> None:
    process.unshare(CLONE_NEWNS)
    process.mount(kind, tree.sub, kind)


@needs(Need.MOUNT)
@covers(READ)
@answers("inode-fs-matrix")
@table({f"{name}-no-rule": row for name, row in FILES.items()})
def test_without_a_rule(case: Pseudo, process: Process, tree: Tree, judge: Judge) -> None:
    """Without a rule such a file can't be opened."""
    mount(process, tree, case.kind)
    action = (Process.open, f"{tree.sub}/{case.file}", os.O_RDONLY)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(READ, {"d2": READ}))
    judge(since(READ, Denied("EACCES")), sandboxed.observe(*action), control)


@needs(Need.MOUNT)
@covers(READ)
@answers("inode-fs-matrix")
@table(RULES)
def test_with_a_rule(case: Pseudo, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on it or above it allows to open it."""
    assert case.rule is not None
    mount(process, tree, case.kind)
    sandboxed = process.under(tree.layer(READ, {case.rule: READ}))
    observed = sandboxed.observe(Process.open, f"{tree.sub}/{case.file}", os.O_RDONLY)
    judge(since(READ, Allowed()), observed)
