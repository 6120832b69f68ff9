# SPDX-License-Identifier: MIT
"""Who may trace whom: every domain restricts ptrace(2), whatever it handles.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; security/landlock/task.c,
hook_ptrace_access_check() and hook_ptrace_traceme().
"""

from dataclasses import dataclass

from cases.relations import RELATIONS, Relation
from suite.abi import FS, NET, SCOPE
from suite.calls.tasks import PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_TRACEME
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, table
from suite.ruleset import Ruleset

RULESET = Ruleset(fs=FS.MAKE_BLOCK)
DENIED = since(RULESET.features, Denied("EPERM"))
ALLOWED = since(RULESET.features, Allowed())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(Case):
    """Tracer and tracee, the request, and what is in each layer."""

    relation: Relation = RELATIONS["domain-to-no-domain"]
    request: int = PTRACE_ATTACH
    ruleset: Ruleset = RULESET


def implied(ruleset: Ruleset) -> Trace:
    return Trace(ruleset=ruleset, expect=since(ruleset.features, Denied("EPERM")))


CASES = {
    name: Trace(relation=relation, expect=ALLOWED if relation.reaches else DENIED)
    for name, relation in RELATIONS.items()
} | {
    "seize": Trace(request=PTRACE_SEIZE, expect=DENIED),
    "domain-for-network": implied(Ruleset(net=NET.BIND_TCP)),
    "domain-for-abstract-unix-sockets": implied(Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)),
    "domain-for-signals": implied(Ruleset(scope=SCOPE.SIGNAL)),
    "domain-that-allows-all": implied(RULESET.allow("/", RULESET.fs)),
}


def trace(tracer: Process, tracee: Process, request: int) -> None:
    assert tracee.pid is not None
    tracer.ptrace(request, tracee.pid)


def traceable(process: Process) -> Process:
    """The process, with its consent where Yama asks for it."""
    process.observe(Process.allow_any_tracer)
    return process


@table(CASES)
def test_trace(case: Trace, process: Process, judge: Judge) -> None:
    """Tracing is denied to tracees that are not in the tracer's domain or one nested in it."""
    control = process.observe(trace, traceable(process.fork()), case.request)
    tracer, tracee = case.relation.place(process, case.ruleset)
    judge(case.expect, tracer.observe(trace, traceable(tracee), case.request), control)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceMe(Case):
    """The layers that both have, and those that parent and child enforce each by itself."""

    both: tuple[Ruleset, ...] = ()
    parent: tuple[Ruleset, ...] = ()
    child: tuple[Ruleset, ...] = ()


ONE = (RULESET,)
TRACE_ME = {
    "traceme-same-domain": TraceMe(both=ONE, expect=ALLOWED),
    "traceme-child-in-domain": TraceMe(child=ONE, expect=ALLOWED),
    "traceme-child-in-nested-domain": TraceMe(both=ONE, child=ONE, expect=ALLOWED),
    "traceme-parent-in-domain": TraceMe(parent=ONE, expect=DENIED),
    "traceme-parent-in-nested-domain": TraceMe(both=ONE, parent=ONE, expect=DENIED),
    "traceme-sibling-domains": TraceMe(parent=ONE, child=ONE, expect=DENIED),
}


@table(TRACE_ME)
def test_traceme(case: TraceMe, process: Process, judge: Judge) -> None:
    """PTRACE_TRACEME is denied where the caller's parent may not trace it."""
    control = process.fork().observe(Process.ptrace, PTRACE_TRACEME)
    parent = process.under(*case.both)
    child = parent.fork()
    parent.restrict(*case.parent)
    child.restrict(*case.child)
    judge(case.expect, child.observe(Process.ptrace, PTRACE_TRACEME), control)
