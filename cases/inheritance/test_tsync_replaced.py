# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC where siblings have domains of their own: these are replaced.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_TSYNC ("overrides the Landlock
configuration of sibling threads"); security/landlock/tsync.c, restrict_one_thread().
"""

import os
from dataclasses import replace

from suite.case import (
    FS, MAX_LAYERS, RESTRICT, ByBug, Case, Expectation, Judge, Observation, Outcome, Process,
    Rejected, Ruleset, Seen, Tree, covers, own_memory, since, table,
)  # fmt: skip
from suite.landlock.bugs import TSYNC_WITHOUT_RULESET

pytestmark = own_memory

READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
BOTH = Ruleset(fs=FS.READ_FILE | FS.WRITE_FILE)
TSYNC = RESTRICT.TSYNC
NO_RULESET, FLAGS_ONLY = -1, TSYNC | RESTRICT.LOG_SUBDOMAINS_OFF
REFUSED = Rejected("restrict_self", "EBADF")


def twice(*observed: Observation) -> Outcome:
    """What the same action came to before and after; or what Landlock refused meanwhile."""
    before, after = (observation.outcome for observation in observed)
    return after if isinstance(after, Rejected) else Seen(f"{before}, then {after}")


def changes(before: str, after: str) -> Expectation:
    return since(TSYNC, Seen(f"{before}, then {after}"))


GAINS, LOSES = changes("EACCES", "allowed"), changes("allowed", "EACCES")
KEPT = changes("EACCES", "EACCES")


def without_ruleset(before: str, after: str) -> Expectation:
    then = Seen(f"{before}, then {after}")
    return since(FLAGS_ONLY, ByBug(TSYNC_WITHOUT_RULESET, before=REFUSED, after=then))


class Replaced(Case, frozen=True, kw_only=True):
    """The layers that both threads have, those of each, and what the sibling opens a file for."""

    both: tuple[Ruleset, ...] = ()
    sibling: tuple[Ruleset, ...] = ()
    caller: tuple[Ruleset, ...] = ()
    """Before its call with the flag."""
    enforced: Ruleset | None = None
    """By that call, if by any."""
    flags: int


STRICTER, LAYERS = "ts-override-stricter", "ts-sib-16layers"
FLAGS = ("ts-flagsonly-override", "llr-28")
DEEP = (READ,) * MAX_LAYERS
CASES = {
    "stricter-domain": Replaced(
        sibling=(BOTH,), enforced=WRITE, flags=os.O_RDONLY, expect=GAINS, answers=STRICTER
    ),
    "stricter-domain-common-right": Replaced(
        sibling=(BOTH,), enforced=WRITE, flags=os.O_WRONLY, expect=KEPT, answers=STRICTER
    ),
    "other-domain": Replaced(
        sibling=(READ,), enforced=WRITE, flags=os.O_RDONLY, expect=GAINS, answers=STRICTER
    ),
    "other-domain-new-right": Replaced(
        sibling=(READ,), enforced=WRITE, flags=os.O_WRONLY, expect=LOSES, answers=STRICTER
    ),
    "nested-domain": Replaced(
        both=(WRITE,),
        sibling=(READ,),
        enforced=WRITE,
        flags=os.O_RDONLY,
        expect=GAINS,
        answers=STRICTER,
    ),
    "nested-domain-outer-right": Replaced(
        both=(WRITE,),
        sibling=(READ,),
        enforced=READ,
        flags=os.O_WRONLY,
        expect=KEPT,
        answers=STRICTER,
    ),
    "domain-of-caller": Replaced(
        sibling=(READ,),
        caller=(WRITE,),
        enforced=READ,
        flags=os.O_WRONLY,
        expect=LOSES,
        answers=STRICTER,
    ),
    "sixteen-layers": Replaced(
        sibling=DEEP, enforced=WRITE, flags=os.O_RDONLY, expect=GAINS, answers=LAYERS
    ),
    "sixteen-layers-new-right": Replaced(
        sibling=DEEP, enforced=WRITE, flags=os.O_WRONLY, expect=LOSES, answers=LAYERS
    ),
    "flags-only": Replaced(
        sibling=(READ,),
        flags=os.O_RDONLY,
        expect=without_ruleset("EACCES", "allowed"),
        answers=FLAGS,
    ),
    "flags-only-nested-domain": Replaced(
        both=(WRITE,),
        sibling=(READ,),
        flags=os.O_RDONLY,
        expect=without_ruleset("EACCES", "allowed"),
        answers=FLAGS,
    ),
    "flags-only-domain-of-caller": Replaced(
        caller=(WRITE,),
        flags=os.O_WRONLY,
        expect=without_ruleset("allowed", "EACCES"),
        answers=FLAGS,
    ),
}


@covers(TSYNC)
@table(CASES)
def test_replaced(case: Replaced, process: Process, tree: Tree, judge: Judge) -> None:
    """A sibling's domain is replaced by that of the caller, be it stricter or not."""
    process.restrict(*case.both)
    sibling = process.thread()
    sibling.restrict(*case.sibling)
    process.restrict(*case.caller)
    before = sibling.observe(Process.open, tree.file, case.flags)
    if case.enforced:
        process.restrict(replace(case.enforced, flags=TSYNC))
    else:
        process.build(READ)
        process.enforce(NO_RULESET, FLAGS_ONLY)
    after = sibling.observe(Process.open, tree.file, case.flags)
    judge(case.expect, twice(before, after))
