# SPDX-License-Identifier: MIT
"""Kernels that lie: a liar answers Landlock's system calls in the place of a real kernel.

A process installs a seccomp filter that notifies a listener of these calls, and so do all that
descend from it, programs that they execute among them. The agent serves the listener, by rules,
outside of the filter (``suite/agent/liar.c``).

What is not as on a kernel that is so: /proc/PID/status tells of a filter; nobody beneath can have a
listener of their own (EBUSY); what the kernel itself tells, as in its log or by its tracepoints,
is what it really did.

Source: seccomp_unotify(2); Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

from collections.abc import Sequence

from suite.agent.lies import Lie, encoded
from suite.errors import InfrastructureError
from suite.judge.outcome import Denied
from suite.landlock.abi import CREATE, LANDLOCK_CALLS
from suite.packed import joined, packed
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.uapi import (
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF,
)
from suite.targets.base import SUPERVISOR
from suite.targets.shapes import Shape, lies
from suite.targets.standing import tried
from suite.values import Pack

_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_F_SETFD = 2
_AGENT = "/proc/self/exe"


class CannotLieError(InfrastructureError):
    """A kernel, or who we are on it, does not let us lie in its place."""

    is_final = True


def lie(process: Process, shape: Shape) -> Process:
    """A child for which, and for whose children, the kernel has a shape.

    It is the one to start programs from. The liar ends when nobody is left to be lied to, and at
    the latest with the agent.

    Args:
        process: One that may install a filter without no_new_privs: CAP_SYS_ADMIN, if only in its
            own user namespace.
        shape: Of `SHAPES`, or one's own.

    Raises:
        CannotLieError: It may not, or there is no Landlock to lie about.
    """
    version = tried(process, lambda it: it.create_ruleset(0, 0, CREATE.VERSION))
    if version.failure is not None:
        raise CannotLieError(f"there is no Landlock to lie about: {version.failure}")
    return beneath(process, lies(shape, version.value))


def beneath(process: Process, rules: Sequence[Lie]) -> Process:
    """A child for which, and for whose children, Landlock's calls come to what rules say.

    Raises:
        CannotLieError: The process may not install such a filter.
    """
    session = process.session
    child = process.fork()
    listener = _listener(child, [session.numbers[name] for name in LANDLOCK_CALLS])
    server = Process(session, SUPERVISOR).fork()
    heard = child.give(listener, server)
    child.close(listener)
    source = server.memfd_create()
    server.write(source, encoded(rules, session.numbers))
    for fd in (heard, source):
        server.fcntl(fd, _F_SETFD, 0)
    # By a thread, since the agent kills a process that stops serving it, as FUSE's server does.
    thread = server.thread()
    environment = Pack(((8, f"LANDPROOF_LIES={heard.value} {source.value}"), (8, 0)))
    with session.in_mode(Mode.DEATH):
        started = thread.syscall(
            "execve", _AGENT, Pack(((8, "landproof-lies"), (8, 0))), environment
        )
    if started.failure not in (None, "DIED"):
        raise CannotLieError(f"the liar was not started: {started.failure}")
    return child


def _listener(process: Process, numbers: Sequence[int]) -> Call:
    """Install the filter; the call gives its listener.

    The numbers of Landlock's calls are the same for the 32-bit entry, so the filter does not ask
    for the architecture.
    """
    steps = [
        (_LOAD, 0, 0, 0),
        *((_JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        (_RETURN, 0, 0, SECCOMP_RET_ALLOW),
        (_RETURN, 0, 0, SECCOMP_RET_USER_NOTIF),
    ]
    program = joined(packed("HBBI", *step) for step in steps)
    flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    asked = process.observe(Process.seccomp, program, flags)
    if asked.outcome == Denied("EINVAL"):  # before Linux 5.19, signals interrupt such a call
        asked = process.observe(Process.seccomp, program, SECCOMP_FILTER_FLAG_NEW_LISTENER)
    match asked.outcome:
        case Denied("EACCES"):
            raise CannotLieError(
                "a kernel that lies takes a seccomp filter without no_new_privs, which needs "
                "CAP_SYS_ADMIN: run landproof as root, or where users may make user namespaces"
            )
        case Denied(why):
            raise CannotLieError(f"no seccomp filter with a listener can be installed: {why}")
        case _:
            return asked.calls[0]
