# SPDX-License-Identifier: MIT
"""Which calls are about memory: not for a process that may share its memory with others.

Landlock knows of credentials, not of memory: in an emulated guest, where to copy memory and to give
it back is half of a fork, the processes of most cases share theirs (clone(2), CLONE_VM).
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from suite.errors import LandproofError
from suite.process.calls.tasks import (
    PR_SET_DUMPABLE,
    PTRACE_ATTACH,
    PTRACE_DETACH,
    PTRACE_SEIZE,
    PTRACE_TRACEME,
)
from suite.values import Argument

_CALLS = {
    "brk", "io_uring_setup", "kcmp", "madvise", "migrate_pages", "mmap", "move_pages", "mprotect",
    "mremap", "munmap", "peek", "poke", "process_madvise", "process_vm_readv", "process_vm_writev",
    "result_at", "setns", "setresuid", "setreuid", "setuid", "shmat", "userfaultfd",
}  # fmt: skip
"""Those that look at memory, map it, or ask whose it is (ptrace(2); an identity lost marks it)."""
_TRACING = {PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE}
"""Requests that begin or end it; others look at the tracee or let it go on."""
_UNSHARED = 1 << 7 | 1 << 28
"""CLONE_NEWTIME and CLONE_NEWUSER: not for one of several processes with the same memory."""
_CORE = {
    signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
    signal.SIGSEGV, signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS,
}  # fmt: skip
"""Signals that dump core: before Linux 5.16, all processes with that memory die of one."""
_SIGNALLING = {
    "kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill",
}  # fmt: skip
_SOMETIMES = _SIGNALLING | {"prctl", "ptrace", "unshare"}


class SharedMemoryError(LandproofError):
    """A call about memory, of a case that did not say that its processes need their own."""


def check(name: str, arguments: Sequence[Argument]) -> None:
    """Refuse a call about memory.

    Raises:
        SharedMemoryError: It is one.
    """
    if name in _CALLS or (name in _SOMETIMES and _is_about_memory(name, arguments)):
        raise SharedMemoryError(
            f"{name} is about memory, and its process may share that of others: "
            "mark the case with own_memory"
        )


def _is_about_memory(name: str, arguments: Sequence[Argument]) -> bool:
    flags = [argument for argument in arguments if isinstance(argument, int)]
    if name in _SIGNALLING:
        return not _CORE.isdisjoint(flags[:2])
    if name == "unshare":
        return any(flag & _UNSHARED for flag in flags)
    return flags[:1] == [PR_SET_DUMPABLE] if name == "prctl" else _TRACING.isdisjoint(flags[:1])
