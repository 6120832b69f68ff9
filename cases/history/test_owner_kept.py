# SPDX-License-Identifier: MIT
"""Calls that make their caller the owner of an open file, unless it has one.

Source: "fs: Fix file_set_fowner LSM hook inconsistencies" (26f204380a3c), which came with ABI 6:
before it, modules were told of an owner that was not set. dnotify and leases set one with no force
(fcntl_dirnotify() in fs/notify/dnotify/dnotify.c, lease_setup() in fs/locks.c).
"""

import os
from collections.abc import Callable
from signal import SIGIO

from cases.scope.signals import ALLOWED, SCOPED
from suite.case import (
    F_SETOWN, SCOPE, Call, Case, Fd, Judge, Need, Process, Tree, answers, covers, table,
)  # fmt: skip
from suite.process.uapi import F_NOTIFY, F_SETLEASE

DN_CREATE, DN_MULTISHOT = 4, 1 << 31
RDLCK = 0


class Ask(Case, frozen=True, kw_only=True):
    """A call by which a process asks to be told of something, and what happens then."""

    path: str
    ask: Callable[[Process, Fd], object]
    happen: Callable[[Process, str], object]


def open_for_writing(process: Process, path: str) -> None:
    # It may not be opened before the lease is given up.
    process.observe(Process.open, path, os.O_WRONLY | os.O_NONBLOCK)


ASKS = {
    "dnotify": Ask(
        path="d1",
        ask=lambda process, fd: process.fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT),
        happen=lambda process, path: process.mkdir(f"{path}/new"),
        needs=(Need.DNOTIFY,),
        expect=ALLOWED,
    ),
    "lease": Ask(
        path="d1/file",
        ask=lambda process, fd: process.fcntl(fd, F_SETLEASE, RDLCK),
        happen=open_for_writing,
        expect=ALLOWED,
    ),
}


def owned(process: Process, path: str) -> Call:
    """An open file that its process owns."""
    fd = process.open(path, os.O_RDONLY)
    process.fcntl(fd, F_SETOWN, process.getpid())
    return fd


@covers(SCOPE.SIGNAL)
@answers("llr-13")
@table(ASKS)
def test_owner_outside(case: Ask, process: Process, tree: Tree, judge: Judge) -> None:
    """An owner who was set outside stays the owner, and is signalled, whoever asks to be told."""
    process.block_signals(SIGIO)
    told = []
    for where, layers in ((tree.twin(), ()), (tree, (SCOPED,))):
        path = f"{where.path}/{case.path}"
        fd = owned(process, path)
        case.ask(process.under(*layers), fd)
        case.happen(process, path)
        told.append(process.observe(Process.take_signal, SIGIO))
        process.close(fd)
    control, observed = told
    judge(case.expect, observed, control)
