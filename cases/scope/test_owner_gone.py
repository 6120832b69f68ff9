# SPDX-License-Identifier: MIT
"""An owner of an open file that has ended, and whose number lives on as that of its group.

Source: control_current_fowner() in security/landlock/fs.c, which looks for such a process;
f_setown() in fs/fcntl.c, which refuses only numbers that nobody has.
"""

import os
from collections.abc import Callable
from signal import SIGIO

from cases.processes import end
from cases.scope.signals import NOT_SENT, SCOPED, pid
from suite.case import (
    F_SETFL, F_SETOWN, SCOPE, Call, Case, Fd, Judge, Pack, Process, answers, covers, table,
)  # fmt: skip
from suite.process.calls.ioctls import FIOSETOWN


class Gone(Case, frozen=True, kw_only=True):
    """How somebody who is no more is made the owner."""

    own: Callable[[Process, Fd, Call], object]


GONE = {
    "setown-ended": Gone(
        own=lambda setter, fd, owner: setter.fcntl(fd, F_SETOWN, owner), expect=NOT_SENT
    ),
    "fiosetown-ended": Gone(
        own=lambda setter, fd, owner: setter.ioctl(fd, FIOSETOWN, Pack(((4, owner),))),
        expect=NOT_SENT,
    ),
}


@covers(SCOPE.SIGNAL)
@answers("sig-fown-ended")
@table(GONE)
def test_ended(case: Gone, process: Process, judge: Judge) -> None:
    """An ended process may be made the owner while its group has members, who get no signal."""
    readable, writable = process.socketpair()
    process.fcntl(readable, F_SETFL, os.O_ASYNC)
    leader = process.fork()
    leader.setpgid()
    member = leader.fork()
    member.block_signals(SIGIO)
    end(process, leader)
    process.fcntl(readable, F_SETOWN, -pid(leader).value)
    process.write(writable, b"x")
    control = member.observe(Process.take_signal, SIGIO)
    case.own(process.under(SCOPED), readable, pid(leader))
    process.write(writable, b"x")
    judge(case.expect, member.observe(Process.take_signal, SIGIO), control)
