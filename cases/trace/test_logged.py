# SPDX-License-Identifier: MIT
"""What the event of a denial says of the log: whether the domain wants the denial there.

Source: security/landlock/log.c, is_denial_logged(); Documentation/trace/events-landlock.rst,
"Audit filtering equivalence".
"""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

from cases.trace.traces import told
from suite.case import (
    FS, RESTRICT, AuditLog, Case, Denied, Event, Expectation, Judge, Need, Observation, Outcome,
    Process, Ruleset, Seen, Trace, Tree, answers, needs, since_layers, split, table, vm_only,
)  # fmt: skip

WRITE, OTHER = Ruleset(fs=FS.WRITE_FILE), Ruleset(fs=FS.MAKE_REG)
QUIET = Ruleset(fs=FS.WRITE_FILE, quiet_fs=FS.WRITE_FILE)
SAME_OFF, NEW_ON = RESTRICT.LOG_SAME_EXEC_OFF, RESTRICT.LOG_NEW_EXEC_ON
SUBDOMAINS_OFF = RESTRICT.LOG_SUBDOMAINS_OFF


class Logged(Case, frozen=True, kw_only=True):
    """The layers of a process that opens a file for writing, then executes, then tries again."""

    layers: tuple[Ruleset, ...]


def owed(*events: str, layers: tuple[Ruleset, ...] = (WRITE,)) -> Expectation:
    features = [ruleset.features for ruleset in layers]
    return since_layers(features, Seen(", ".join(events)))


def logged(before: str, after: str, *layers: Ruleset) -> Logged:
    return Logged(layers=layers, expect=owed(before, after, layers=layers))


def flags(given: RESTRICT, ruleset: Ruleset = WRITE) -> Ruleset:
    return replace(ruleset, flags=given)


def denied(domain: int, same_exec: int, logged: int) -> str:
    return f"D{domain} same_exec={same_exec} logged={logged}"


CASES = {
    "logged-no-flag": logged(denied(1, 1, 1), denied(1, 0, 0), WRITE),
    "logged-same-exec-off": logged(denied(1, 1, 0), denied(1, 0, 0), flags(SAME_OFF)),
    "logged-new-exec-on": logged(denied(1, 1, 1), denied(1, 0, 1), flags(NEW_ON)),
    "logged-after-execve-alone": logged(denied(1, 1, 0), denied(1, 0, 1), flags(SAME_OFF | NEW_ON)),
    "logged-outer-domain": logged(denied(1, 1, 1), denied(1, 0, 0), WRITE, OTHER),
    "logged-inner-domain": logged(denied(2, 1, 1), denied(2, 0, 0), OTHER, WRITE),
    "logged-subdomains-off": logged(
        denied(2, 1, 0), denied(2, 0, 0), flags(SUBDOMAINS_OFF, OTHER), WRITE
    ),
    "logged-subdomains-off-outer-domain": logged(
        denied(1, 1, 1), denied(1, 0, 0), flags(SUBDOMAINS_OFF), OTHER
    ),
    "logged-quiet-rule": logged(denied(1, 1, 0), denied(1, 0, 0), QUIET.quiet("/")),
    "logged-quiet-rule-new-exec-on": logged(
        denied(1, 1, 0), denied(1, 0, 0), flags(NEW_ON, QUIET).quiet("/")
    ),
}


def write(process: Process, tree: Tree) -> Observation:
    return process.observe(Process.open, tree.file, os.O_WRONLY)


def shown(tried: Observation, events: Iterable[Event]) -> Outcome:
    """The domain and the flags of the event of a denial."""
    outcome = tried.outcome
    if outcome != Denied("EACCES"):
        return outcome
    fields = (event.fields for event in events)
    texts = [f"{e['domain']} same_exec={e['same_exec']} logged={e['logged']}" for e in fields]
    return Seen(" + ".join(texts) or told(()))


def joined(*outcomes: Outcome) -> Outcome:
    """Of several: what they say together, or the first that is no denial's."""
    odd = (outcome for outcome in outcomes if not isinstance(outcome, Seen))
    texts = (outcome.what for outcome in outcomes if isinstance(outcome, Seen))
    return next(odd, None) or Seen(", ".join(texts))


@vm_only
@answers("trc-deny-logged")
@needs(Need.TRACEPOINTS)
@table(split("trc", CASES))
def test_flags(case: Logged, process: Process, tree: Tree, judge: Judge) -> None:
    """Each denial has its event, which tells whether the domain's flags and rules log it."""
    program = tree.program(f"{tree.d2}/program")
    control = write(process, tree)
    with Trace(process, "deny_access_fs") as trace:
        sandboxed = process.under(*case.layers)
        before = write(sandboxed, tree), trace.take()
        sandboxed.exec(program)
        after = write(sandboxed, tree), trace.take()
    judge(case.expect, joined(shown(*before), shown(*after)), control)


class Audited(Case, frozen=True, kw_only=True):
    """Whether auditing is on."""

    on: bool


AUDITED = {
    f"logged-audit-{name}": Audited(on=on, expect=owed(denied(1, 1, 1)))
    for name, on in {"off": False, "on": True}.items()
}


@vm_only
@answers("trc-deny-logged")
@needs(Need.TRACEPOINTS, Need.AUDIT)
@table(AUDITED)
def test_auditing(case: Audited, process: Process, tree: Tree, judge: Judge) -> None:
    """Whether auditing is on makes no difference to the event."""
    control = write(process, tree)
    with ExitStack() as stack:
        if case.on:
            stack.enter_context(AuditLog(process))
        trace = stack.enter_context(Trace(process, "deny_access_fs"))
        tried, events = write(process.under(WRITE), tree), trace.take()
    judge(case.expect, shown(tried, events), control)
