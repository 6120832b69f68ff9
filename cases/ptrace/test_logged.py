# SPDX-License-Identifier: MIT
"""Which denials of tracing are logged: those that Landlock was asked for.

Source: security/landlock/task.c, hook_ptrace_access_check(); kernel/ptrace.c,
__ptrace_may_access(): users are compared first; kernel/fork.c, may_access_mm(): CAP_PERFMON is
asked for last.
"""

from cases.ptrace.calls import attach
from cases.ptrace.files import opening, reading
from cases.ptrace.reach import RULESET, Action, Target, prepare, traceable
from suite.case import (
    LANDLOCK_ACCESS, AuditLog, Case, Expectation, Judge, Need, Outcome, Process, Seen, denial,
    needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.landlock.changes import LOGGING

pytestmark = own_memory

USER = 1000


def logged(outcome: str) -> Expectation:
    """What a call comes to, and that it is logged where Landlock logs at all."""
    before, after = Seen(f"{outcome}, no record"), Seen(f"{outcome}, ptrace")
    return since(RULESET.features, before, (LOGGING, after))


def not_logged(outcome: str) -> Expectation:
    return since(RULESET.features, Seen(f"{outcome}, no record"))


class Logged(Case, frozen=True, kw_only=True):
    """A call on a process outside of the domain, of the same user or another one."""

    call: Action
    other_user: bool = False


CASES = {
    "logged-attach": Logged(call=attach, expect=logged("EPERM"), answers="ptr-precedence-dac"),
    "not-logged-attach-of-other-user": Logged(
        call=attach,
        other_user=True,
        expect=not_logged("EPERM"),
        answers="ptr-precedence-dac",
    ),
    "logged-though-perfmon-allows": Logged(
        call=opening("environ"),
        expect=logged("allowed"),
        needs=(Need.PERFMON_READS,),
        answers="ptr-perfmon-false-denial",
    ),
    "not-logged-stat": Logged(
        call=reading("stat"), expect=not_logged("allowed"), answers="ptr-proc-stat-zeroed"
    ),
}


@vm_only
@needs(Need.AUDIT)
@table(CASES)
def test_logged(case: Logged, process: Process, judge: Judge) -> None:
    """Landlock logs what it denies, and not what was denied before it is asked."""
    with AuditLog(process) as log:
        outside = process.fork()
        target = Target(traceable(outside).getpid(), prepare(outside, None))
        tracer = process.fork()
        if case.other_user:
            tracer.setuid(USER)
        tracer.restrict(RULESET)
        outcome = tracer.observe(case.call, target).outcome
        record = denial(log.take()).get(LANDLOCK_ACCESS)
    blockers = record.fields["blockers"] if record else "no record"
    judge(case.expect, told(outcome, blockers))


def told(outcome: Outcome, blockers: str) -> Outcome:
    return outcome if str(outcome).startswith("create") else Seen(f"{outcome}, {blockers}")
