# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC with a call that fails: no thread is changed.

Source: security/landlock/syscalls.c, landlock_restrict_self(): siblings are asked last.
"""

import os
from collections.abc import Callable

from suite.case import (
    FS, MAX_LAYERS, RESTRICT, Allowed, Judge, Need, Observation, Process, Rejected, Row, Ruleset,
    Seen, Tree, answers, covers, needs, own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory

READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
TSYNC, NO_NEW_PRIVS = RESTRICT.TSYNC, RESTRICT.NO_NEW_PRIVS
NO_FD, UNKNOWN_FLAG = -1, 1 << 31


def attempt(process: Process, flags: int = TSYNC) -> Observation:
    return process.observe(Process.restrict_self, process.build(READ), flags)


def bad_fd(process: Process) -> Observation:
    process.build(READ)
    process.no_new_privs()
    return process.observe(Process.restrict_self, NO_FD, TSYNC)


def unknown_flag(process: Process) -> Observation:
    process.no_new_privs()
    return attempt(process, TSYNC | UNKNOWN_FLAG)


def unprivileged(process: Process) -> Observation:
    process.drop_capabilities()
    return attempt(process)


def too_many_layers(process: Process) -> Observation:
    process.restrict(*[WRITE] * MAX_LAYERS)
    return attempt(process)


def too_many_layers_with_no_new_privs(process: Process) -> Observation:
    ruleset = process.build(WRITE)
    for _ in range(MAX_LAYERS):
        process.enforce(ruleset)
    return attempt(process, TSYNC | NO_NEW_PRIVS)


@answers("ts-self-16layers")
@covers(TSYNC)
def test_too_many_layers(process: Process, judge: Judge) -> None:
    """The layers of the caller count."""
    process.thread()
    process.restrict(*[WRITE] * MAX_LAYERS)
    judge(since(TSYNC, Rejected("restrict_self", "E2BIG")), attempt(process))


class Failing(Row, frozen=True, kw_only=True):
    """A call that fails."""

    call: Callable[[Process], Observation]


UNCHANGED = since(READ.fs, Allowed(0))
FAILING = {
    "bad-fd": Failing(call=bad_fd),
    "unknown-flag": Failing(call=unknown_flag),
    "unprivileged": Failing(call=unprivileged),
    "too-many-layers-sibling": Failing(call=too_many_layers, answers="ts-self-16layers"),
    "too-many-layers-no-new-privs": Failing(
        call=too_many_layers_with_no_new_privs,
        needs=(Need.ADMIN,),
        answers="ts-self-16layers",
        covers=(TSYNC, NO_NEW_PRIVS),
    ),
}


@needs(Need.NO_NEW_PRIVS_UNSET)
@covers(TSYNC)
@table(FAILING)
def test_failure(case: Failing, process: Process, tree: Tree, judge: Judge) -> None:
    """A call that fails leaves a sibling as free as it was, and without no_new_privs."""
    sibling = process.thread()
    failed = case.call(process)
    opened = sibling.observe(Process.open, tree.file, os.O_RDWR)
    privileged = sibling.observe(Process.has_no_new_privs)
    observed = privileged.with_value if opened.outcome == Allowed() else opened
    judge(UNCHANGED, observed if failed.outcome != Allowed() else Seen("did not fail"))
