# SPDX-License-Identifier: MIT
"""Who may trace whom: every domain restricts ptrace(2), whatever it handles.

Source: Documentation/userspace-api/landlock.rst, "Ptrace restrictions"; security/landlock/task.c,
hook_ptrace_access_check() and hook_ptrace_traceme().
"""

from cases.ptrace.reach import traceable
from cases.relations import RELATIONS, Relation
from suite.case import (
    FS, NET, PTRACE_ATTACH, PTRACE_TRACEME, SCOPE, Allowed, Case, Denied, Judge, Process, Ruleset,
    answers, since, table,
)  # fmt: skip
from suite.process.uapi import PTRACE_SEIZE

RULESET = Ruleset(fs=FS.MAKE_BLOCK)
DENIED = since(RULESET.features, Denied("EPERM"))
ALLOWED = since(RULESET.features, Allowed())


class Trace(Case, frozen=True, kw_only=True):
    """Tracer and tracee, the request, and what is in each layer."""

    relation: Relation = RELATIONS["domain-to-no-domain"]
    request: int = PTRACE_ATTACH
    ruleset: Ruleset = RULESET


def implied(ruleset: Ruleset) -> Trace:
    expect = since(ruleset.features, Denied("EPERM"))
    return Trace(ruleset=ruleset, expect=expect, answers="ptr-any-domain")


NESTED, SIBLING = "ptr-attach-nested", "ptr-attach-sibling"
ANSWERS = {
    "domain-to-no-domain": "ptr-attach-child-domain",
    "no-domain-to-domain": "ptr-unsandboxed-tracer",
    "same-domain": "ptr-attach-same",
    "same-nested-domain": "ptr-attach-same",
    "domain-to-nested-domain": NESTED,
    "domain-to-twice-nested-domain": NESTED,
    "nested-domain-to-its-parent": NESTED,
    "twice-nested-domain-to-its-grandparent": NESTED,
    "sibling-domains": SIBLING,
    "sibling-domains-in-a-domain": SIBLING,
    "domain-to-one-nested-in-its-sibling": SIBLING,
    "nested-domain-to-a-sibling-of-its-parent": SIBLING,
    "domain-to-child-forked-before": "ptr-attach-parent-domain",
}
CASES = (
    {
        name: Trace(
            relation=relation,
            expect=ALLOWED if relation.reaches else DENIED,
            answers=ANSWERS[name],
        )
        for name, relation in RELATIONS.items()
    }
    | {
        "seize": Trace(request=PTRACE_SEIZE, expect=DENIED, answers="ptr-seize"),
        "domain-for-network": implied(Ruleset(net=NET.BIND_TCP)),
        "domain-for-abstract-unix-sockets": implied(Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)),
        "domain-for-signals": implied(Ruleset(scope=SCOPE.SIGNAL)),
        "domain-that-allows-all": implied(RULESET.allow("/", RULESET.fs)),
    }
    | {
        f"seize-{name}": Trace(
            relation=relation,
            request=PTRACE_SEIZE,
            expect=ALLOWED if relation.reaches else DENIED,
            answers=("ptr-seize", ANSWERS[name]),
        )
        for name, relation in RELATIONS.items()
        if name != "domain-to-no-domain"
    }
)


def trace(tracer: Process, tracee: Process, request: int) -> None:
    assert tracee.pid is not None
    tracer.ptrace(request, tracee.pid)


@table(CASES)
def test_trace(case: Trace, process: Process, judge: Judge) -> None:
    """Tracing is denied to tracees that are not in the tracer's domain or one nested in it."""
    parent = process.fork()
    traceable(process)  # after the fork, which has to be over when it is stopped
    control = parent.observe(trace, process, case.request)
    tracer, tracee = case.relation.pair(parent, case.ruleset)
    judge(case.expect, tracer.observe(trace, traceable(tracee), case.request), control)


@answers("ptr-attach-sibling")
def test_domains_from_one_ruleset(process: Process, judge: Judge) -> None:
    """Two domains are two, though one ruleset made them."""
    control = process.observe(trace, traceable(process.fork()), PTRACE_ATTACH)
    ruleset = process.build(RULESET)
    tracer, tracee = process.fork(), traceable(process.fork())
    for member in (tracer, tracee):
        member.no_new_privs()
        member.enforce(ruleset)
    judge(DENIED, tracer.observe(trace, tracee, PTRACE_ATTACH), control)


class TraceMe(Case, frozen=True, kw_only=True):
    """The layers that both have, and those that parent and child enforce each by itself."""

    both: tuple[Ruleset, ...] = ()
    parent: tuple[Ruleset, ...] = ()
    child: tuple[Ruleset, ...] = ()


ONE = (RULESET,)
OK, PARENT = "ptr-traceme-ok", "ptr-traceme-sandboxed-parent"
TRACE_ME = {
    "traceme-same-domain": TraceMe(both=ONE, expect=ALLOWED, answers=OK),
    "traceme-child-in-domain": TraceMe(child=ONE, expect=ALLOWED, answers=OK),
    "traceme-child-in-nested-domain": TraceMe(both=ONE, child=ONE, expect=ALLOWED, answers=OK),
    "traceme-parent-in-domain": TraceMe(parent=ONE, expect=DENIED, answers=PARENT),
    "traceme-parent-in-nested-domain": TraceMe(both=ONE, parent=ONE, expect=DENIED, answers=PARENT),
    "traceme-sibling-domains": TraceMe(parent=ONE, child=ONE, expect=DENIED, answers=PARENT),
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
