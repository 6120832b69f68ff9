# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC over siblings with domains, credentials and log flags of their own.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_TSYNC; security/landlock/tsync.c,
restrict_one_thread(): a sibling's Landlock credentials are replaced as a whole, and no others.
"""

import os
from collections.abc import Callable

from cases.audit.logs import LOGGED, sequence
from cases.controls import in_turn
from suite.case import (
    FS, MAX_LAYERS, RESTRICT, AuditLog, Case, Judge, Need, Observation, Process, Rejected, Ruleset,
    Seen, Tree, covers, needs, own_memory, since, table, vm_only,
)  # fmt: skip

pytestmark = own_memory

TSYNC, OFF = RESTRICT.TSYNC, RESTRICT.LOG_SUBDOMAINS_OFF
READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
SYNCED = Ruleset(fs=FS.READ_DIR, flags=TSYNC)
USER = 1000


class Sibling(Case, frozen=True, kw_only=True):
    """The layers that both threads have, those of the sibling alone, and its credentials."""

    both: tuple[Ruleset, ...]
    own: tuple[Ruleset, ...]
    change: Callable[[Process], object]
    kept: Callable[[Process], object]
    """What shows its credentials: a call that comes to something else in another thread."""


def nothing(thread: Process) -> None:
    """Of a sibling that has the credentials of the caller."""


def chroot(thread: Process) -> None:
    thread.chroot("/")


def signal_init(thread: Process) -> None:
    """Which is root's."""
    thread.kill(1, 0)


DOMAINS: dict[str, tuple[tuple[Ruleset, ...], tuple[Ruleset, ...]]] = {
    "no-domain": ((), ()),
    "domain": ((), (READ,)),
    "nested-domain": ((WRITE,), (READ,)),
    "fifteen-layers": ((), (READ,) * (MAX_LAYERS - 1)),
}
CREDENTIALS: dict[str, tuple[Callable[[Process], object], Callable[[Process], object], str]] = {
    "same-credentials": (nothing, chroot, "allowed"),
    "no-capabilities": (Process.drop_capabilities, chroot, "EPERM"),
    "other-user": (lambda thread: thread.setuid(USER), signal_init, "EPERM"),
}


def rows(log: str, seen: str) -> dict[str, Sibling]:
    """What the siblings of all kinds come to; ``seen`` has ``{}`` for what their credentials do."""
    return {
        f"{domain}-{credentials}-{log}": Sibling(
            both=both,
            own=own,
            change=change,
            kept=kept,
            answers=f"ts-sibling-{log}",
            expect=since(SYNCED.features, Seen(seen.format(owed))),
        )
        for domain, (both, own) in DOMAINS.items()
        for credentials, (change, kept, owed) in CREDENTIALS.items()
    }


def sync(case: Sibling, process: Process, *more: Ruleset) -> Process:
    """A sibling that is of its own kind when the leader enforces a ruleset on all threads."""
    process.restrict(*case.both)
    sibling = process.thread()
    sibling.restrict(*case.own, *more)
    case.change(sibling)
    process.restrict(SYNCED)
    return sibling


def read(thread: Process, tree: Tree) -> Observation:
    return thread.observe(Process.open, tree.file, os.O_RDONLY)


@needs(Need.ROOT)
@covers(TSYNC)
@table(rows("loud", "allowed, EACCES, {}"))
def test_replaced(case: Sibling, process: Process, tree: Tree, judge: Judge) -> None:
    """It has the caller's domain, which denies and allows as it does, and keeps its credentials."""
    sibling = sync(case, process)
    opened = read(sibling, tree)
    listed = sibling.observe(Process.open, tree.d1, os.O_RDONLY | os.O_DIRECTORY)
    judge(case.expect, in_turn([opened, listed, sibling.observe(case.kept)]))


@vm_only
@needs(Need.ROOT, Need.AUDIT)
@covers(TSYNC, OFF)
@table(rows("silent", f"{LOGGED}, {{}}"))
def test_log(case: Sibling, process: Process, tree: Tree, judge: Judge) -> None:
    """And where its own subdomains were to log nothing, they log as those of the caller do."""
    with AuditLog(process) as log:
        sibling = sync(case, process, Ruleset(fs=FS.MAKE_FIFO, flags=OFF))
        kept = sibling.observe(case.kept)
        sibling.restrict(READ)
        denied, accesses = read(sibling, tree), log.accesses()
    logged = sequence((denied, accesses))
    told = logged.what if isinstance(logged, Seen) else str(logged)
    outcome = kept.outcome
    judge(case.expect, logged if isinstance(logged, Rejected) else Seen(f"{told}, {outcome}"))
