# SPDX-License-Identifier: MIT
"""Which domain's record a denial is, and LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF; security/landlock/
syscalls.c, landlock_restrict_self(); log.c, get_denied_layer().
"""

from collections.abc import Callable

from cases.audit.files import read, write
from cases.audit.logs import LOGGED, NO_RECORD, SILENT, creators, logged, sequence
from suite.case import (
    FS, RESTRICT, SCOPE, AuditLog, ByBug, Case, Denied, Judge, Need, Process, Ruleset, Seen, Tree,
    answers, covers, needs, since, since_layers, table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import LOG_SUBDOMAINS_ON

NO_RULESET = -1
SUBDOMAINS_OFF, SAME_OFF = RESTRICT.LOG_SUBDOMAINS_OFF, RESTRICT.LOG_SAME_EXEC_OFF
WRITE, READ = Ruleset(fs=FS.WRITE_FILE), Ruleset(fs=FS.READ_FILE)
SIGNAL = Ruleset(scope=SCOPE.SIGNAL)


@vm_only
@answers("aud-sub-off")
@covers(SUBDOMAINS_OFF)
@needs(Need.AUDIT)
def test_off(process: Process, tree: Tree, judge: Judge) -> None:
    """With the flag a domain logs what it denies, but those nested in it do not."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(fs=FS.WRITE_FILE, flags=SUBDOMAINS_OFF))
        nested = sandboxed.under(READ)
        calls = (sandboxed, write), (nested, read), (nested, write)
        denied = [(it.observe(call, tree), log.accesses()) for it, call in calls]
    expect = since(SUBDOMAINS_OFF, Seen(f"{LOGGED}, {SILENT}, {LOGGED}"))
    judge(expect, sequence(*denied), control)


class Off(Case, frozen=True, kw_only=True):
    """How a process without a domain, which asked for silent subdomains, gets into one."""

    enter: Callable[[Process], Process]


def by_itself(process: Process) -> Process:
    process.restrict(READ)
    return process


def by_child(process: Process) -> Process:
    return process.under(READ)


def by_thread(process: Process) -> Process:
    return by_itself(process.thread())


def by_nested(process: Process) -> Process:
    """The later flags do not say it again."""
    process.restrict(WRITE)
    return process.under(READ)


SILENCED = since(SUBDOMAINS_OFF, ByBug(LOG_SUBDOMAINS_ON, before=Seen(LOGGED), after=Seen(SILENT)))
OFF = {
    "off-without-ruleset": Off(enter=by_itself, expect=SILENCED, answers="aud-sub-off-m1"),
    "off-without-ruleset-in-child": Off(
        enter=by_child, expect=SILENCED, answers=("aud-sub-off-m1", "llr-41")
    ),
    "off-without-ruleset-in-thread": Off(
        enter=by_thread, expect=SILENCED, answers="aud-sub-off-m1"
    ),
    "off-without-ruleset-nested": Off(
        enter=by_nested, expect=SILENCED, answers="aud-sub-off-irrevocable"
    ),
}


@vm_only
@covers(SUBDOMAINS_OFF)
@needs(Need.AUDIT)
@table(OFF)
def test_off_without_ruleset(case: Off, process: Process, tree: Tree, judge: Judge) -> None:
    """Without a ruleset the flag silences the domains of the caller and of who comes after it."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        caller = process.fork()
        caller.build(READ)
        caller.no_new_privs()
        caller.enforce(NO_RULESET, SUBDOMAINS_OFF)
        denied, accesses = case.enter(caller).observe(read, tree), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)


@vm_only
@answers("aud-sub-off-irrevocable")
@covers(SUBDOMAINS_OFF)
@needs(Need.AUDIT)
def test_off_for_good(process: Process, tree: Tree, judge: Judge) -> None:
    """No domain in between, which lacks the flag, lets those in it log again."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(
            Ruleset(fs=FS.MAKE_BLOCK, flags=SUBDOMAINS_OFF), Ruleset(fs=FS.MAKE_CHAR), READ
        )
        denied, accesses = sandboxed.observe(read, tree), log.accesses()
    judge(since(SUBDOMAINS_OFF, Seen(SILENT)), sequence((denied, accesses)), control)


@vm_only
@answers("aud-sub-off-irrevocable")
@covers(RESTRICT.TSYNC)
@needs(Need.AUDIT)
def test_synced_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """LANDLOCK_RESTRICT_SELF_TSYNC gives threads the caller's state: they log again."""
    control = process.observe(read, tree)
    with AuditLog(process) as log:
        leader = process.fork()
        leader.build(READ)
        leader.no_new_privs()
        thread = leader.thread()
        thread.enforce(NO_RULESET, SUBDOMAINS_OFF)
        leader.restrict(Ruleset(fs=FS.WRITE_FILE, flags=RESTRICT.TSYNC))
        thread.restrict(READ)
        denied, accesses = thread.observe(read, tree), log.accesses()
    expect = since_layers([[FS.READ_FILE, SUBDOMAINS_OFF], [RESTRICT.TSYNC]], Seen(LOGGED))
    judge(expect, sequence((denied, accesses)), control)


class Layers(Case, frozen=True, kw_only=True):
    """A domain that scopes signals, and what a child of its creator makes in it."""

    inner: Ruleset


OUTER, INNER = Seen("outer"), Seen("inner")
LAYERS = {
    "both-deny": Layers(
        inner=SIGNAL, expect=logged(SIGNAL.features, INNER), answers="aud-innermost-denier"
    ),
    "outer-denies": Layers(inner=WRITE, expect=logged(SIGNAL.features, OUTER)),
    "outer-denies-in-silent": Layers(
        inner=Ruleset(fs=FS.WRITE_FILE, flags=SAME_OFF),
        covers=SAME_OFF,
        expect=since_layers([SIGNAL.features, [SAME_OFF]], OUTER),
        answers="aud-outer-layer-denies",
    ),
}


@vm_only
@covers(SCOPE.SIGNAL)
@needs(Need.AUDIT)
@table(LAYERS)
def test_layers(case: Layers, process: Process, judge: Judge) -> None:
    """A denial is logged once, as that of the innermost domain which denies, by its flags."""
    pid = process.getpid()
    control = process.observe(Process.kill, pid, 0)
    with AuditLog(process) as log:
        outer = process.under(SIGNAL)
        inner = outer.under(case.inner)
        denied, records = inner.observe(Process.kill, pid, 0), log.take()
        pids = [(it.getpid(), name) for it, name in ((outer, "outer"), (inner, "inner"))]
    outcome = denied.outcome
    if outcome == Denied("EPERM"):
        names = {str(pid.value): name for pid, name in pids}
        outcome = Seen(" ".join(names[maker] for maker, _ in creators(records)) or NO_RECORD)
    judge(case.expect, outcome, control)
