# SPDX-License-Identifier: MIT
"""Links to a file whose parent directory is replaced and removed meanwhile.

Source: "landlock: Fix use-after-free of the source's parent directory" (2c6dc7925382,
CVE-2026-97594): link(2) does not lock the directory that its source is in.
"""

import os

from cases.history.complaints import COMPLAINED, KernelLog
from cases.history.race import at_once, give_way, next_tick, worst
from suite.case import (
    FS, O_PATH, Allowed, AuditLog, ByBug, Case, Denied, Expectation, Fd, Judge, Need, Observation,
    Outcome, Process, Tree, answers, covers, fatal, needs, since, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import FREED_PARENT

ROUNDS, FEW = 80, 8
"""The races that might show the bug, and those that show only what happens without a domain."""
LINK = FS.REFER | FS.MAKE_REG | FS.REMOVE_FILE
DENIED = Denied("EXDEV")
DEPTH = 300
"""Of the folder that is linked to: judging a link then takes long enough to be interrupted."""
LOGGED = 12
"""The races for the log, each of which is as good as sure to show the bug to KASAN."""
MUCH = 16 << 20
"""Bytes that take longer to allocate than what was freed takes to be really so (RCU)."""


def owed(outcome: Outcome) -> Expectation:
    return since(FS.REFER, ByBug(FREED_PARENT, before=COMPLAINED, after=outcome))


class Race(Case, frozen=True, kw_only=True):
    """The folder with the rule, and what becomes of every link."""

    rule: str
    outcome: Outcome


RACES = {
    "allowed": Race(rule="", outcome=Allowed(), expect=owed(Allowed())),
    "denied": Race(rule="d2", outcome=DENIED, expect=owed(DENIED)),
}


def link_and_remove(process: Process, fd: Fd, new: str) -> None:
    process.link_fd(fd, new)
    process.unlink(new)


def move_away(process: Process, tree: Tree) -> None:
    """Give the file a new parent, for as long as it takes."""
    folder = f"{tree.d1}/folder"
    process.mkdir(folder)
    process.rename(tree.file, f"{folder}/file")
    process.rename(f"{folder}/file", tree.file)
    process.rmdir(folder)


def race(
    linker: Process, mover: Process, fd: Fd, tree: Tree, *, outcome: Outcome, rounds: int
) -> Outcome:
    links: list[Observation] = []

    def link_often() -> None:
        links.extend(linker.observe(link_and_remove, fd, f"{tree.d2}/new") for _ in range(rounds))

    def move_often() -> None:
        for _ in range(rounds):
            move_away(mover, tree)

    at_once(linker, link_often, move_often)
    return worst(links, outcome)


@vm_only
@fatal(FREED_PARENT)
@covers(FS.REFER)
@answers("llr-30")
@table(RACES)
def test_link(case: Race, process: Process, tree: Tree, judge: Judge) -> None:
    """A link is judged by the directory where its source was, which may be removed meanwhile."""
    log = KernelLog(process)
    fd = process.open(tree.file, O_PATH)
    mover = process.fork()
    control = race(process.fork(), mover, fd, tree, outcome=Allowed(), rounds=FEW)
    sandboxed = process.under(tree.layer(LINK, {case.rule: LINK}))
    outcome = race(sandboxed, mover, fd, tree, outcome=case.outcome, rounds=ROUNDS)
    judge(case.expect, log.judged(outcome), control)


def enter_deep(process: Process, maker: Process, folder: str) -> None:
    """Have a process work in a folder deep below another one; somebody else makes all of them."""
    maker.chdir(folder)
    for _ in range(DEPTH):
        maker.mkdir("d")
        maker.chdir("d")
    process.syscall("fchdir", maker.give(maker.open(".", O_PATH), process))


def move_and_remove(process: Process, tree: Tree, much: Fd) -> None:
    """Give the file a new parent until a link is judged, remove that, and let nobody go on."""
    folder = f"{tree.d1}/folder"
    process.mkdir(folder)
    process.rename(tree.file, f"{folder}/file")
    next_tick(process)
    process.rename(f"{folder}/file", tree.file)
    process.rmdir(folder)
    process.fallocate(much, 0, 0, MUCH)
    process.ftruncate(much, 0)


@vm_only
@fatal(FREED_PARENT)
@covers(FS.REFER)
@answers("llr-30")
@needs(Need.AUDIT, Need.DEBUGGED_CACHES)
def test_logged(process: Process, tree: Tree, judge: Judge) -> None:
    """What the log says of a denied link is read from the directory where its source was.

    It is the last that is done with that directory, so there is time to remove it meanwhile. Where
    nobody looks for uses of freed memory, it would be chance whether a kernel dies of it.
    """
    log = KernelLog(process)
    fd = process.open(tree.file, O_PATH)
    much = process.open(f"{tree.d1}/much", os.O_WRONLY | os.O_CREAT)
    control = process.fork().observe(link_and_remove, fd, f"{tree.d2}/new")
    mover = process.fork()
    links: list[Observation] = []

    def link_often() -> None:
        links.extend(linker.observe(link_and_remove, fd, "new") for _ in range(10 * LOGGED))

    def move_often() -> None:
        for _ in range(LOGGED):
            move_and_remove(mover, tree, much)

    with AuditLog(process):
        linker = process.under(tree.layer(LINK, {"d2": LINK}))
        enter_deep(linker, process.fork(), tree.d2)
        give_way(linker)
        at_once(process, link_often, move_often)
    judge(owed(DENIED), log.judged(worst(links, DENIED)), control)
