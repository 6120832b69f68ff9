# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL: who may signal whom, in every way that there is.

Source: include/uapi/linux/landlock.h, LANDLOCK_SCOPE_SIGNAL; Documentation/userspace-api/
landlock.rst, "IPC scoping"; hook_task_kill() in security/landlock/task.c.
"""

import signal
from signal import SIGUSR1

from cases.relations import SCOPE_RELATIONS, UNSCOPED, Between, Relation, between
from cases.scope.signals import (
    ALLOWED,
    BY_PIDFD,
    DENIED,
    SCOPED,
    WAYS,
    Send,
    deliver,
    kill,
    pid,
)
from suite.case import (
    FS, SCOPE, Allowed, Case, Judge, Need, Process, Ruleset, answers, covers, own_memory, since,
    table,
)  # fmt: skip

RELATIONS = {
    "domain-to-no-domain": "sig-kill-0",
    "no-domain-to-domain": "sig-unsandboxed-to-sandboxed",
    "same-domain": "sig-kill-postchild",
    "domain-to-nested-domain": "sig-nested-down",
    "nested-domain-to-its-parent": "sig-nested-up",
    "sibling-domains": "sig-sibling",
    "unscoped-in-scoped-domain-to-no-domain": "sig-nested-unscoped",
    "unscoped-in-scoped-domain-to-its-parent": "sig-nested-unscoped",
}


@covers(SCOPE.SIGNAL)
@table(between(SCOPE_RELATIONS, ALLOWED, DENIED, RELATIONS))
def test_permission(case: Between, process: Process, judge: Judge) -> None:
    """Signal 0, which only asks, tells that kill(2) is denied out of the domain."""
    sender, receiver = case.relation.pair(process.fork(), SCOPED)
    control = process.observe(kill, pid(receiver), 0)
    judge(case.expect, sender.observe(kill, pid(receiver), 0), control)


@answers("sig-nested-unscoped")
@covers(SCOPE.SIGNAL)
def test_other_scope_in_domain(process: Process, judge: Judge) -> None:
    """A nested layer with the other scope alone does not keep a process from its outer domain."""
    outer = process.under(SCOPED)
    inner = outer.under(Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET))
    judge(ALLOWED, inner.observe(kill, pid(outer), 0))


class Way(Case, frozen=True, kw_only=True):
    """A way to send a signal, and who sends it to whom."""

    send: Send
    relation: Relation


ANSWERS = {
    "tkill": "sig-tkill",
    "tgkill": "sig-tkill",
    "sigqueue": "sig-sigqueue",
    "tgsigqueue": "sig-sigqueue",
    "pidfd": "sig-pidfd",
    "pidfd-thread": "sig-pidfd",
}
PROCESSES = {
    f"{way}-{name}": Way(
        send=send,
        relation=relation,
        needs=(Need.PIDFD_SIGNAL_FLAGS,) if way in BY_PIDFD else (),
        answers=ANSWERS.get(way, ()),
        expect=ALLOWED if relation.reaches else DENIED,
    )
    for way, send in WAYS.items()
    for name, relation in SCOPE_RELATIONS.items()
}


@covers(SCOPE.SIGNAL)
@table(PROCESSES)
def test_processes(case: Way, process: Process, judge: Judge) -> None:
    """A signal comes to the sender's domain and to those nested in it, in whatever way it is sent.

    The receiver leads a process group of its own, so that it is its only member.
    """
    sender, receiver = case.relation.pair(process.fork(), SCOPED)
    receiver.setpgid()
    receiver.block_signals(SIGUSR1)
    control = deliver(case.send, process, receiver)
    judge(case.expect, deliver(case.send, sender, receiver).outcome, control.outcome)


class Number(Case, frozen=True, kw_only=True):
    """A signal, to a process that blocks it if it can."""

    number: int


NUMBERS = {
    number.name.lower(): Number(
        number=number,
        answers="sig-kill-cont" if number == signal.SIGCONT else "sig-kill-outside",
        expect=DENIED,
    )
    for number in (
        signal.SIGHUP,
        signal.SIGTRAP,
        signal.SIGURG,
        signal.SIGTSTP,
        signal.SIGCONT,
        signal.SIGTERM,
        signal.SIGRTMAX,
        signal.SIGSTOP,
        signal.SIGKILL,
    )
}


@covers(SCOPE.SIGNAL)
@table(NUMBERS)
@own_memory
def test_numbers(case: Number, process: Process, judge: Judge) -> None:
    """Every signal is scoped, SIGCONT in a session too; the receiver goes on undisturbed."""
    control = process.observe(kill, pid(process.fork()), case.number)
    receiver = process.fork()
    receiver.block_signals(case.number)
    judge(DENIED, deliver(kill, process.under(SCOPED), receiver, case.number).outcome, control)


@answers("sig-fs-only-domain")
def test_without_the_scope(process: Process, judge: Judge) -> None:
    """A domain without the scope restricts no signals, unlike ptrace(2)."""
    observed = process.under(UNSCOPED).observe(kill, pid(process), 0)
    judge(since(FS.EXECUTE, Allowed()), observed)


def test_with_the_other_scope(process: Process, judge: Judge) -> None:
    """A domain that scopes abstract UNIX sockets alone restricts no signals."""
    other = Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
    judge(since(other.features, Allowed()), process.under(other).observe(kill, pid(process), 0))


class ToItself(Case, frozen=True, kw_only=True):
    """A way for a process to signal itself."""

    send: Send


TO_ITSELF = {
    f"{way}-itself": ToItself(
        send=send,
        needs=(Need.PIDFD_SIGNAL_FLAGS,) if way in BY_PIDFD else (),
        answers="sig-self",
        expect=ALLOWED,
    )
    for way, send in WAYS.items()
}


@covers(SCOPE.SIGNAL)
@table(TO_ITSELF)
def test_to_itself(case: ToItself, process: Process, judge: Judge) -> None:
    """A process may signal itself."""
    sandboxed = process.under(SCOPED)
    sandboxed.setpgid()
    sandboxed.block_signals(SIGUSR1)
    judge(ALLOWED, deliver(case.send, sandboxed, sandboxed).outcome)
