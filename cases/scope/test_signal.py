# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL.

Source: include/uapi/linux/landlock.h, LANDLOCK_SCOPE_SIGNAL; Documentation/userspace-api/
landlock.rst, "IPC scoping".
"""

import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cases.relations import SCOPE_RELATIONS, UNSCOPED, Relation
from suite.abi import FS, SCOPE
from suite.expectation import since
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, table
from suite.ruleset import Ruleset
from suite.session import Call
from suite.tree import Tree

SCOPED = Ruleset(scope=SCOPE.SIGNAL)
DENIED = since(SCOPE.SIGNAL, Denied("EPERM"))
ALLOWED = since(SCOPE.SIGNAL, Allowed())
SI_QUEUE = -1


def pid(process: Process) -> Call:
    assert process.pid is not None
    return process.pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Case):
    """Who signals whom."""

    relation: Relation


PROCESSES = {
    name: Between(relation=relation, expect=ALLOWED if relation.reaches else DENIED)
    for name, relation in SCOPE_RELATIONS.items()
}


@covers(SCOPE.SIGNAL)
@table(PROCESSES)
def test_processes(case: Between, process: Process, judge: Judge) -> None:
    """kill(2) is denied to processes that are not in the sender's domain or one nested in it."""
    sender, receiver = case.relation.place(process, SCOPED)
    control = process.fork().observe(Process.kill, pid(receiver), 0)
    judge(case.expect, sender.observe(Process.kill, pid(receiver), 0), control)


def kill(number: int) -> Callable[[Process, Call], object]:
    return lambda process, receiver: process.kill(receiver, number)


def tkill(process: Process, receiver: Call) -> None:
    process.syscall("tkill", receiver, signal.SIGURG)


def tgkill(process: Process, receiver: Call) -> None:
    process.tgkill(receiver, receiver, signal.SIGURG)


def sigqueue(process: Process, receiver: Call) -> None:
    info = struct.pack("<3i", signal.SIGURG, 0, SI_QUEUE).ljust(128, b"\0")
    process.syscall("rt_sigqueueinfo", receiver, signal.SIGURG, info)


def pidfd(process: Process, receiver: Call) -> None:
    process.syscall("pidfd_send_signal", process.pidfd_open(receiver), signal.SIGURG, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Case):
    """A way to send a signal, which the receiver ignores."""

    send: Callable[[Process, Call], object]


WAYS = {
    "kill": Way(send=kill(signal.SIGURG), expect=DENIED),
    "kill-sigcont": Way(send=kill(signal.SIGCONT), expect=DENIED),
    "tkill": Way(send=tkill, expect=DENIED),
    "tgkill": Way(send=tgkill, expect=DENIED),
    "sigqueue": Way(send=sigqueue, expect=DENIED),
    "pidfd-send-signal": Way(send=pidfd, expect=DENIED),
}


@covers(SCOPE.SIGNAL)
@table(WAYS)
def test_ways(case: Way, process: Process, judge: Judge) -> None:
    """No system call sends a signal out of the domain."""
    control = process.fork().observe(case.send, pid(process))
    judge(case.expect, process.under(SCOPED).observe(case.send, pid(process)), control)


def test_without_the_scope(process: Process, judge: Judge) -> None:
    """A domain without the scope restricts no signals, unlike ptrace(2)."""
    observed = process.under(UNSCOPED).observe(Process.kill, pid(process), 0)
    judge(since(FS.EXECUTE, Allowed()), observed)


@covers(SCOPE.SIGNAL)
def test_to_itself(process: Process, judge: Judge) -> None:
    """A process may signal itself."""
    sandboxed = process.under(SCOPED)
    judge(ALLOWED, sandboxed.observe(Process.kill, sandboxed.getpid(), 0))


@covers(SCOPE.SIGNAL)
def test_to_a_mixed_process_group(process: Process, judge: Judge) -> None:
    """kill(2) of a process group signals the members that are in the domain."""
    process.setpgid()
    judge(ALLOWED, process.under(SCOPED).observe(Process.kill, 0, 0))


@covers(SCOPE.SIGNAL)
def test_to_a_process_group_outside(process: Process, judge: Judge) -> None:
    """kill(2) of a process group without any member in the domain is denied."""
    process.setpgid()
    sandboxed = process.fork()
    sandboxed.setpgid()
    group = process.getpid().value
    control = sandboxed.observe(Process.kill, -group, 0)
    sandboxed.restrict(SCOPED)
    judge(DENIED, sandboxed.observe(Process.kill, -group, 0), control)


@covers(SCOPE.SIGNAL)
def test_after_execve(process: Process, tree: Tree, judge: Judge) -> None:
    """The scope stays across execve(2)."""
    program = tree.program(f"{tree.d1}/program")
    control = process.fork().observe(Process.kill, pid(process), 0)
    sandboxed = process.under(SCOPED)
    sandboxed.exec(program)
    judge(DENIED, sandboxed.observe(Process.kill, pid(process), 0), control)
