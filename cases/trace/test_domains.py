# SPDX-License-Identifier: MIT
"""The events of domains: each is made once, and enforced on each thread that it is for.

Source: include/trace/events/landlock.h, landlock_create_domain and landlock_enforce_domain;
security/landlock/syscalls.c, landlock_restrict_self(); tsync.c, restrict_one_thread();
Documentation/trace/events-landlock.rst, "Domain enforcement".
"""

import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cases.inheritance.held import counter, hold, release, tid, waits
from cases.trace.traces import NOTHING, traced
from suite.case import (
    FS, MAX_LAYERS, RESTRICT, Allowed, Case, Event, Expectation, Facts, Judge, Need, Outcome,
    Process, Rejected, Ruleset, Seen, Trace, Tree, answers, covers, needs, own_memory, since, table,
    vm_only,
)  # fmt: skip

READ, WRITE = Ruleset(fs=FS.READ_FILE), Ruleset(fs=FS.WRITE_FILE)
TSYNC, NO_NEW_PRIVS = RESTRICT.TSYNC, RESTRICT.NO_NEW_PRIVS
SAME_OFF, SUBDOMAINS_OFF = RESTRICT.LOG_SAME_EXEC_OFF, RESTRICT.LOG_SUBDOMAINS_OFF
DOMAINS = "create_domain", "enforce_domain"


class Made(Case, frozen=True, kw_only=True):
    """How a process of a single thread comes into domains."""

    restrict: Callable[[Process, Tree], object]


def created(domain: int, ruleset: str, parent: str = "0") -> str:
    return f"create_domain domain=D{domain} parent={parent} ruleset={ruleset}"


def enforced(domain: int, process_wide: int = 1, no_new_privs: int = 1) -> str:
    flags = f"complete=1 process_wide={process_wide} no_new_privs={no_new_privs}"
    return f"enforce_domain domain=D{domain} {flags}"


def owed(*events: str, flags: RESTRICT = RESTRICT(0)) -> Expectation:
    return since(replace(READ, flags=flags).features, Seen(" + ".join(events)))


def layers(*rulesets: Ruleset) -> Callable[[Process, Tree], object]:
    return lambda process, _: process.restrict(*rulesets)


def with_rules(process: Process, tree: Tree) -> None:
    process.restrict(READ.allow(tree.d1, FS.READ_FILE).allow(tree.d2, FS.READ_FILE))


def twice_by_one_ruleset(process: Process, _: Tree) -> None:
    process.no_new_privs()
    ruleset = process.build(READ)
    process.enforce(ruleset)
    process.enforce(ruleset)


def with_privileges(process: Process, _: Tree) -> None:
    process.enforce(process.build(READ))


def with_flag(process: Process, _: Tree) -> None:
    process.enforce(process.build(READ), NO_NEW_PRIVS)


def without_ruleset(process: Process, _: Tree) -> None:
    process.no_new_privs()
    process.enforce(-1, SUBDOMAINS_OFF)


def without_ruleset_tsync(process: Process, _: Tree) -> None:
    process.no_new_privs()
    process.thread()
    process.enforce(-1, SUBDOMAINS_OFF | TSYNC)


ALONE = created(1, "R1.0"), enforced(1)
MADE = {
    "one-domain": Made(restrict=layers(READ), expect=owed(*ALONE), answers="trc-enforce"),
    "one-domain-with-rules": Made(
        restrict=with_rules,
        expect=owed(created(1, "R1.2"), enforced(1)),
        answers="trc-ruleset-version",
    ),
    "one-domain-not-logged": Made(
        restrict=layers(replace(READ, flags=SAME_OFF)),
        expect=owed(*ALONE, flags=SAME_OFF),
        answers="trc-enforce",
    ),
    "one-domain-tsync": Made(
        restrict=layers(replace(READ, flags=TSYNC)),
        expect=owed(*ALONE, flags=TSYNC),
        answers="trc-enforce",
    ),
    "nested-domains": Made(
        restrict=layers(READ, WRITE, READ),
        expect=owed(
            *ALONE,
            *(created(2, "R2.0", "D1"), enforced(2)),
            *(created(3, "R3.0", "D2"), enforced(3)),
        ),
        answers="trc-create-domain-parent",
    ),
    "nested-domains-of-one-ruleset": Made(
        restrict=twice_by_one_ruleset,
        expect=owed(*ALONE, created(2, "R1.0", "D1"), enforced(2)),
        answers="trc-create-domain-parent",
    ),
    "privileged": Made(
        restrict=with_privileges,
        expect=owed(created(1, "R1.0"), enforced(1, no_new_privs=0)),
        needs=(Need.ADMIN,),
        answers="trc-enforce",
    ),
    "no-new-privs-by-flag": Made(
        restrict=with_flag, expect=owed(*ALONE, flags=NO_NEW_PRIVS), answers="trc-enforce"
    ),
    "without-ruleset": Made(
        restrict=without_ruleset,
        expect=owed(NOTHING, flags=SUBDOMAINS_OFF),
        answers="trc-flags-only",
    ),
    "without-ruleset-tsync": Made(
        restrict=without_ruleset_tsync,
        expect=owed(NOTHING, flags=SUBDOMAINS_OFF | TSYNC),
        answers="trc-flags-only",
    ),
}


@vm_only
@needs(Need.TRACEPOINTS)
@table(MADE)
def test_made(case: Made, process: Process, tree: Tree, judge: Judge) -> None:
    """A domain's events name its ruleset, its parent, and what the enforcement comes to."""
    with Trace(process, *DOMAINS) as trace:
        restricted = process.fork().observe(case.restrict, tree)
        events = trace.take()
    judge(case.expect, traced(trace, events, restricted))


@vm_only
@answers("trc-enforce")
@needs(Need.TRACEPOINTS)
def test_too_many_layers(process: Process, judge: Judge) -> None:
    """A domain that would have too many layers has no event."""
    child = process.under(*[READ] * (MAX_LAYERS - 1))
    with Trace(process, *DOMAINS) as trace:
        child.restrict(READ)
        refused = child.observe(Process.restrict_self, child.build(READ))
        events = trace.take()
    outcome = refused.outcome
    if outcome == Rejected("restrict_self", "E2BIG"):
        outcome = Seen(", ".join(event.name for event in events))
    judge(owed("create_domain, enforce_domain"), outcome)


def steps(events: Sequence[Event], who: dict[int, str]) -> str:
    """Enforcements by the thread that each happened in; the last one stays the last."""
    shown = []
    for event in events:
        wide = "the process" if event.fields["process_wide"] == "1" else "itself"
        last = "last" if event.fields["complete"] == "1" else "first"
        shown.append(f"{last} {who.get(event.thread, 'another')} for {wide}")
    return ", ".join([*sorted(shown[:-1]), *shown[-1:]])


class Threads(Case, frozen=True, kw_only=True):
    """The flag that a thread of four enforces a ruleset with."""

    flags: RESTRICT


THREADS = {
    "threads": Threads(flags=RESTRICT(0), expect=owed("last caller for itself")),
    "threads-tsync": Threads(
        flags=TSYNC,
        covers=TSYNC,
        expect=owed(
            ", ".join(["first sibling for the process"] * 3 + ["last caller for the process"]),
            flags=TSYNC,
        ),
    ),
}


@vm_only
@answers("trc-enforce")
@needs(Need.TRACEPOINTS)
@table(THREADS)
def test_threads(case: Threads, process: Process, judge: Judge) -> None:
    """Each thread that a domain is enforced on tells of it, the caller as the last one."""
    leader = process.fork()
    caller, *others = (leader.thread() for _ in range(3))
    who = {tid(thread): "sibling" for thread in (leader, *others)} | {tid(caller): "caller"}
    with Trace(process, "enforce_domain") as trace:
        restricted = caller.observe(lambda caller: caller.restrict(replace(READ, flags=case.flags)))
        events = trace.take()
    outcome: Outcome = restricted.outcome
    if outcome == Allowed():
        outcome = Seen(steps(events, who))
    judge(case.expect, outcome)


@vm_only
@answers("trc-abort")
@covers(TSYNC)
@needs(Need.TRACEPOINTS)
@own_memory
def test_aborted(process: Process, judge: Judge, facts: Facts) -> None:
    """A domain that a signal keeps from its threads is made and freed, and never enforced."""
    handler = counter(process, facts.machine)
    caller = process.fork()
    handler.install(caller, signal.SIGUSR1)
    thread, witness = caller.thread(), caller.thread()
    hold(process, thread)
    with Trace(process) as trace:
        caller.restrict(replace(READ, flags=TSYNC))
        launched = process.session.launch()
        waited = waits(process, witness, launched)
        process.tgkill(tid(caller), tid(caller), signal.SIGUSR1)
        while not launched.answered and handler.count(process) < 1:
            pass
        release(process, thread)
        launched.settle()
        # The first attempt is over, whenever the kernel gets round to it.
        restricted = caller.observe(Process.getpid)
        outcome = restricted.outcome
        if outcome == Allowed():
            events = trace.until_freed("D1") if waited else []
            outcome = Seen(fate([*events, *trace.take()], "D1"))
    judge(owed("create_domain, free_domain", flags=TSYNC), outcome)


def fate(events: Iterable[Event], domain: str) -> str:
    """What happened to a domain."""
    return ", ".join(event.name for event in events if event.fields.get("domain") == domain)
