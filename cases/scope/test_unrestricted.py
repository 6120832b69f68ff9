# SPDX-License-Identifier: MIT
"""What no scope keeps apart: who exists, who comes in, and the objects of System V.

Source: include/uapi/linux/landlock.h, "Scope flags"; security/landlock/task.c has no hook of any.
"""

from collections.abc import Callable
from socket import AF_UNIX

from suite.packed import packed
from cases.controls import all_of, refused, though_denied
from cases.scope.abstract import ALLOWED as TALKS
from cases.scope.abstract import CONNECTIONS, Kind, of
from cases.scope.signals import ALLOWED, SCOPED, kill, pid
from cases.whole import whole
from suite.case import (
    CLONE_NEWIPC, FS, SCOPE, Allowed, Call, Facts, Judge, Need, Out, Process, Row, Ruleset, Tree,
    abstract, answers, covers, needs, own_memory, since, table,
)  # fmt: skip

NOBODY = 1 << 22
"""More than any process has as its number."""
IPC_PRIVATE, IPC_RMID, IPC_NOWAIT, SETVAL = 0, 0, 0o4000, 16
PAGE = 4096


@answers("gap-pidfd")
@covers(SCOPE.SIGNAL)
def test_pidfd_tells_who_exists(process: Process, judge: Judge) -> None:
    """pidfd_open(2) tells whether there is a process outside, which no signal reaches."""
    sandboxed = process.under(SCOPED)
    control = refused(sandboxed.observe(Process.pidfd_open, NOBODY), "ESRCH")
    signalled = sandboxed.observe(kill, pid(process), 0)
    told = sandboxed.observe(Process.pidfd_open, pid(process))
    judge(ALLOWED, though_denied(signalled, told, "EPERM"), control)


@answers("gap-pidfd")
@covers(SCOPE.SIGNAL)
def test_pidfd_tells_who_ended(process: Process, judge: Judge) -> None:
    """A file descriptor of a process outside tells that it ended."""
    outside, sandboxed = process.fork(), process.under(SCOPED)
    signalled = sandboxed.observe(kill, pid(outside), 0)
    pidfd = sandboxed.pidfd_open(pid(outside))
    outside.exit()
    told = sandboxed.observe(Process.poll, pidfd)
    judge(ALLOWED, though_denied(signalled, told, "EPERM"))


@covers(SCOPE.ABSTRACT_UNIX_SOCKET, SCOPE.SIGNAL)
@table(of(CONNECTIONS, "{}-from-outside", "gap-inbound", TALKS))
def test_from_outside(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """Who is outside connects to what listens in the domain, and is answered."""

    def ask(process: Process) -> None:
        process.connect(client, abstract(tree.path))
        process.sendto(client, b"?")

    def answer(process: Process) -> None:
        accepted = process.accept(server)
        process.recv(accepted, 1)
        process.sendto(accepted, b"!")

    client = process.socket(AF_UNIX, case.kind)
    sandboxed = process.under(Ruleset(scope=SCOPE.ABSTRACT_UNIX_SOCKET | SCOPE.SIGNAL))
    server = sandboxed.server(AF_UNIX, case.kind, abstract(tree.path))
    asked = process.observe(ask)
    answered = sandboxed.observe(answer)
    got = process.observe(Process.recv, client, 1)
    judge(case.expect, all_of(asked.outcome, answered.outcome, got.outcome))


class Object(Row, frozen=True, kw_only=True):
    """A kind of object: how one is made without a key, used and removed."""

    make: Callable[[Process], Call]
    use: Callable[[Process, Call], object]
    remove: Callable[[Process, Call], object]


def send_and_receive(process: Process, queue: Call) -> None:
    message = packed("q8s", 1, b"message")
    process.syscall("msgsnd", queue, message, 8, IPC_NOWAIT)
    process.syscall("msgrcv", queue, Out(16, "q8s"), 8, 0, IPC_NOWAIT)


def raise_and_lower(process: Process, semaphores: Call) -> None:
    process.syscall("semctl", semaphores, 0, SETVAL, 1)
    down = packed("Hhh", 0, -1, IPC_NOWAIT)
    process.syscall("semtimedop", semaphores, down, 1, None)


OBJECTS = {
    "message-queue": Object(
        make=lambda process: process.syscall("msgget", IPC_PRIVATE, 0o600),
        use=send_and_receive,
        remove=lambda process, it: process.syscall("msgctl", it, IPC_RMID, 0),
    ),
    "semaphores": Object(
        make=lambda process: process.syscall("semget", IPC_PRIVATE, 1, 0o600),
        use=raise_and_lower,
        remove=lambda process, it: process.syscall("semctl", it, 0, IPC_RMID, 0),
    ),
    "shared-memory": Object(
        make=lambda process: process.syscall("shmget", IPC_PRIVATE, PAGE, 0o600),
        use=lambda process, it: process.syscall("shmat", it, 0, 0),
        remove=lambda process, it: process.syscall("shmctl", it, IPC_RMID, 0),
    ),
}


def apart(process: Process) -> Process:
    """A child with objects of its own where it may have them: no name is used in either case."""
    child = process.fork()
    child.observe(Process.unshare, CLONE_NEWIPC)
    return child


FREE = since(FS.EXECUTE, Allowed())


@needs(Need.SYSVIPC)
@answers("gap-sysv-ipc")
@own_memory
@table({f"{name}-from-outside": it for name, it in OBJECTS.items()})
def test_object_from_outside(case: Object, facts: Facts, process: Process, judge: Judge) -> None:
    """An object that was made outside is used in a domain that restricts all there is."""
    outside = apart(process)
    it = case.make(outside)
    control = outside.observe(case.use, it)
    observed = outside.under(whole(facts)).observe(case.use, it)
    case.remove(outside, it)
    judge(FREE, observed, control)


@needs(Need.SYSVIPC)
@answers("gap-sysv-ipc")
@own_memory
@table({f"{name}-of-its-own": it for name, it in OBJECTS.items()})
def test_object_of_its_own(case: Object, facts: Facts, process: Process, judge: Judge) -> None:
    """A domain that restricts all there is makes an object, and removes it."""

    def live(process: Process) -> None:
        it = case.make(process)
        case.use(process, it)
        case.remove(process, it)

    judge(FREE, apart(process).under(whole(facts)).observe(live))
