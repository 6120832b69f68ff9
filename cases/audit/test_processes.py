# SPDX-License-Identifier: MIT
"""What the log says of denied access to other processes: signals, ptrace(2), abstract sockets.

Source: security/landlock/task.c; security/lsm_audit.c, audit_log_lsm_data(), LSM_AUDIT_DATA_TASK
and AF_UNIX.
"""

import signal
from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.audit.logs import logged, logs, says
from cases.processes import attach, open_root, raise_sigio
from cases.scope.abstract import connect, sendto
from suite.case import (
    FS, PTRACE_TRACEME, SCOPE, AuditLog, Call, Case, Judge, Need, Out, Process, Ruleset, Tree,
    abstract, answers, covers, needs, own_memory, split, table, vm_only,
)  # fmt: skip

SIGNAL, ABSTRACT = Ruleset(scope=SCOPE.SIGNAL), Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET)
ANY = Ruleset(fs=FS.MAKE_BLOCK)
"""A domain is enough to restrict ptrace(2)."""


class Access(Case, frozen=True, kw_only=True):
    """A call on a process outside of the domain, given its process id."""

    call: Callable[[Process, Call], object]
    ruleset: Ruleset
    errno: str


def access(
    call: Callable[[Process, Call], object],
    ruleset: Ruleset,
    blocker: str,
    answers: str,
    errno: str = "EPERM",
) -> Access:
    return Access(
        call=call,
        ruleset=ruleset,
        covers=ruleset.scope,
        errno=errno,
        answers=answers,
        expect=logged(ruleset.features, says(f'blockers={blocker} opid=PID ocomm="init"')),
    )


def kill(number: int) -> Callable[[Process, Call], object]:
    return lambda process, pid: process.kill(pid, number)


def tgkill(process: Process, pid: Call) -> None:
    process.tgkill(pid, pid, 0)


def get_robust_list(process: Process, pid: Call) -> None:
    process.syscall("get_robust_list", pid, Out(8), Out(8))


CASES = {
    "signal-0": access(kill(0), SIGNAL, "scope.signal", "aud-signal-fields"),
    "sigurg": access(kill(signal.SIGURG), SIGNAL, "scope.signal", "aud-signal-fields"),
    "tgkill": access(tgkill, SIGNAL, "scope.signal", "aud-signal-fields"),
    "ptrace-attach": access(attach, ANY, "ptrace", "aud-ptrace-fields"),
    "get-robust-list": access(get_robust_list, ANY, "ptrace", "aud-ptrace-fields"),
    "proc-root": access(open_root, ANY, "ptrace", "aud-ptrace-fields", "EACCES"),
}


@vm_only
@needs(Need.AUDIT)
@table(split("aud-task", CASES))
@own_memory
def test_task(case: Access, process: Process, judge: Judge) -> None:
    """The record of a denial names the process that was acted on, not what was to be done to it."""
    target = process.fork()
    pid = target.getpid()
    control = process.observe(case.call, pid)
    with AuditLog(process) as log:
        denied = process.under(case.ruleset).observe(case.call, pid)
        accesses = log.accesses()
    observed = logs(accesses, denied, case.errno, {str(pid.value): "PID"})
    judge(case.expect, observed, control)


@vm_only
@answers("aud-ptrace-fields")
@needs(Need.AUDIT)
@own_memory
def test_traceme(process: Process, judge: Judge) -> None:
    """A denied PTRACE_TRACEME is logged with the parent's domain, and the caller as its object."""
    control = process.fork().fork().observe(Process.ptrace, PTRACE_TRACEME)
    with AuditLog(process) as log:
        parent = process.fork()
        child = parent.fork()
        pid = child.getpid()
        parent.restrict(ANY)
        denied = child.observe(Process.ptrace, PTRACE_TRACEME)
        accesses = log.accesses()
    observed = logs(accesses, denied, "EPERM", {str(pid.value): "CHILD"})
    judge(logged(ANY.features, says('blockers=ptrace opid=CHILD ocomm="init"')), observed, control)


@vm_only
@answers("aud-fown")
@covers(SCOPE.SIGNAL)
@needs(Need.AUDIT)
def test_sigio(process: Process, judge: Judge) -> None:
    """A SIGIO that a domain keeps from the owner of a file is logged as other signals are."""
    target = process.fork()
    target.block_signals(signal.SIGUSR1)
    pid = target.getpid()
    raise_sigio(process, pid)
    control = target.observe(Process.take_signal, signal.SIGUSR1)
    with AuditLog(process) as log:
        raise_sigio(process.under(SIGNAL), pid)
        taken = target.observe(Process.take_signal, signal.SIGUSR1)
        accesses = log.accesses()
    observed = logs(accesses, taken, "EAGAIN", {str(pid.value): "PID"})
    judge(
        logged(SIGNAL.features, says('blockers=scope.signal opid=PID ocomm="init"')),
        observed,
        control,
    )


class Way(Case, frozen=True, kw_only=True):
    """A way to talk to an abstract socket outside."""

    kind: int
    talk: Callable[[Process, bytes, int], object]


TO_NAME = logged(ABSTRACT.features, says("blockers=scope.abstract_unix_socket path=NAME"))
WAYS = {
    "abstract-stream": Way(kind=SOCK_STREAM, talk=connect, expect=TO_NAME),
    "abstract-datagram-connect": Way(kind=SOCK_DGRAM, talk=connect, expect=TO_NAME),
    "abstract-datagram-sendto": Way(kind=SOCK_DGRAM, talk=sendto, expect=TO_NAME),
}


@vm_only
@answers("aud-unix-fields")
@covers(SCOPE.ABSTRACT_UNIX_SOCKET)
@needs(Need.AUDIT)
@table(split("aud-socket", WAYS))
def test_abstract_socket(case: Way, process: Process, tree: Tree, judge: Judge) -> None:
    """The record names the socket outside by all bytes of its name, in hexadecimal."""
    address = abstract(tree.path)
    process.server(AF_UNIX, case.kind, address)
    control = process.observe(case.talk, address, case.kind)
    with AuditLog(process) as log:
        denied = process.under(ABSTRACT).observe(case.talk, address, case.kind)
        accesses = log.accesses()
    name = address[2:].hex().upper()
    observed = logs(accesses, denied, "EPERM", {name: "NAME"})
    judge(case.expect, observed, control)
