# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL where a signal goes to several processes: those in reach get it.

Source: __kill_pgrp_info() and kill_something_info() in kernel/signal.c; kill(2).
"""

from collections.abc import Callable
from signal import SIGUSR1

from cases.scope.signals import ALLOWED, DENIED, SCOPED, pid
from suite.case import (
    CLONE_NEWPID, SCOPE, Allowed, Case, Judge, Need, Observation, Outcome, Process, Seen, answers,
    covers, needs, table,
)  # fmt: skip
from suite.process.uapi import PIDFD_SIGNAL_PROCESS_GROUP


class Group(Case, frozen=True, kw_only=True):
    """A way to signal a process group, given its leader."""

    send: Callable[[Process, Process], object]


def kill_own_group(sender: Process, _: Process) -> None:
    sender.kill(0, SIGUSR1)


def kill_group(sender: Process, leader: Process) -> None:
    sender.kill(-pid(leader).value, SIGUSR1)


def pidfd_group(sender: Process, leader: Process) -> None:
    pidfd = sender.pidfd_open(pid(leader))
    sender.pidfd_send_signal(pidfd, SIGUSR1, PIDFD_SIGNAL_PROCESS_GROUP)


def came_to(told: Observation, wanted: list[Process], others: list[Process]) -> Outcome:
    """What the sender was told, if the signal came to those that it was for and to no others."""
    found = [member.observe(Process.take_signal, SIGUSR1) for member in (*wanted, *others)]
    if told.outcome == Allowed():
        came = [observation.outcome == Allowed() for observation in found]
        if came != [True] * len(wanted) + [False] * len(others):
            return Seen(f"came to {came}")
    return told.outcome


MIXED = {
    "own-group": Group(send=kill_own_group, answers="sig-pgrp-mixed", expect=ALLOWED),
    "group": Group(send=kill_group, answers="sig-pgrp-mixed", expect=ALLOWED),
    "group-of-pidfd": Group(
        send=pidfd_group,
        needs=(Need.PIDFD_SIGNAL_FLAGS,),
        answers="sig-pidfd-pgrp",
        expect=ALLOWED,
    ),
}


@covers(SCOPE.SIGNAL)
@table(MIXED)
def test_mixed(case: Group, process: Process, judge: Judge) -> None:
    """A signal to a process group comes to its members in the domain, and to no other ones."""
    process.setpgid()
    process.block_signals(SIGUSR1)
    sender = process.fork()
    outside = [process, process.fork(), sender]
    control = came_to(sender.observe(case.send, process), outside, [])
    sandboxed = process.under(SCOPED)
    inside = [sandboxed, sandboxed.fork()]
    judge(case.expect, came_to(sandboxed.observe(case.send, process), inside, outside), control)


OUTSIDE = {
    "group-outside": Group(send=kill_group, answers="sig-pgrp-outside", expect=DENIED),
    "group-outside-of-pidfd": Group(
        send=pidfd_group, needs=(Need.PIDFD_SIGNAL_FLAGS,), expect=DENIED
    ),
}


@covers(SCOPE.SIGNAL)
@table(OUTSIDE)
def test_outside(case: Group, process: Process, judge: Judge) -> None:
    """To signal a process group is denied if no member is in the domain."""
    process.setpgid()
    process.block_signals(SIGUSR1)
    members = [process, process.fork()]
    sender, sandboxed = process.fork(), process.fork()
    for other in (sender, sandboxed):
        other.setpgid()
    control = came_to(sender.observe(case.send, process), members, [])
    sandboxed.restrict(SCOPED)
    judge(case.expect, came_to(sandboxed.observe(case.send, process), [], members), control)


def kill_all(sender: Process) -> None:
    sender.kill(-1, SIGUSR1)


@answers("sig-kill-all")
@covers(SCOPE.SIGNAL)
@needs(Need.ADMIN)
def test_everybody(process: Process, judge: Judge) -> None:
    """kill(2) of everybody tells nothing of those outside, who get no signal."""
    init = process.fork(CLONE_NEWPID)  # or it would be everybody
    init.block_signals(SIGUSR1)
    outside = [init.fork(), init.fork()]
    control = came_to(outside[0].observe(kill_all), outside[1:], outside[:1])
    sandboxed = init.under(SCOPED)
    judge(ALLOWED, came_to(sandboxed.observe(kill_all), [], outside), control)


@covers(SCOPE.SIGNAL)
@needs(Need.ADMIN)
def test_everybody_of_the_domain(process: Process, judge: Judge) -> None:
    """kill(2) of everybody comes to those in the domain."""
    init = process.fork(CLONE_NEWPID)
    init.block_signals(SIGUSR1)
    outside = [init.fork()]
    sandboxed = init.under(SCOPED)
    inside = [sandboxed.fork(), sandboxed.under(SCOPED)]
    judge(ALLOWED, came_to(sandboxed.observe(kill_all), inside, outside))
