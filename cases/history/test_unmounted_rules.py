# SPDX-License-Identifier: MIT
"""File systems that are unmounted while rules on their files are held.

Source: hook_sb_delete() in security/landlock/fs.c. Release candidates of Linux 6.18 put inodes
there while they held a lock, which a kernel with CONFIG_DEBUG_ATOMIC_SLEEP tells of (56325e8c68c0).
"""

import os

from cases.history.complaints import KernelLog
from suite.case import (
    CLONE_NEWNS, FS, Denied, Judge, Need, Process, Row, Ruleset, Tree, answers, covers, needs,
    since, table, vm_only,
)  # fmt: skip

READ = FS.READ_FILE
FILES = 8


class Held(Row, frozen=True, kw_only=True):
    """Whether a domain holds the rules, too."""

    enforced: bool


HELD = {"ruleset": Held(enforced=False), "domain": Held(enforced=True)}


@vm_only
@covers(READ)
@answers("llr-48")
@needs(Need.MOUNT)
@table(HELD)
def test_held(case: Held, process: Process, tree: Tree, judge: Judge) -> None:
    """A file system can be unmounted in spite of rules on its files, which then allow nothing."""
    log = KernelLog(process)
    process.unshare(CLONE_NEWNS)
    place = tree.d2
    process.mount("tmpfs", place, "tmpfs")
    paths = [f"{place}/{number}" for number in range(FILES)]
    rules = Ruleset(fs=READ)
    for path in paths:
        process.write_file(path, b"")
        rules = rules.allow(path, READ)
    fd = process.build(rules)
    holder = process.under(rules) if case.enforced else process
    process.umount(place)
    process.mount("tmpfs", place, "tmpfs")
    process.write_file(paths[0], b"")
    control = process.observe(Process.open, paths[0], os.O_RDONLY)
    member = holder.fork()
    member.no_new_privs()
    member.enforce(fd)
    outcome = member.observe(Process.open, paths[0], os.O_RDONLY).outcome
    judge(since(READ, Denied("EACCES")), log.judged(outcome), control)
