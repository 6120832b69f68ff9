# SPDX-License-Identifier: MIT
"""The events of denied access to other processes: they name the other process, and its domain.

Source: include/trace/events/landlock.h, landlock_deny_ptrace and
landlock_deny_scope_signal; security/landlock/task.c.
"""

import os
import signal
from collections.abc import Callable

from cases.processes import attach, open_root, raise_sigio
from cases.trace.traces import NOTHING, told, traced
from suite.case import (
    FS, PTRACE_TRACEME, SCOPE, Allowed, Call, Case, Denied, Judge, Need, Process, Ruleset, Seen,
    Trace, answers, covers, needs, own_memory, since, split, table, vm_only,
)  # fmt: skip
from suite.process.uapi import PR_SET_NAME

ANY = Ruleset(fs=FS.MAKE_BLOCK)
"""A domain is enough to restrict ptrace(2)."""
SIGNAL = Ruleset(scope=SCOPE.SIGNAL)
DENIALS = "deny_ptrace", "deny_scope_signal"
Action = Callable[[Process, Call], object]


class Access(Case, frozen=True, kw_only=True):
    """Who is in which layers: the caller, the other process, and both before that."""

    call: Action
    errno: str
    caller: tuple[Ruleset, ...]
    other: tuple[Ruleset, ...]
    both: tuple[Ruleset, ...]


def access(
    call: Action,
    ruleset: Ruleset,
    event: str,
    ids: tuple[int, int],
    other: tuple[Ruleset, ...] = (),
    *,
    both: tuple[Ruleset, ...] = (),
    inner: tuple[Ruleset, ...] = (),
    errno: str = "EPERM",
) -> Access:
    """A row; ``ids`` are the numbers of the denying domain and of the other's, or 0."""
    own, others = (f"D{number}" if number else "0" for number in ids)
    name, role = event.split()
    text = (
        f"{name} domain={own} same_exec=1 logged=1 {role}_domain={others} "
        f"{role}_pid=PID {role}_comm=init"
    )
    return Access(
        call=call,
        errno=errno,
        caller=(ruleset, *inner),
        other=other,
        both=both,
        covers=ruleset.scope,
        answers="trc-deny-targets",
        expect=since(ruleset.features, Seen(text)),
    )


def kill(process: Process, pid: Call) -> None:
    process.kill(pid, signal.SIGURG)


def probe(process: Process, pid: Call) -> None:
    process.kill(pid, 0)


def read_file(process: Process, path: str) -> None:
    process.read(process.open(path, os.O_RDONLY), 1024)


TRACED, KILLED = "deny_ptrace tracee", "deny_scope_signal target"
CASES = {
    "attach-no-domain": access(attach, ANY, TRACED, (1, 0)),
    "attach-sibling-domain": access(attach, ANY, TRACED, (2, 1), (ANY,)),
    "attach-parent-domain": access(attach, ANY, TRACED, (2, 1), both=(ANY,)),
    # It is the innermost domain that denies, whatever its layers are about.
    "attach-from-nested-domain": access(attach, ANY, TRACED, (2, 0), inner=(ANY,)),
    "attach-nested-sibling-domain": access(attach, ANY, TRACED, (3, 2), (ANY, ANY)),
    "open-root": access(open_root, ANY, TRACED, (1, 0), errno="EACCES"),
    "signal-no-domain": access(kill, SIGNAL, KILLED, (1, 0)),
    "signal-0": access(probe, SIGNAL, KILLED, (1, 0)),
    "signal-sibling-domain": access(kill, SIGNAL, KILLED, (2, 1), (SIGNAL,)),
    "signal-parent-domain": access(kill, SIGNAL, KILLED, (2, 1), both=(ANY,)),
    "signal-from-unscoped-in-scoped-domain": access(kill, SIGNAL, KILLED, (1, 0), inner=(ANY,)),
    "signal-from-other-scope-in-scoped-domain": access(
        kill,
        SIGNAL,
        KILLED,
        (1, 0),
        inner=(Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET),),
    ),
}


@vm_only
@needs(Need.TRACEPOINTS)
@table(split("trc-task", CASES))
@own_memory
def test_other_process(case: Access, process: Process, judge: Judge) -> None:
    """The event names the other process, and its domain, which is 0 where it has none."""
    free = process.fork()
    control = process.observe(case.call, free.getpid())
    with Trace(process, *DENIALS) as trace:
        common = process.under(*case.both) if case.both else process
        other, caller = common.fork(), common.fork()
        other.restrict(*case.other)
        caller.restrict(*case.caller)
        pid = other.getpid()
        tried = caller.observe(case.call, pid)
        events = trace.take()
    observed = traced(trace, events, tried, case.errno, {str(pid.value): "PID"})
    judge(case.expect, observed, control)


@vm_only
@answers("trc-deny-targets", "llr-44")
@needs(Need.TRACEPOINTS)
@own_memory
def test_traceme(process: Process, judge: Judge) -> None:
    """A denied PTRACE_TRACEME has the domain of the parent, and the caller as its tracee."""
    control = process.fork().fork().observe(Process.ptrace, PTRACE_TRACEME)
    with Trace(process, *DENIALS) as trace:
        parent = process.fork()
        child = parent.fork()
        pid = child.getpid()
        parent.restrict(ANY)
        child.restrict(ANY)
        tried = child.observe(Process.ptrace, PTRACE_TRACEME)
        events = trace.take()
    observed = traced(trace, events, tried, "EPERM", {str(pid.value): "CHILD"})
    text = "deny_ptrace domain=D1 same_exec=1 logged=1 tracee_domain=D2 tracee_pid=CHILD"
    judge(since(ANY.features, Seen(f"{text} tracee_comm=init")), observed, control)


@vm_only
@answers("trc-deny-targets")
@covers(SCOPE.SIGNAL)
@needs(Need.TRACEPOINTS)
def test_sigio(process: Process, judge: Judge) -> None:
    """A SIGIO that a domain keeps from the owner of a file has the event of other signals."""
    target = process.fork()
    target.block_signals(signal.SIGUSR1)
    pid = target.getpid()
    raise_sigio(process, pid)
    control = target.observe(Process.take_signal, signal.SIGUSR1)
    with Trace(process, *DENIALS) as trace:
        sender = process.under(SIGNAL)
        raised = sender.observe(raise_sigio, pid)
        taken = target.observe(Process.take_signal, signal.SIGUSR1)
        events = trace.take()
    outcome = raised.outcome if raised.outcome != Allowed() else taken.outcome
    if outcome == Denied("EAGAIN"):
        outcome = Seen(told(events, {str(pid.value): "PID"}))
    text = "deny_scope_signal domain=D1 same_exec=1 logged=1 target_domain=0 target_pid=PID"
    judge(since(SIGNAL.features, Seen(f"{text} target_comm=init")), outcome, control)


@vm_only
@answers("trc-deny-targets")
@needs(Need.TRACEPOINTS)
def test_escaped_name(process: Process, judge: Judge) -> None:
    """In the name of a process, what could end a field or start one is escaped."""
    other = process.fork()
    other.prctl(PR_SET_NAME, 'a b="c"\\\n\xff')
    pid = other.getpid()
    control = process.observe(kill, pid)
    with Trace(process, *DENIALS) as trace:
        tried = process.under(SIGNAL).observe(kill, pid)
        events = trace.take()
    outcome = tried.outcome
    if outcome == Denied("EPERM"):
        outcome = Seen(" ".join(event.fields["target_comm"] for event in events))
    name = r"a\040b\075\"c\"\\\n\303\277"
    judge(since(SIGNAL.features, Seen(name)), outcome, control)


@vm_only
@answers("trc-noaudit")
@needs(Need.TRACEPOINTS)
@own_memory
def test_unasked(process: Process, judge: Judge) -> None:
    """A file in /proc that only says less to who may not trace is no denial."""
    other = process.fork()
    pid = other.getpid()
    stat = f"/proc/{pid.value}/stat"
    with Trace(process, *DENIALS) as trace:
        sandboxed = process.under(ANY)
        read, before = sandboxed.observe(read_file, stat), trace.take()
        attached, after = sandboxed.observe(attach, pid), trace.take()
    outcome = traced(trace, before, read)
    if outcome == Seen(NOTHING):
        names = ", ".join(event.name for event in after)
        outcome = Seen(f"nothing, then {attached.outcome} with {names}")
    judge(since(ANY.features, Seen("nothing, then EPERM with deny_ptrace")), outcome)
