# SPDX-License-Identifier: MIT
"""What the events of an enforcement say of threads that differ, and where no domain is enforced.

Source: security/landlock/tsync.c, restrict_one_thread(); include/trace/events/landlock.h,
landlock_enforce_domain.
"""

from dataclasses import replace

from cases.inheritance.held import tid
from cases.trace.traces import traced
from suite.case import (
    FS, RESTRICT, Allowed, Judge, Need, Outcome, Process, Ruleset, Seen, Trace, answers, covers,
    needs, since, since_layers, vm_only,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)
NO_RULESET = -1
TSYNC, SUBDOMAINS_OFF = RESTRICT.TSYNC, RESTRICT.LOG_SUBDOMAINS_OFF


@vm_only
@answers("trc-enforce-nnp")
@covers(TSYNC)
@needs(Need.TRACEPOINTS, Need.ADMIN, Need.NO_NEW_PRIVS_UNSET)
def test_no_new_privs(process: Process, judge: Judge) -> None:
    """Each event tells of the no_new_privs of its own thread."""
    leader = process.fork()
    caller, strict = leader.thread(), leader.thread()
    strict.no_new_privs()
    who = {tid(leader): "leader", tid(strict): "strict", tid(caller): "caller"}
    with Trace(process, "enforce_domain") as trace:
        restricted = caller.observe(lambda it: it.enforce(it.build(READ), TSYNC))
        events = trace.take()
    outcome: Outcome = restricted.outcome
    if outcome == Allowed():
        told = {who[event.thread]: event.fields["no_new_privs"] for event in events}
        outcome = Seen(", ".join(f"{name} {told.get(name)}" for name in who.values()))
    expect = since(replace(READ, flags=TSYNC).features, Seen("leader 0, strict 1, caller 0"))
    judge(expect, outcome)


@vm_only
@answers("trc-enforce-flags-only")
@covers(TSYNC, SUBDOMAINS_OFF)
@needs(Need.TRACEPOINTS)
def test_without_ruleset(process: Process, judge: Judge) -> None:
    """Flags alone that threads get enforce nothing, also where these have a domain."""
    caller = process.fork()
    caller.thread()
    with Trace(process, "enforce_domain") as trace:
        caller.restrict(replace(READ, flags=TSYNC))
        trace.take()
        asked = caller.observe(Process.restrict_self, NO_RULESET, TSYNC | SUBDOMAINS_OFF)
        events = trace.take()
    features = [replace(READ, flags=TSYNC).features, [TSYNC, SUBDOMAINS_OFF]]
    judge(since_layers(features, Seen("nothing")), traced(trace, events, asked))
