# SPDX-License-Identifier: MIT
"""The end of a domain: when it is logged, in which order, and how many denials it counts.

Source: security/landlock/audit.c, landlock_audit_free_domain(); log.c, landlock_log_denial();
Documentation/admin-guide/LSM/landlock.rst, "Observability guarantees and limitations".
"""

import os
from collections.abc import Callable
from itertools import pairwise

from cases.audit.logs import NO_RECORD, denials, logged
from cases.processes import end
from suite.case import (
    ADD_RULE, FS, LANDLOCK_ACCESS, RESTRICT, Allowed, AuditLog, Case, Denied, Expectation, Feature,
    Judge, Need, Observation, Outcome, Process, Ruleset, Seen, Tree, answers, needs, table, vm_only,
)  # fmt: skip

READ, WRITE, LIST = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE), Ruleset(fs=FS.READ_DIR)
FIRST_ID = 1 << 32
MOST_STEP = 16
"""From one number to the next; rulesets have numbers too, since Linux 7.3."""
START_OF_STACK = 27
"""Of /proc/PID/stat, counted from 0."""
DENIED = Denied("EACCES")


def owed(text: str, unlogged: str = NO_RECORD) -> Expectation:
    return logged(WRITE.features, Seen(text), Seen(unlogged))


def write(process: Process, tree: Tree) -> Observation:
    return process.observe(Process.open, tree.file, os.O_WRONLY)


class Counted(Case, frozen=True, kw_only=True):
    """What a domain denies before it denies what is logged."""

    before: Callable[[AuditLog, Process, Tree], object]
    ruleset: Ruleset = WRITE


def counted(
    before: Callable[[AuditLog, Process, Tree], object],
    logs: int,
    denied: int,
    *answers: str,
) -> Counted:
    expect = owed(f"{logs} logged, denials={denied}", f"0 logged, {NO_RECORD}")
    return Counted(before=before, expect=expect, answers=answers)


def nothing(log: AuditLog, sandboxed: Process, tree: Tree) -> None:
    pass


def two_more(log: AuditLog, sandboxed: Process, tree: Tree) -> None:
    write(sandboxed, tree)
    write(sandboxed, tree)


def while_off(log: AuditLog, sandboxed: Process, tree: Tree) -> None:
    with log.paused():
        write(sandboxed, tree)


def while_excluded(log: AuditLog, sandboxed: Process, tree: Tree) -> None:
    with log.excluding(LANDLOCK_ACCESS):
        write(sandboxed, tree)


def after_execve(log: AuditLog, sandboxed: Process, tree: Tree) -> None:
    child = sandboxed.fork()
    child.exec(f"{tree.d1}/program")
    if write(child, tree).outcome == DENIED:
        end(sandboxed, child)


CASES = {
    "ends-after-one-denial": counted(nothing, 1, 1, "aud-denials-counter"),
    "ends-after-three-denials": counted(two_more, 3, 3, "aud-denials-counter"),
    "ends-after-denial-while-off": counted(while_off, 1, 2, "aud-disabled"),
    "ends-after-excluded-denial": counted(while_excluded, 1, 2, "aud-exclude-filter"),
    "ends-after-denial-after-execve": counted(
        after_execve, 1, 2, "aud-denials-counter", "aud-new-exec-default"
    ),
    "ends-after-quiet-denial": Counted(
        before=lambda log, sandboxed, tree: sandboxed.observe(
            Process.open, tree.other, os.O_WRONLY
        ),
        ruleset=Ruleset(fs=FS.WRITE_FILE, quiet_fs=FS.WRITE_FILE),
        covers=ADD_RULE.QUIET,
        expect=logged([ADD_RULE.QUIET], Seen("1 logged, denials=2")),
        answers="aud-denials-counter",
    ),
}


@vm_only
@needs(Need.AUDIT)
@table(CASES)
def test_counts(case: Counted, process: Process, tree: Tree, judge: Judge) -> None:
    """The end of a domain is logged with the number of its denials, whether logged or not."""
    tree.program(f"{tree.d1}/program")
    control = write(process, tree)
    ruleset = case.ruleset.quiet(tree.d2) if case.ruleset.quiet_fs else case.ruleset
    with AuditLog(process) as log:
        sandboxed = process.under(ruleset)
        case.before(log, sandboxed, tree)
        denied, accesses = write(sandboxed, tree), log.accesses()
        outcome = denied.outcome
        if outcome == DENIED:
            outcome = Seen(f"{len(accesses)} logged, {denials(log, process, sandboxed, accesses)}")
    judge(case.expect, outcome, control)


@vm_only
@answers("aud-noaudit-probe")
@needs(Need.AUDIT)
def test_probe(process: Process, tree: Tree, judge: Judge) -> None:
    """That /proc/PID/stat leaves out what only a tracer is told is neither logged nor counted."""
    control = process.observe(stack_of_init, hidden=False)
    with AuditLog(process) as log:
        sandboxed = process.under(WRITE)
        outcome = sandboxed.observe(stack_of_init, hidden=True).outcome
        denied, accesses = write(sandboxed, tree), log.accesses()
        if (outcome, denied.outcome) == (Allowed(), DENIED):
            outcome = Seen(f"{len(accesses)} logged, {denials(log, process, sandboxed, accesses)}")
    judge(owed("1 logged, denials=1", f"0 logged, {NO_RECORD}"), outcome, control)


def stack_of_init(process: Process, *, hidden: bool) -> None:
    """Read where the stack of the first process begins, which is 0 for others than its tracers."""
    stat = process.read_file("/proc/1/stat").decode().split()
    if (stat[START_OF_STACK] == "0") != hidden:
        process.syscall("close", -1)


@vm_only
@answers("aud-domain-dealloc")
@needs(Need.AUDIT)
def test_event(process: Process, tree: Tree, judge: Judge) -> None:
    """The end of a domain is an event of its own, of no system call."""
    control = write(process, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(WRITE)
        denied, accesses = write(sandboxed, tree), log.accesses()
        outcome = denied.outcome
        domain = next((r.fields["domain"] for r in accesses), None)
        end(process, sandboxed)
        ended = log.until_freed(domain) if domain else []
        if outcome == DENIED:
            event = ended[-1].event if ended else 0
            same = [r for r in (*ended, *log.take()) if r.event == event]
            outcome = Seen(" + ".join(r.text.partition(" ")[2] for r in same) or NO_RECORD)
    judge(owed("status=deallocated denials=1"), outcome, control)


class Nested(Case, frozen=True, kw_only=True):
    """Domains, each in the one before it, and which rights the ends that are logged denied."""

    layers: tuple[Ruleset, ...]


def nested(ends: str, *layers: Ruleset) -> Nested:
    return Nested(layers=layers, expect=logged(_features(layers), Seen(ends)))


def _features(layers: tuple[Ruleset, ...]) -> list[Feature]:
    return [feature for layer in layers for feature in layer.features]


UNUSED = Ruleset(fs=FS.MAKE_BLOCK)
SILENT = Ruleset(fs=FS.WRITE_FILE, flags=RESTRICT.LOG_SAME_EXEC_OFF)
NESTED = {
    "nested": nested("read_dir write_file read_file", READ, WRITE, LIST),
    "nested-in-other-order": nested("read_file read_dir write_file", WRITE, LIST, READ),
    "nested-unused": nested("read_dir read_file", READ, UNUSED, LIST),
    "nested-silent": nested("read_dir read_file", READ, SILENT, LIST),
    "nested-innermost-unused": nested("write_file read_file", READ, WRITE, UNUSED),
}


@vm_only
@answers("aud-dealloc-lifo", "aud-domain-dealloc-silent")
@needs(Need.AUDIT)
@table(NESTED)
def test_nested(case: Nested, process: Process, tree: Tree, judge: Judge) -> None:
    """Domains end from the innermost on; the end of one that was not in the log isn't logged."""
    control = process.observe(deny_three, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(*case.layers)
        outcome, blockers = deny_all(log, sandboxed, tree)
        end(process, sandboxed)
        ended = log.until_freed(*blockers)
    freed = [r.fields["domain"] for r in ended if r.fields.get("status") == "deallocated"]
    oldest = min((int(domain, 16) for domain in blockers), default=0)
    # Ends of older domains are those of other cases.
    names = [blockers.get(domain, "?") for domain in freed if int(domain, 16) >= oldest]
    ends = Seen(" ".join(names) or NO_RECORD)
    judge(case.expect, ends if outcome == DENIED else outcome, control)


def deny_three(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)
    process.open(tree.file, os.O_WRONLY)
    process.open(tree.d1, os.O_RDONLY | os.O_DIRECTORY)


def deny_all(log: AuditLog, sandboxed: Process, tree: Tree) -> tuple[Outcome, dict[str, str]]:
    """Try to read, to write and to list: how reading ended, and the denied right by domain."""
    calls = (tree.file, os.O_RDONLY), (tree.file, os.O_WRONLY), (tree.d1, os.O_RDONLY)
    denied = [sandboxed.observe(Process.open, path, flags) for path, flags in calls]
    accesses = log.accesses()
    return denied[0].outcome, {
        r.fields["domain"]: r.fields["blockers"].removeprefix("fs.") for r in accesses
    }


@vm_only
@answers("aud-id-format")
@needs(Need.AUDIT)
def test_numbers(process: Process, tree: Tree, judge: Judge) -> None:
    """Domains have rising hexadecimal numbers above 2^32, not far from each other."""
    control = process.observe(deny_three, tree)
    with AuditLog(process) as log:
        outcome, blockers = deny_all(log, process.under(READ, WRITE, LIST), tree)
    ids = [int(domain, 16) for domain in blockers]
    rising = all(0 < later - id_ <= 2 * MOST_STEP for id_, later in pairwise(ids))
    fit = ids[:1] >= [FIRST_ID] and rising and all(f"{i:x}" in blockers for i in ids)
    text = ("rising" if fit else f"{ids}") if ids else NO_RECORD
    judge(owed("rising"), Seen(text) if outcome == DENIED else outcome, control)
