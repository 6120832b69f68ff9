# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL for SIGIO, whatever the open file is that the kernel sends it for.

Source: __f_setown() in fs/fcntl.c, which calls hook_file_set_fowner() for all of these;
fcntl_dirnotify(), lease_setup() and __tty_fasync() leave an owner who is set as it is.
"""

import os
from collections.abc import Callable
from pathlib import PurePath
from signal import SIGIO

from cases.scope.signals import ALLOWED, NOT_SENT, SCOPED, pid
from cases.scope.terminals import open_terminal
from suite.case import (
    F_SETFL, F_SETOWN, SCOPE, Case, Fd, Int, Judge, Need, Process, Tree, covers, table,
)  # fmt: skip
from suite.process.uapi import F_NOTIFY, F_SETLEASE

DN_MODIFY, DN_MULTISHOT = 2, 1 << 31
RDLCK = 0


def asynchronous(setter: Process, fd: Fd, owner: Process) -> None:
    """Have the owner told of what happens to an open file."""
    setter.fcntl(fd, F_SETOWN, pid(owner))
    setter.fcntl(fd, F_SETFL, os.O_ASYNC)


def on_socket(setter: Process, owner: Process, path: str) -> None:
    readable, writable = setter.socketpair()
    asynchronous(setter, readable, owner)
    setter.write(writable, b"x")


def on_pipe(setter: Process, owner: Process, path: str) -> None:
    ends = setter.pipe()
    asynchronous(setter, Int(ends, 0), owner)
    setter.write(Int(ends, 4), b"x")


def on_folder(setter: Process, owner: Process, path: str) -> None:
    fd = setter.open(str(PurePath(path).parent), os.O_RDONLY)
    setter.fcntl(fd, F_SETOWN, pid(owner))
    setter.fcntl(fd, F_NOTIFY, DN_MODIFY | DN_MULTISHOT)
    owner.write_file(path, b"x")


def on_lease(setter: Process, owner: Process, path: str) -> None:
    fd = setter.open(path, os.O_RDONLY)
    setter.fcntl(fd, F_SETOWN, pid(owner))
    setter.fcntl(fd, F_SETLEASE, RDLCK)
    # It may not be opened before the lease is given up.
    owner.observe(Process.open, path, os.O_WRONLY | os.O_NONBLOCK)


def on_terminal(setter: Process, owner: Process, path: str) -> None:
    terminal = open_terminal(setter, str(PurePath(path).parent))
    terminal.be_raw(setter)
    asynchronous(setter, terminal.end, owner)
    setter.write(terminal.master, b"x")
    terminal.settle(setter)


class Event(Case, frozen=True, kw_only=True):
    """What happens to an open file whose owner is set, and which the owner is told of."""

    happen: Callable[[Process, Process, str], None]


EVENTS = {
    "socket": Event(happen=on_socket, expect=NOT_SENT),
    "pipe": Event(happen=on_pipe, expect=NOT_SENT),
    "folder": Event(
        happen=on_folder, needs=(Need.DNOTIFY,), answers="sig-fown-other-ops", expect=NOT_SENT
    ),
    "lease": Event(happen=on_lease, answers="sig-fown-other-ops", expect=NOT_SENT),
    "terminal": Event(
        happen=on_terminal, needs=(Need.DEVPTS,), answers="sig-fown-other-ops", expect=NOT_SENT
    ),
}


@covers(SCOPE.SIGNAL)
@table(EVENTS)
def test_outside(case: Event, process: Process, tree: Tree, judge: Judge) -> None:
    """An owner outside of the domain gets no SIGIO, whatever happens to the open file."""
    process.block_signals(SIGIO)
    case.happen(process.fork(), process, tree.other)
    control = process.observe(Process.take_signal, SIGIO)
    case.happen(process.under(SCOPED), process, tree.file)
    judge(case.expect, process.observe(Process.take_signal, SIGIO), control)


TO_ITSELF = {
    f"{name}-of-its-own": Event(happen=row.happen, needs=row.needs, expect=ALLOWED)
    for name, row in EVENTS.items()
}


@covers(SCOPE.SIGNAL)
@table(TO_ITSELF)
def test_to_itself(case: Event, process: Process, tree: Tree, judge: Judge) -> None:
    """A process in a domain is told of its own files."""
    sandboxed = process.under(SCOPED)
    sandboxed.block_signals(SIGIO)
    case.happen(sandboxed, sandboxed, tree.file)
    judge(case.expect, sandboxed.observe(Process.take_signal, SIGIO))
