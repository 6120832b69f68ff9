# SPDX-License-Identifier: MIT
"""A tracer that enters a domain after it attached: it keeps what it has, and gets nothing new.

Source: security/landlock/task.c, hook_ptrace_access_check() is asked when tracing begins;
kernel/ptrace.c, ptrace_check_attach() for the requests that follow.
"""

import os
import signal
from collections.abc import Callable

from cases.ptrace.reach import Target, prepare, traceable
from suite.case import (
    FS, PTRACE_ATTACH, SCOPE, Allowed, Call, Case, Denied, Judge, Out, Pack, Process, Ruleset,
    own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import PTRACE_DETACH

pytestmark = own_memory

PTRACE_PEEKDATA, PTRACE_POKEDATA, PTRACE_CONT, PTRACE_SYSCALL = 2, 5, 7, 24
FILES, SIGNALS = Ruleset(fs=FS.MAKE_BLOCK), Ruleset(scope=SCOPE.SIGNAL)


class Attached(Case, frozen=True, kw_only=True):
    """What a tracer does with a process that it attached to before its domain."""

    call: Callable[[Process, Target], object]
    ruleset: Ruleset = FILES


def request(number: int, *arguments: int | Out) -> Callable[[Process, Target], object]:
    return lambda tracer, to: tracer.syscall("ptrace", number, to.pid, *arguments)


def peek(tracer: Process, to: Target) -> None:
    tracer.syscall("ptrace", PTRACE_PEEKDATA, to.pid, to.page, Out(8))


def poke(tracer: Process, to: Target) -> None:
    tracer.syscall("ptrace", PTRACE_POKEDATA, to.pid, to.page, 1)


def kill(tracer: Process, to: Target) -> None:
    """The process ends by the signal that it goes on with."""
    tracer.syscall("ptrace", PTRACE_SYSCALL, to.pid, 0, signal.SIGKILL)
    tracer.wait(to.pid)


def attach_again(tracer: Process, to: Target) -> None:
    tracer.ptrace(PTRACE_DETACH, to.pid)
    tracer.ptrace(PTRACE_ATTACH, to.pid)


def read_remotely(tracer: Process, to: Target) -> None:
    own, its = Pack(((8, bytes(8)), (8, 8))), Pack(((8, to.page), (8, 8)))
    tracer.syscall("process_vm_readv", to.pid, own, 1, its, 1, 0)


def open_memory(tracer: Process, to: Target) -> None:
    tracer.open(to.file("mem"), os.O_RDWR)


KEEPS, GETS = "ptr-already-attached", "ptr-already-attached-mem"
ALLOWED, EPERM = since(FILES.features, Allowed()), since(FILES.features, Denied("EPERM"))
CASES = {
    "attached-peek": Attached(call=peek, expect=ALLOWED, answers=KEEPS),
    "attached-poke": Attached(call=poke, expect=ALLOWED, answers=KEEPS),
    "attached-continue": Attached(call=request(PTRACE_CONT, 0, 0), expect=ALLOWED, answers=KEEPS),
    "attached-system-call": Attached(
        call=request(PTRACE_SYSCALL, 0, 0), expect=ALLOWED, answers=KEEPS
    ),
    "attached-detach": Attached(call=request(PTRACE_DETACH, 0, 0), expect=ALLOWED, answers=KEEPS),
    "attached-inject-signal": Attached(
        call=kill,
        ruleset=SIGNALS,
        expect=since(SCOPE.SIGNAL, Allowed()),
        covers=SCOPE.SIGNAL,
        answers=KEEPS,
    ),
    "attached-again": Attached(call=attach_again, expect=EPERM, answers=GETS),
    "attached-process-vm-readv": Attached(call=read_remotely, expect=EPERM, answers=GETS),
    "attached-mem": Attached(
        call=open_memory, expect=since(FILES.features, Denied("EACCES")), answers=GETS
    ),
}


@table(CASES)
def test_attached(case: Attached, process: Process, judge: Judge) -> None:
    """What was attached stays so in the domain; what asks for access anew is denied."""
    page = prepare(process)
    tracer = process.fork()
    first, second = (attach(tracer, process.fork()) for _ in range(2))
    control = tracer.observe(case.call, Target(first, page))
    tracer.restrict(case.ruleset)
    judge(case.expect, tracer.observe(case.call, Target(second, page)), control)


def attach(tracer: Process, target: Process) -> Call:
    pid = traceable(target).getpid()
    tracer.ptrace(PTRACE_ATTACH, pid)
    tracer.wait(pid)
    return pid
