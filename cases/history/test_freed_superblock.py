# SPDX-License-Identifier: MIT
"""File systems that are unmounted while the last rules on them go.

Source: "landlock: Fix superblock use-after-free in release_inode()": release_inode() and
hook_sb_delete() in security/landlock/fs.c.
"""

from collections.abc import Callable

from cases.history.complaints import COMPLAINED, KernelLog
from cases.history.race import at_once
from suite.case import (
    CLONE_NEWNS, FS, MNT_DETACH, Allowed, ByBug, Judge, Need, Process, Row, Ruleset, Tree, answers,
    covers, fatal, needs, since, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import FREED_SUPERBLOCK
from suite.process.uapi import MEMBARRIER_GLOBAL

MOUNTS = 16
FIRST_FD = 300
READ = FS.READ_FILE


class Holder(Row, frozen=True, kw_only=True):
    """What holds the rules, and who lets go of it: makes both from folders, gives the latter."""

    hold: Callable[[Process, list[str]], Callable[[], None]]


def rulesets(process: Process, places: list[str]) -> Callable[[], None]:
    thread = process.thread()
    for number, place in enumerate(places, FIRST_FD):
        fd = process.build(Ruleset(fs=READ).allow(place, READ))
        process.dup_to(fd, number)
        process.close(fd)

    def close() -> None:
        for number in range(FIRST_FD, FIRST_FD + len(places)):
            thread.observe(Process.close, number)

    return close


def domains(process: Process, places: list[str]) -> Callable[[], None]:
    members = [process.under(Ruleset(fs=READ).allow(place, READ)) for place in places]

    def end() -> None:
        for member in members:
            member.exit()

    return end


def nothing(process: Process, places: list[str]) -> Callable[[], None]:
    return lambda: None


HOLDERS = {"rulesets": Holder(hold=rulesets), "domains": Holder(hold=domains)}


def umount_all(process: Process, places: list[str]) -> None:
    for place in places:
        process.umount(place, MNT_DETACH)


@vm_only
@fatal(FREED_SUPERBLOCK)
@covers(READ)
@answers("llr-31")
@needs(Need.MOUNT)
@table(HOLDERS)
def test_umount(case: Holder, process: Process, tree: Tree, judge: Judge) -> None:
    """A file system may be unmounted while rules on its files are released."""
    log = KernelLog(process)
    process.unshare(CLONE_NEWNS)
    places = [f"{tree.path}/{number}" for number in range(MOUNTS)]
    for place in places:
        process.mkdir(place)
    observed = []
    for hold in (nothing, case.hold):
        for place in places:
            process.mount("tmpfs", place, "tmpfs")
        release = hold(process, places)
        at_once(process, release, lambda: observed.append(process.observe(umount_all, places)))
    process.syscall("membarrier", MEMBARRIER_GLOBAL, 0, 0)  # of what is freed later
    control, outcome = (observation.outcome for observation in observed)
    expect = since(READ, ByBug(FREED_SUPERBLOCK, before=COMPLAINED, after=Allowed()))
    judge(expect, log.judged(outcome), control)
