# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL for SIGIO and SIGURG, which the kernel sends to the owner of an open file.

What counts is the domain of who set the owner, at that time; whose doing the event is does not.

Source: hook_file_set_fowner() in security/landlock/fs.c; hook_file_send_sigiotask() in
security/landlock/task.c; fcntl(2), "Managing signals".
"""

import os
from collections.abc import Callable
from signal import SIGIO, SIGURG
from socket import MSG_OOB

from cases.relations import SCOPE_RELATIONS, Relation
from cases.scope.signals import ALLOWED, NOT_SENT, SCOPED, pid
from suite.case import (
    F_SETFL, F_SETOWN, SCOPE, Allowed, ByBug, ByErratum, Call, Case, Denied, Erratum, Fd, Judge,
    Need, Observation, Pack, Process, answers, covers, since, table,
)  # fmt: skip
from suite.landlock.bugs import SIGIO_BYPASS
from suite.process.calls.ioctls import FIOSETOWN, SIOCSPGRP
from suite.process.uapi import F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_SETOWN_EX

Own = Callable[[Process, Fd, Call], object]


def setown(setter: Process, fd: Fd, owner: Call) -> None:
    setter.fcntl(fd, F_SETOWN, owner)


def setown_group(setter: Process, fd: Fd, owner: Call) -> None:
    setter.fcntl(fd, F_SETOWN, -owner.value)


def setown_ex(kind: int) -> Own:
    return lambda setter, fd, owner: setter.fcntl(fd, F_SETOWN_EX, Pack(((4, kind), (4, owner))))


def by_ioctl(command: int) -> Own:
    return lambda setter, fd, owner: setter.ioctl(fd, command, Pack(((4, owner),)))


OWNERS: dict[str, Own] = {
    "setown": setown,
    "setown-ex-group": setown_ex(F_OWNER_PGRP),
    "setown-ex-thread": setown_ex(F_OWNER_TID),
}


def input_comes(process: Process, writable: Fd) -> None:
    process.write(writable, b"x")


def urgent_data_comes(process: Process, writable: Fd) -> None:
    process.sendto(writable, b"x", flags=MSG_OOB)


class Owner(Case, frozen=True, kw_only=True):
    """Who makes whom the owner of a socket, and how; the signal of what happens to it then."""

    own: Own = setown
    relation: Relation = SCOPE_RELATIONS["domain-to-no-domain"]
    happen: Callable[[Process, Fd], object] = input_comes
    number: int = SIGIO


ANSWERS = {
    "setown-domain-to-no-domain": ("sig-fown-before", "sig-fown-trigger-outside"),
    "setown-ex-thread-domain-to-no-domain": ("sig-fown-ex-tid",),
    "urgent-domain-to-no-domain": ("sig-fown-before",),
}
OUTSIDE = {
    "setown-ex-process": Owner(own=setown_ex(F_OWNER_PID), expect=NOT_SENT),
    "setown-group": Owner(own=setown_group, expect=NOT_SENT),
    "fiosetown": Owner(own=by_ioctl(FIOSETOWN), answers="sig-fown-other-ops", expect=NOT_SENT),
    "siocspgrp": Owner(own=by_ioctl(SIOCSPGRP), expect=NOT_SENT),
}
PROCESSES = {
    (row := f"{owner}-{name}"): Owner(
        own=own,
        relation=relation,
        answers=ANSWERS.get(row, ()),
        expect=ALLOWED if relation.reaches else NOT_SENT,
    )
    for owner, own in OWNERS.items()
    for name, relation in SCOPE_RELATIONS.items()
}
URGENT = {
    (row := f"urgent-{name}"): Owner(
        relation=relation,
        happen=urgent_data_comes,
        number=SIGURG,
        needs=(Need.UNIX_OUT_OF_BAND,),
        answers=ANSWERS.get(row, ()),
        expect=ALLOWED if relation.reaches else NOT_SENT,
    )
    for name, relation in SCOPE_RELATIONS.items()
}


@covers(SCOPE.SIGNAL)
@table(PROCESSES | URGENT | OUTSIDE)
def test_processes(case: Owner, process: Process, judge: Judge) -> None:
    """SIGIO comes to an owner who is in the domain of who made it that, or in one nested in it.

    Another process, outside of every domain, gives rise to it.
    """
    readable, writable = process.socketpair()
    process.fcntl(readable, F_SETFL, os.O_ASYNC)
    setter, owner = case.relation.pair(process.fork(), SCOPED)
    owner.setpgid()
    owner.block_signals(SIGIO, SIGURG)
    case.own(process, readable, pid(owner))
    case.happen(process, writable)
    control = owner.observe(Process.take_signal, case.number)
    case.own(setter, readable, pid(owner))
    case.happen(process, writable)
    judge(case.expect, owner.observe(Process.take_signal, case.number), control)


@covers(SCOPE.SIGNAL)
@table(
    {
        f"set-before-{name}": Owner(own=own, answers="sig-fown-after", expect=ALLOWED)
        for name, own in OWNERS.items()
    }
)
def test_set_before(case: Owner, process: Process, judge: Judge) -> None:
    """An owner who was set before gets signals from the domain."""
    process.setpgid()
    process.block_signals(SIGIO)
    sandboxed = process.fork()
    readable, writable = sandboxed.socketpair()
    sandboxed.fcntl(readable, F_SETFL, os.O_ASYNC)
    case.own(sandboxed, readable, pid(process))
    sandboxed.restrict(SCOPED)
    sandboxed.write(writable, b"x")
    judge(ALLOWED, process.observe(Process.take_signal, SIGIO))


@answers("sig-fown-empty-group")
@covers(SCOPE.SIGNAL)
def test_group_without_members(process: Process, judge: Judge) -> None:
    """An owner may be a group that has no member yet: who joins it gets no signal."""
    readable, writable = process.socketpair()
    process.fcntl(readable, F_SETFL, os.O_ASYNC)

    def join_owner(setter: Process, leader: Process) -> Observation:
        leader.block_signals(SIGIO)
        setown_group(setter, readable, pid(leader))
        leader.setpgid()
        process.write(writable, b"x")
        return leader.observe(Process.take_signal, SIGIO)

    first, second = process.fork(), process.fork()
    control = join_owner(process, first)
    judge(NOT_SENT, join_owner(process.under(SCOPED), second), control)


class Again(Case, frozen=True, kw_only=True):
    """An owner that is set once more, the last time by a process in a domain or outside."""

    last_inside: bool


AGAIN = {
    "set-again-in-the-domain": Again(last_inside=True, expect=NOT_SENT),
    "set-again-outside": Again(last_inside=False, expect=ALLOWED),
}


@covers(SCOPE.SIGNAL)
@table(AGAIN)
def test_set_again(case: Again, process: Process, judge: Judge) -> None:
    """The last one to set the owner counts."""
    process.block_signals(SIGIO)
    readable, writable = process.socketpair()
    process.fcntl(readable, F_SETFL, os.O_ASYNC)
    inside = process.under(SCOPED)
    setown(process, readable, pid(process))
    process.write(writable, b"x")
    control = process.observe(Process.take_signal, SIGIO)
    for setter in (process, inside) if case.last_inside else (inside, process):
        setown(setter, readable, pid(process))
    process.write(writable, b"x")
    judge(case.expect, process.observe(Process.take_signal, SIGIO), control)


class Nobody(Case, frozen=True, kw_only=True):
    """Somebody who can't be signalled from the domain, to be made the owner."""

    owner: int


NOBODY = {
    "owner-init": Nobody(owner=1, expect=ALLOWED),
    "no-such-owner": Nobody(owner=1 << 22, expect=since(SCOPE.SIGNAL, Denied("ESRCH"))),
}


@answers("sig-fown-setown-errs")
@covers(SCOPE.SIGNAL)
@table(NOBODY)
def test_setown(case: Nobody, process: Process, judge: Judge) -> None:
    """F_SETOWN itself is denied to nobody."""
    readable, _ = process.socketpair()
    control = process.observe(Process.fcntl, readable, F_SETOWN, 1)
    observed = process.under(SCOPED).observe(Process.fcntl, readable, F_SETOWN, case.owner)
    judge(case.expect, observed, control)


class OwnProcess(Case, frozen=True, kw_only=True):
    """What a thread in a domain makes the owner: its own process, which is outside, or its group.

    Who was last to join the group tells whether a kernel with the bug looks at its domain.
    """

    own: Own = setown
    joined_later: bool = False


FIXED = since(
    SCOPE.SIGNAL,
    ByErratum(Erratum.SCOPED_SIGNAL_HANDLING, before=Denied("EAGAIN"), after=Allowed()),
)
OWN_PROCESS = {
    "own-process": OwnProcess(answers="sig-threads-erratum2", expect=FIXED),
    "own-leader": OwnProcess(own=setown_ex(F_OWNER_TID), expect=FIXED),
    "own-group": OwnProcess(
        own=setown_ex(F_OWNER_PGRP), answers=("sig-fown-pgrp-self", "llr-03"), expect=FIXED
    ),
    "own-group-with-another": OwnProcess(
        own=setown_ex(F_OWNER_PGRP),
        joined_later=True,
        answers=("sig-fown-pgrp-self", "llr-03"),
        expect=since(SCOPE.SIGNAL, ByBug(SIGIO_BYPASS, before=Denied("EAGAIN"), after=Allowed())),
    ),
}


@covers(SCOPE.SIGNAL)
@table(OWN_PROCESS)
def test_own_process(case: OwnProcess, process: Process, judge: Judge) -> None:
    """A thread in a domain may have its process signalled, whose other threads are outside."""
    process.setpgid()
    process.block_signals(SIGIO)
    thread = process.thread()
    if case.joined_later:
        process.fork()
    thread.restrict(SCOPED)
    readable, writable = thread.socketpair()
    thread.fcntl(readable, F_SETFL, os.O_ASYNC)
    case.own(thread, readable, pid(process))
    thread.write(writable, b"x")
    judge(case.expect, process.observe(Process.take_signal, SIGIO))
