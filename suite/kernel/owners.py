# SPDX-License-Identifier: MIT
"""Who owns an open file, so that the kernel tells it what happens to it: SIGIO and SIGURG.

Source: fs/fcntl.c; fcntl(2), "Managing signals".
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from signal import SIGIO, SIGURG

from suite.kernel import signals
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import COMMANDS
from suite.kernel.open_files import File
from suite.kernel.tasks import Signal, Task
from suite.process.uapi import (
    F_OWNER_PGRP,
    F_OWNER_PID,
    F_OWNER_TID,
    F_SETOWN,
    F_SETOWN_EX,
    F_SETSIG,
)

_F_GETOWN_EX, _F_GETSIG = 16, 11
POLL_IN, POLL_OUT, POLL_MSG, POLL_ERR, POLL_PRI, POLL_HUP = range(1, 7)
"""What happened: si_code of the signal. Source: include/uapi/asm-generic/siginfo.h."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who is told (struct fown_struct)."""

    kind: int = F_OWNER_PID
    """F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP."""
    number: int = 0
    """In the initial PID namespace; 0 if nobody is."""
    uid: int = 0
    euid: int = 0
    signal: int = 0
    """What F_SETSIG set; 0: SIGIO, without more."""


def owner_of(file: File) -> Owner:
    """The owner of a file; nobody as long as none was set."""
    return file.owner if isinstance(file.owner, Owner) else Owner()


def tasks_of(kernel: Kernel, owner: Owner) -> list[Task]:
    """Whom it stands for: a task, or the leaders of a process group."""
    if owner.kind == F_OWNER_PGRP:
        return signals.process_group(kernel, owner.number)
    found = kernel.pids.tasks.get(owner.number)
    return [found] if found else []


def set_owner(kernel: Kernel, task: Task, file: File, who: int) -> None:
    """F_SETOWN: a process, or with a minus a process group. Source: f_setown().

    Raises:
        Errno: EINVAL, ESRCH.
    """
    if who == -(1 << 31):
        raise Errno(errno.EINVAL)
    _own(kernel, task, file, F_OWNER_PGRP if who < 0 else F_OWNER_PID, abs(who))


def own_by_default(kernel: Kernel, task: Task, file: File) -> None:
    """The process that asks to be told becomes the owner, if there is none yet.

    Source: __f_setown() without ``force``, for leases, directories and terminals.
    """
    if not owner_of(file).number:
        leader = task.group.leader
        _own(kernel, task, file, F_OWNER_PID, leader.number_in(task.namespaces.pids))


def _own(kernel: Kernel, task: Task, file: File, kind: int, who: int) -> None:
    """Source: __f_setown()."""
    number = _number(kernel, task, who) if who else 0
    was, mine = owner_of(file), task.credentials
    if not number:
        file.owner = replace(was, kind=kind, number=0)
        return
    owner = file.owner = Owner(kind, number, mine.uid, mine.euid, was.signal)
    found = tasks_of(kernel, owner)
    first = found[0] if found and (kind != F_OWNER_PID or found[0].is_leader) else None
    kernel.hooks.file_set_fowner(task, file, first, is_group=kind == F_OWNER_PGRP)


def _number(kernel: Kernel, task: Task, who: int) -> int:
    """What somebody is called in the whole system, who may have ended while a group is called so.

    Raises:
        Errno: ESRCH.
    """
    pids = task.namespaces.pids
    if pids is kernel.pids and signals.process_group(kernel, who):
        return who
    return signals.numbered(pids, who).number


# fcntl(2)


def _set(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    who = argument & 0xFFFFFFFF
    set_owner(kernel, task, file, who - (1 << 32) if who >> 31 else who)
    return 0


def _get(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    owner = owner_of(file)
    seen = _seen(kernel, task, owner)
    return -seen if owner.kind == F_OWNER_PGRP else seen


def _seen(kernel: Kernel, task: Task, owner: Owner) -> int:
    """The number that an owner has for a task; 0 if it is no more."""
    found = tasks_of(kernel, owner)
    leader = kernel.pids.tasks.get(owner.number)
    return leader.number_in(task.namespaces.pids) if found and leader else 0


def _set_ex(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    kind = task.memory.integer(argument, 4, signed=True)
    who = task.memory.integer(argument + 4, 4, signed=True)
    if kind not in (F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP):
        raise Errno(errno.EINVAL)
    _own(kernel, task, file, kind, who)
    return 0


def _get_ex(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    owner = owner_of(file)
    task.memory.put(argument, owner.kind, 4)
    task.memory.put(argument + 4, _seen(kernel, task, owner), 4)
    return 0


def _set_signal(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    if argument > signals.LAST:
        raise Errno(errno.EINVAL)
    file.owner = replace(owner_of(file), signal=argument)
    return 0


def _get_signal(kernel: Kernel, task: Task, file: File, argument: int) -> int:
    return owner_of(file).signal


_Command = Callable[[Kernel, Task, File, int], int]
_COMMANDS: dict[int, _Command] = {
    F_SETOWN: _set,
    fcntl.F_GETOWN: _get,
    F_SETOWN_EX: _set_ex,
    _F_GETOWN_EX: _get_ex,
    F_SETSIG: _set_signal,
    _F_GETSIG: _get_signal,
}
COMMANDS.update(_COMMANDS)


# What they are told


def send_sigio(kernel: Kernel, file: File, band: int) -> None:
    """Tell the owner of a file with O_ASYNC what happened: POLL_IN and so on.

    Source: kill_fasync() and send_sigio().
    """
    if file.flags & os.O_ASYNC:
        tell(kernel, file, band)


def tell(kernel: Kernel, file: File, band: int) -> None:
    """Tell the owner of a file, if there is one: also of leases and directories."""
    owner = owner_of(file)
    for it in tasks_of(kernel, owner):
        if _may_be_told(kernel, file, owner, it, owner.signal):
            number = owner.signal or SIGIO
            sent = Signal(number, band if owner.signal else signals.SI_KERNEL)
            signals.queue(kernel, it, sent, to_thread=owner.kind == F_OWNER_TID)


def send_sigurg(kernel: Kernel, file: File) -> None:
    """Tell the owner of a socket of urgent data, whether or not it has O_ASYNC."""
    owner = owner_of(file)
    for it in tasks_of(kernel, owner):
        if _may_be_told(kernel, file, owner, it, SIGURG):
            sent = Signal(SIGURG, signals.SI_KERNEL)
            signals.queue(kernel, it, sent, to_thread=owner.kind == F_OWNER_TID)


def _may_be_told(kernel: Kernel, file: File, owner: Owner, receiver: Task, number: int) -> bool:
    """Source: sigio_perm()."""
    theirs = receiver.credentials
    if owner.euid and not {owner.euid, owner.uid} & {theirs.suid, theirs.uid}:
        return False
    try:
        kernel.hooks.file_send_sigiotask(file, receiver, number)
    except Errno:
        return False
    return True
