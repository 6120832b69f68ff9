# SPDX-License-Identifier: MIT
"""The events of rulesets and domains that are freed, once nothing uses them.

Source: include/trace/events/landlock.h, landlock_free_ruleset and landlock_free_domain ("Lifecycle
consistency"); security/landlock/ruleset.c, landlock_put_ruleset(); domain.c,
landlock_put_domain_deferred().
"""

import os
from collections.abc import Callable
from dataclasses import replace

from cases.processes import end
from cases.trace.traces import NOTHING, told, traced
from suite.case import (
    FS, F_SETOWN, RESTRICT, SCOPE, Case, Denied, Expectation, Fd, Int, Judge, Need, Observation,
    Outcome, Process, Ruleset, Seen, Trace, Tree, answers, needs, since, table, vm_only,
)  # fmt: skip

READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
QUIET = Ruleset(fs=FS.READ_FILE, quiet_fs=FS.READ_FILE)
FREED = "free_ruleset ruleset=R1.0"


def owed(text: str, *rulesets: Ruleset) -> Expectation:
    features = [feature for ruleset in rulesets or (READ,) for feature in ruleset.features]
    return since(features, Seen(text))


class Last(Case, frozen=True, kw_only=True):
    """What is done to a process with a ruleset, given its file descriptor."""

    use: Callable[[Process, Fd], object]


def close(process: Process, fd: Fd) -> None:
    process.close(fd)


def close_one_of_two(process: Process, fd: Fd) -> None:
    process.dup(fd)
    process.close(fd)


def close_both(process: Process, fd: Fd) -> None:
    process.close(process.dup(fd))
    process.close(fd)


def close_with_domain(process: Process, fd: Fd) -> None:
    process.no_new_privs()
    process.enforce(fd)
    process.close(fd)


def give_away(process: Process, fd: Fd) -> None:
    process.give(fd, process.fork())
    process.close(fd)


def keep(process: Process, fd: Fd) -> None:
    process.fcntl(fd, 1)


LAST = {
    "ruleset-kept": Last(use=keep, expect=owed(NOTHING)),
    "ruleset-closed": Last(use=close, expect=owed(FREED)),
    "ruleset-closed-once-of-twice": Last(use=close_one_of_two, expect=owed(NOTHING)),
    "ruleset-closed-twice": Last(use=close_both, expect=owed(FREED)),
    "ruleset-given-away": Last(use=give_away, expect=owed(NOTHING)),
    "ruleset-of-living-domain": Last(use=close_with_domain, expect=owed(FREED)),
}


@vm_only
@answers("trc-ruleset-version")
@needs(Need.TRACEPOINTS)
@table(LAST)
def test_ruleset(case: Last, process: Process, judge: Judge) -> None:
    """A ruleset is freed with the last file descriptor of it, whether it was enforced or not."""
    with Trace(process, "free_ruleset") as trace:
        child = process.fork()
        used = child.observe(case.use, child.build(READ))
        events = trace.take()
    judge(case.expect, traced(trace, events, used))


def deny(process: Process, tree: Tree, flags: int, times: int) -> list[Observation]:
    return [process.observe(Process.open, tree.file, flags) for _ in range(times)]


def freed(trace: Trace, process: Process, child: Process, *denied: Observation) -> Outcome:
    """What is freed with the last process of a domain, once all of these were denied."""
    for observation in denied:
        if observation.outcome != Denied("EACCES"):
            return observation.outcome
    end(process, child)
    return Seen(told(trace.until_freed("D1")))


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
def test_nested_domains(process: Process, tree: Tree, judge: Judge) -> None:
    """With the last process its domains are freed, the innermost first, each with its denials."""
    control = process.observe(Process.open, tree.file, os.O_RDWR)
    with Trace(process, "free_domain") as trace:
        child = process.under(READ, WRITE)
        denied = [*deny(child, tree, os.O_RDONLY, 3), *deny(child, tree, os.O_WRONLY, 2)]
        observed = freed(trace, process, child, *denied)
    text = "free_domain domain=D2 denials=2 + free_domain domain=D1 denials=3"
    judge(owed(text), observed, control)


class Counted(Case, frozen=True, kw_only=True):
    """A domain in which reading is denied, and tried twice."""

    ruleset: Ruleset


def counted(ruleset: Ruleset) -> Counted:
    return Counted(ruleset=ruleset, expect=owed("free_domain domain=D1 denials=2", ruleset))


COUNTED = {
    "counted": counted(READ),
    "counted-not-logged": counted(replace(READ, flags=RESTRICT.LOG_SAME_EXEC_OFF)),
    "counted-quiet": counted(QUIET.quiet("/")),
}


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
@table(COUNTED)
def test_denials(case: Counted, process: Process, tree: Tree, judge: Judge) -> None:
    """Each denial counts, whether it is logged or not."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with Trace(process, "free_domain") as trace:
        child = process.under(case.ruleset)
        observed = freed(trace, process, child, *deny(child, tree, os.O_RDONLY, 2))
    judge(case.expect, observed, control)


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
def test_by_kernel(process: Process, tree: Tree, judge: Judge) -> None:
    """It is not its last process that frees a domain."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with Trace(process, "free_domain") as trace:
        child = process.under(READ)
        denied = child.observe(Process.open, tree.file, os.O_RDONLY)
        calls = child.getpid(), process.getpid()
        outcome = denied.outcome
        if outcome == Denied("EACCES"):
            pids = {call.value for call in calls}
            end(process, child)
            threads = [event.thread for event in trace.until_freed("D1")]
            who = {"by its process" if thread in pids else "by another" for thread in threads}
            outcome = Seen(", ".join(who) or NOTHING)
    judge(owed("by another"), outcome, control)


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
def test_heir(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain outlives who made it, while a child of that one is in it."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    with Trace(process, "deny_access_fs", "free_domain") as trace:
        maker = process.fork()
        maker.restrict(READ)
        heir = maker.fork()
        end(process, maker)
        denied = heir.observe(Process.open, tree.file, os.O_RDONLY)
        outcome = denied.outcome
        if outcome == Denied("EACCES"):
            heir.exit()
            outcome = Seen(", ".join(event.name for event in trace.until_freed("D1")))
    judge(owed("deny_access_fs, free_domain"), outcome, control)


SCOPED, OTHER = Ruleset(scope=SCOPE.SIGNAL), Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
FREED_1, FREED_2 = (f"free_domain domain={name} denials=0" for name in ("D1", "D2"))


class Owned(Case, frozen=True, kw_only=True):
    """Who sets an owner of a file that stays open, and whether that is its parent or itself."""

    ruleset: Ruleset
    outside: bool


OWNED = {
    "owner-set-without-scope": Owned(ruleset=READ, outside=True, expect=owed(FREED_1, READ)),
    "owner-set-with-other-scope": Owned(ruleset=OTHER, outside=True, expect=owed(FREED_1, OTHER)),
    "owner-set-to-itself": Owned(ruleset=SCOPED, outside=False, expect=owed(FREED_1, SCOPED)),
}


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
@table(OWNED)
def test_owner(case: Owned, process: Process, judge: Judge) -> None:
    """A file keeps no domain for whose owner no scope will ever be asked about."""
    with Trace(process, "free_domain") as trace:
        fd = Int(process.pipe(), 0)
        child = process.under(case.ruleset)
        pid = process.getpid() if case.outside else child.getpid()
        child.fcntl(fd, F_SETOWN, pid)
        observed = freed(trace, process, child)
    judge(case.expect, observed)


@vm_only
@answers("trc-free-domain")
@needs(Need.TRACEPOINTS)
def test_owner_kept(process: Process, judge: Judge) -> None:
    """A file keeps the scoped domain of who set another process as its owner, until it is closed.

    That another domain is freed before, which lost its last process later, shows it.
    """
    with Trace(process, "free_domain") as trace:
        fd = Int(process.pipe(), 0)
        owner, other = process.under(SCOPED), process.under(READ)
        owner.fcntl(fd, F_SETOWN, process.getpid())
        end(process, owner)
        end(process, other)
        events = trace.until_freed("D2")
        process.close(fd)
        events += trace.until_freed("D1")
    judge(owed(f"{FREED_2} + {FREED_1}", SCOPED), Seen(told(events)))
