# SPDX-License-Identifier: MIT
"""Links to a file whose parent directory is replaced and removed meanwhile.

Source: "landlock: Fix use-after-free of the source's parent directory" (2c6dc7925382,
CVE-2026-97594): link(2) does not lock the directory that its source is in.
"""

from cases.history.complaints import COMPLAINED, KernelLog
from cases.history.race import at_once, worst
from suite.case import (
    FS, O_PATH, Allowed, ByBug, Case, Denied, Expectation, Fd, Judge, Observation, Outcome, Process,
    Tree, answers, covers, since, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import FREED_PARENT

ROUNDS, FEW = 80, 8
"""The races that might show the bug, and those that show only what happens without a domain."""
LINK = FS.REFER | FS.MAKE_REG | FS.REMOVE_FILE


def owed(outcome: Outcome) -> Expectation:
    return since(FS.REFER, ByBug(FREED_PARENT, before=COMPLAINED, after=outcome))


class Race(Case, frozen=True, kw_only=True):
    """The folder with the rule, and what becomes of every link."""

    rule: str
    outcome: Outcome


RACES = {
    "allowed": Race(rule="", outcome=Allowed(), expect=owed(Allowed())),
    "denied": Race(rule="d2", outcome=Denied("EXDEV"), expect=owed(Denied("EXDEV"))),
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
