# SPDX-License-Identifier: MIT
"""Path walks through directories with rules that are removed meanwhile.

Source: "lsm: add the inode_free_security_rcu() LSM implementation hook" (63dff3e48871):
hook_inode_free_security_rcu() in security/landlock/fs.c.
"""

import os

from cases.history.complaints import COMPLAINED, KernelLog
from cases.history.race import at_once, worst
from suite.case import (
    FS, Allowed, ByBug, Denied, Judge, Observation, Outcome, Process, Ruleset, Tree, answers,
    covers, fatal, since, vm_only,
)  # fmt: skip
from suite.landlock.bugs import FREED_INODE

READ = FS.READ_FILE
ROUNDS, FEW = 60, 6
"""The races that might show the bug, and those that show only what happens without a domain."""
GONE, DENIED = Denied("ENOENT"), Denied("EACCES")


def make_and_remove(process: Process, folder: str) -> None:
    """Make a folder with a file, have a ruleset with a rule on it, and remove all."""
    process.mkdir(folder)
    process.write_file(f"{folder}/file", b"")
    process.close(process.build(Ruleset(fs=READ).allow(folder, READ)))
    process.unlink(f"{folder}/file")
    process.rmdir(folder)


def race(reader: Process, maker: Process, folder: str, *expected: Outcome, rounds: int) -> Outcome:
    opened: list[Observation] = []

    def open_often() -> None:
        opened.extend(
            reader.observe(Process.open, f"{folder}/file", os.O_RDONLY) for _ in range(3 * rounds)
        )

    def make_often() -> None:
        for _ in range(rounds):
            make_and_remove(maker, folder)

    at_once(reader, open_often, make_often)
    return worst(opened, *expected)


@vm_only
@fatal(FREED_INODE)
@covers(READ)
@answers("llr-33")
def test_open(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that is denied can't be opened while its directory comes and goes."""
    log = KernelLog(process)
    maker = process.fork()
    control = race(process.fork(), maker, f"{tree.d1}/control", Allowed(), GONE, rounds=FEW)
    sandboxed = process.under(tree.layer(READ, {"d2": READ}))
    outcome = race(sandboxed, maker, f"{tree.d1}/folder", DENIED, GONE, rounds=ROUNDS)
    expect = since(READ, ByBug(FREED_INODE, before=COMPLAINED, after=DENIED))
    judge(expect, log.judged(outcome), control)
