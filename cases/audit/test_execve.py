# SPDX-License-Identifier: MIT
"""Which denials are logged before and after execve(2), by the flags of the domain.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF and
LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON; security/landlock/cred.c, hook_bprm_creds_for_exec().
"""

from collections.abc import Callable

from cases.audit.files import write
from cases.audit.logs import LOGGED, SILENT, logged, sequence
from suite.case import (
    FS, LANDLOCK_DOMAIN, RESTRICT, SCOPE, AuditLog, Case, Denied, Judge, Need, Process, Ruleset,
    Seen, Tree, answers, covers, needs, since, table, vm_only,
)  # fmt: skip
from suite.process.uapi import AT_EXECVE_CHECK

SAME_OFF, NEW_ON = RESTRICT.LOG_SAME_EXEC_OFF, RESTRICT.LOG_NEW_EXEC_ON
WRITE = FS.WRITE_FILE
SIGNAL = Ruleset(scope=SCOPE.SIGNAL)


class Flags(Case, frozen=True, kw_only=True):
    """The flags of a domain."""

    flags: RESTRICT


def flags(given: RESTRICT, before: str, after: str, *answers: str) -> Flags:
    return Flags(
        flags=given,
        covers=given,
        expect=logged([FS.WRITE_FILE, given], Seen(f"{before}, {after}"), NEITHER),
        answers=answers,
    )


NEITHER = Seen(f"{SILENT}, {SILENT}")
FLAGS = {
    "no-flag": flags(RESTRICT(0), LOGGED, SILENT, "aud-same-exec-default", "aud-new-exec-default"),
    "same-exec-off": flags(SAME_OFF, SILENT, SILENT, "aud-same-exec-off"),
    "new-exec-on": flags(NEW_ON, LOGGED, LOGGED, "aud-new-exec-on"),
    "same-exec-off-new-exec-on": flags(SAME_OFF | NEW_ON, SILENT, LOGGED, "aud-flags-3"),
}


@vm_only
@needs(Need.AUDIT)
@table(FLAGS)
def test_flags(case: Flags, process: Process, tree: Tree, judge: Judge) -> None:
    """By default a domain logs what the program that made it is denied, and not what others are."""
    program = tree.program(f"{tree.d1}/program")
    control = process.observe(write, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(fs=WRITE, flags=case.flags))
        executed = sandboxed.fork()
        executed.exec(program)
        denied = [(it.observe(write, tree), log.accesses()) for it in (sandboxed, executed)]
    observed = sequence(*denied)
    judge(case.expect, observed, control)


class Actor(Case, frozen=True, kw_only=True):
    """Who is denied, made from who made the domain, and given a program."""

    make: Callable[[Process, str], Process]


def actor(
    make: Callable[[Process, str], Process], seen: str, *answers: str, need: tuple[Need, ...] = ()
) -> Actor:
    return Actor(
        make=make,
        expect=logged([WRITE], Seen(seen), Seen(SILENT)),
        answers=answers,
        needs=need,
    )


def execute(creator: Process, program: str) -> Process:
    creator.exec(program)
    return creator


def thread_of_child(creator: Process, program: str) -> Process:
    return creator.fork().thread()


def while_a_child_executed(creator: Process, program: str) -> Process:
    creator.fork().exec(program)
    return creator


def child_of_executed(creator: Process, program: str) -> Process:
    return execute(creator, program).fork()


def execute_nothing(creator: Process, program: str) -> Process:
    creator.observe(Process.exec, f"{program}/none")
    creator.observe(Process.exec, "/")
    return creator


def execute_unfit(creator: Process, program: str) -> Process:
    """What the kernel looks into, and finds no program in, after it prepared credentials."""
    creator.observe(Process.exec, f"{program}-unfit")
    return creator


def check_execution(creator: Process, program: str) -> Process:
    creator.exec(program, flags=AT_EXECVE_CHECK)
    return creator


ACTORS = {
    "creator": actor(lambda creator, _: creator, LOGGED, "aud-same-exec-default"),
    "child": actor(lambda creator, _: creator.fork(), LOGGED, "aud-same-exec-default"),
    "thread": actor(lambda creator, _: creator.thread(), LOGGED, "aud-same-exec-default"),
    "thread-of-child": actor(thread_of_child, LOGGED, "aud-same-exec-default"),
    "parent-of-executed": actor(while_a_child_executed, LOGGED, "aud-same-exec-default"),
    "executed": actor(execute, SILENT, "aud-new-exec-default"),
    "child-of-executed": actor(child_of_executed, SILENT, "aud-new-exec-default"),
    "execve-of-nothing": actor(execute_nothing, LOGGED, "aud-failed-exec"),
    "execve-of-no-program": actor(execute_unfit, LOGGED, "aud-failed-exec"),
    "execve-check": actor(check_execution, LOGGED, "aud-execve-check", need=(Need.EXECVE_CHECK,)),
}


@vm_only
@needs(Need.AUDIT)
@table(ACTORS)
def test_actor(case: Actor, process: Process, tree: Tree, judge: Judge) -> None:
    """What runs the program that made the domain is logged, until execve(2) has succeeded."""
    program = tree.program(f"{tree.d1}/program")
    process.write_file(f"{program}-unfit", b"unfit", mode=0o755)
    control = process.observe(write, tree)
    with AuditLog(process) as log:
        creator = process.fork()
        creator.restrict(Ruleset(fs=WRITE))
        acting = case.make(creator, program)
        denied, accesses = acting.observe(write, tree), log.accesses()
    judge(case.expect, sequence((denied, accesses)), control)


@vm_only
@answers("aud-new-exec-on")
@covers(NEW_ON)
@needs(Need.AUDIT)
def test_creator_of_executed(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain's record names the program that made it, not the one that was denied."""
    program = tree.program(f"{tree.d1}/program")
    control = process.observe(write, tree)
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(fs=WRITE, flags=NEW_ON))
        sandboxed.exec(program)
        denied, records = sandboxed.observe(write, tree), log.take()
    exe = [r.fields["exe"] for r in records if r.type == LANDLOCK_DOMAIN and "exe" in r.fields]
    outcome = denied.outcome
    if outcome == Denied("EACCES"):
        outcome = Seen(" ".join(exe))
    judge(since(NEW_ON, Seen("/init")), outcome, control)


class Nested(Case, frozen=True, kw_only=True):
    """The domain that an executed program makes, in one that scopes signals."""

    inner: Ruleset


NESTED = {
    "executed-makes-domain": Nested(
        inner=SIGNAL,
        expect=logged(SIGNAL.features, Seen(LOGGED), Seen(SILENT)),
        answers="aud-exec-nested",
    ),
    "executed-makes-other-domain": Nested(
        inner=Ruleset(fs=WRITE),
        expect=logged(SIGNAL.features, Seen(SILENT), Seen(SILENT)),
        answers="aud-exec-outer-denies",
    ),
}


@vm_only
@needs(Need.AUDIT)
@table(NESTED)
def test_nested(case: Nested, process: Process, tree: Tree, judge: Judge) -> None:
    """After execve(2) it is the domain that denies which decides, by the program that made it."""
    program = tree.program(f"{tree.d1}/program")
    pid = process.getpid()
    control = process.fork().observe(Process.kill, pid, 0)
    with AuditLog(process) as log:
        sandboxed = process.under(SIGNAL)
        sandboxed.exec(program)
        sandboxed.restrict(case.inner)
        denied, accesses = sandboxed.observe(Process.kill, pid, 0), log.accesses()
    observed = sequence((denied, accesses), errno="EPERM")
    judge(case.expect, observed, control)
