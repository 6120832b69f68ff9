# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL for SIGIO where the owner of an open file is set once more.

Source: hook_file_set_fowner() and hook_file_send_sigiotask() in security/landlock: what was kept of
the first one to set the owner is replaced, and what is asked for is the last.
"""

import os
from collections.abc import Callable
from signal import SIGIO
from typing import NamedTuple

from cases.relations import UNSCOPED
from cases.scope.signals import ALLOWED, NOT_SENT, SCOPED, pid
from suite.case import F_SETFL, F_SETOWN, SCOPE, Case, Fd, Judge, Pack, Process, covers, table
from suite.process.uapi import F_OWNER_PGRP, F_OWNER_PID, F_SETOWN_EX


Sets = Callable[[Process, Process], Process]
"""Who sets the owner, given a process outside of every domain and the owner."""
SETTERS: dict[str, Sets] = {
    "outside": lambda process, owner: process,
    "unscoped": lambda process, owner: process.under(UNSCOPED),
    "scoped": lambda process, owner: process.under(SCOPED),
    "nested": lambda process, owner: process.under(SCOPED, UNSCOPED),
    "owner": lambda process, owner: owner,
}
REACHES = {"outside", "unscoped", "owner"}


class Setters(Case, frozen=True, kw_only=True):
    """The first to set the owner, and the last."""

    first: Sets
    last: Sets


def asynchronous(process: Process) -> tuple[Fd, Fd]:
    """Two ends of a socket pair, the first of which tells its owner of input."""
    readable, writable = process.socketpair()
    process.fcntl(readable, F_SETFL, os.O_ASYNC)
    return readable, writable


ROWS = {
    f"{first}-then-{last}": Setters(
        first=SETTERS[first],
        last=SETTERS[last],
        answers="sig-fown-last-setter",
        expect=ALLOWED if last in REACHES else NOT_SENT,
    )
    for first in SETTERS
    for last in SETTERS
}


@covers(SCOPE.SIGNAL)
@table(ROWS)
def test_setter(case: Setters, process: Process, judge: Judge) -> None:
    """What counts is the domain of the last to set the owner, and nothing of the first.

    The owner is in a domain of its own.
    """
    readable, writable = asynchronous(process)
    owner = process.under(SCOPED)
    owner.block_signals(SIGIO)
    process.fcntl(readable, F_SETOWN, pid(owner))
    process.write(writable, b"x")
    control = owner.observe(Process.take_signal, SIGIO)
    for sets in (case.first, case.last):
        sets(process, owner).fcntl(readable, F_SETOWN, pid(owner))
    process.write(writable, b"x")
    judge(case.expect, owner.observe(Process.take_signal, SIGIO), control)


class Owner(NamedTuple):
    """A process, or the group of it alone, inside of the domain or outside."""

    inside: bool
    group: bool = False

    def be_set(self, setter: Process, fd: Fd, inside: Process, outside: Process) -> Process:
        """Have it made the owner of an open file; the process that is to be signalled."""
        receiver = inside if self.inside else outside
        kind = F_OWNER_PGRP if self.group else F_OWNER_PID
        setter.fcntl(fd, F_SETOWN_EX, Pack(((4, kind), (4, pid(receiver)))))
        return receiver


OWNERS = {
    "inside": Owner(inside=True),
    "outside": Owner(inside=False),
    "group-inside": Owner(inside=True, group=True),
    "group-outside": Owner(inside=False, group=True),
}


class Owners(Case, frozen=True, kw_only=True):
    """The first owner, and the last."""

    first: Owner
    last: Owner


@covers(SCOPE.SIGNAL)
@table(
    {
        f"owner-{first}-then-{last}": Owners(
            first=one,
            last=other,
            answers="sig-fown-last-owner",
            expect=ALLOWED if other.inside else NOT_SENT,
        )
        for first, one in OWNERS.items()
        for last, other in OWNERS.items()
    }
)
def test_owner(case: Owners, process: Process, judge: Judge) -> None:
    """A process in a domain may make another one the owner: the last one counts."""
    readable, writable = asynchronous(process)
    setter, outside = process.under(SCOPED), process.fork()
    inside = setter.fork()
    for each in (inside, outside):
        each.setpgid()
        each.block_signals(SIGIO)
    receiver = case.last.be_set(process, readable, inside, outside)
    process.write(writable, b"x")
    control = receiver.observe(Process.take_signal, SIGIO)
    for owner in (case.first, case.last):
        owner.be_set(setter, readable, inside, outside)
    process.write(writable, b"x")
    judge(case.expect, receiver.observe(Process.take_signal, SIGIO), control)
