# SPDX-License-Identifier: MIT
"""Which calls a process must not make if it may share its memory with the processes of other cases.

In an emulated guest, to copy memory and to give it back is half of what a fork costs. Landlock goes
by credentials and does not see memory, so the processes of most cases share theirs (clone(2),
CLONE_VM). What a call does to that memory, it would do to all of them.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import NoReturn

from suite.errors import LandproofError
from suite.process.calls.ioctls import USERFAULTFD_IOC_NEW
from suite.process.syscalls import SYSCALLS, Memory
from suite.process.uapi import (
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_VM,
    MEMBARRIER_GLOBAL,
    PR_GET_NO_NEW_PRIVS,
    PR_SCHED_CORE,
    PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PR_SET_PTRACER,
    PTRACE_ATTACH,
    PTRACE_DETACH,
    PTRACE_SEIZE,
    PTRACE_TRACEME,
)
from suite.values import Argument

_PR_OF_A_PROCESS = {
    PR_GET_NO_NEW_PRIVS, PR_SCHED_CORE, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG,
    PR_SET_PTRACER,
}  # fmt: skip
"""Options of the process and not of its memory, which PR_SET_DUMPABLE and others are."""
_TRACING = {PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE}
"""Requests that begin or end tracing. The others look at the tracee or make it go on."""
_WITH_MEMORY = CLONE_NEWTIME | CLONE_NEWUSER | CLONE_VM
"""A user namespace changes who may trace it; the others are refused to one that shares memory."""
_CORE = {
    signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
    signal.SIGSEGV, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS,
}  # fmt: skip
"""Signals that dump core. Before Linux 5.16, one of them kills all processes with that memory."""


class SharedMemoryError(LandproofError):
    """A process that may share its memory was about to make a call that may be about memory."""


def check(name: str, arguments: Sequence[Argument]) -> None:
    """Refuse a system call that is about memory, or of which nobody has said that it is not.

    Raises:
        KeyError: There is no such call.
        SharedMemoryError: It is refused.
    """
    memory = SYSCALLS[name].memory
    if memory is Memory.NEVER:
        return
    if memory is Memory.UNKNOWN:
        raise SharedMemoryError(
            f"{name} may be about memory, and its process may share that of others: mark the case "
            "with own_memory, or say in suite/process/syscalls.py what the call does"
        )
    if memory is Memory.ALWAYS or is_about_memory(name, arguments):
        refuse(name)


def refuse(name: str) -> NoReturn:
    """Refuse a system call, or an operation of the agent, because it is about memory.

    Raises:
        SharedMemoryError: Always.
    """
    raise SharedMemoryError(
        f"{name} is about memory, and its process may share that of others: "
        "mark the case with own_memory"
    )


def is_about_memory(  # noqa: PLR0911 (one a question)
    name: str, arguments: Sequence[Argument]
) -> bool:
    """Whether a call that is about memory SOMETIMES is so now; yes, if that can't be told."""
    match name, arguments:
        case (("kill" | "tkill" | "rt_sigqueueinfo" | "pidfd_send_signal"), (_, int(number), *_)):
            return number in _CORE
        case (("tgkill" | "rt_tgsigqueueinfo"), (_, _, int(number), *_)):
            return number in _CORE
        case "unshare", (int(flags),):
            return bool(flags & _WITH_MEMORY)
        case "prctl", (option, *_):
            return option not in _PR_OF_A_PROCESS
        case "ptrace", (request, *_):
            return request not in _TRACING
        case "membarrier", (command, *_):
            return command != MEMBARRIER_GLOBAL  # which waits for all processes alike
        case "ioctl", (_, int(command), *_):
            return command == USERFAULTFD_IOC_NEW  # no other one that cases use is
    return True
