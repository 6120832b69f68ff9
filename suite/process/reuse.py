# SPDX-License-Identifier: MIT
"""Whether the process of a case can serve the next case too: a fork is dear under emulation.

A process that enforced a domain never can. One that is outside of all domains can, if the calls of
the case left nothing behind in it but open files and children, and we know which.
"""

from __future__ import annotations

import signal
import struct
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from suite.agent.wire import OpKind
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.session import Session
from suite.process.syscalls import SYSCALLS, Changes, Opens
from suite.process.uapi import CLONE_VM, F_SETFL, F_SETOWN, F_SETOWN_EX, PIDFD_SIGNAL_PROCESS_GROUP
from suite.values import Int, Pack


class Spare(defaultdict[Process, list[Process]]):
    """Processes of earlier cases that are as good as new, by their parent."""

    def __init__(self) -> None:
        super().__init__(list)


def is_spent(process: Process, place: str) -> bool:
    """Whether one of the calls so far, if it succeeds, does more than ``tidy_up`` can undo.

    ``place`` is the folder of the cases' files. A file elsewhere may be a switch that changes the
    process, as those in /proc are.
    """
    session = process.session
    calls = chain.from_iterable(batch.calls for batch in (*session.sent, session.pending))
    return not all(_leaves_nothing(call, process, place) for call in calls)


def tidy_up(process: Process) -> None:
    """Make a process that is not spent as it was before the case.

    The calls for that travel with the next program, after the kills of the children.
    """
    session = process.session
    left: set[int] = set()
    for call in _succeeded(session):
        kind = _kind_of(call)
        if kind is OpKind.GIVE and call.arguments[1] == process.id:
            left.add(call.value)
        if _process_of(call) != process.id:
            continue
        if kind is OpKind.FORK:
            with session.in_mode(Mode.OBSERVED):  # fails if the case has waited for the child
                process.wait(call.value)
        elif kind is OpKind.CALL and call.name == "close":
            left.discard(_number(call.arguments[0]))
        elif kind is OpKind.CALL:
            left.update(_opened(call))
    for fd in sorted(left):
        process.close(fd)


def _succeeded(session: Session) -> Iterator[Call]:
    for batch in session.sent:
        if batch.records:
            batch.settle()  # nothing is undone after an error that nobody has heard of
        for call in batch.calls:
            record = batch.records.get(call.index)
            if record is not None and not record.failed:
                yield call


def _process_of(call: Call) -> int:
    return call.batch.ops[call.index].process


def _kind_of(call: Call) -> OpKind:
    return call.batch.ops[call.index].kind


def _number(argument: object) -> int:
    """The file descriptor that an argument came to."""
    match argument:
        case Call():
            return argument.value
        case Int(call, offset, width):
            return -1 if (number := call.integer(offset, width)) is None else number
        case int():
            return argument
    return -1


def _leaves_nothing(call: Call, process: Process, place: str) -> bool:
    """Whether the process is as it was before, but for open files and children."""
    kind = _kind_of(call)
    changes = SYSCALLS[call.name].changes if kind is OpKind.CALL else None
    named = changes is Changes.NAMED
    if kind is OpKind.GIVE or (named and _is_about_a_child(call, process)):
        return True
    if kind is OpKind.KILL or _process_of(call) != process.id:
        # Children are killed after the case, whatever they did to themselves.
        return changes in (None, Changes.FILES, Changes.OWN)
    if kind is OpKind.FORK:
        return call.arguments[1] in (signal.SIGCHLD, CLONE_VM | signal.SIGCHLD)
    if changes is not Changes.FILES:
        return False
    paths = [it for it in call.arguments if isinstance(it, str)]
    if call.name in ("symlink", "symlinkat"):
        del paths[0]  # any words, until somebody follows them
    if call.name == "fsopen":
        return paths == ["tracefs"]  # no file of it is a switch of a process
    if call.name in ("faccessat", "openat", "mkdirat") and isinstance(call.arguments[0], Call):
        # The path begins in a folder that the case opened: how it got there is checked already.
        paths = [path for path in paths if path.startswith(("/", ".."))]
    return all(path.startswith(place) for path in paths)


def _is_about_a_child(call: Call, process: Process) -> bool:
    """Whether all that it may change is a process that the case made, or a file that it opened.

    Such a call signals a child, or makes it the owner of a file. Signal 0 changes nothing, and the
    flags of a file that the case has opened are gone when it is closed.
    """
    match call.name, call.arguments:
        case (("kill" | "tkill" | "rt_sigqueueinfo"), (_, 0, *_)) | ("tgkill", (_, _, 0)):
            return True
        case "fcntl", (Call() | Int(), command, _) if command == F_SETFL:
            return True
        case (("kill" | "tkill" | "tgkill" | "rt_sigqueueinfo" | "rt_tgsigqueueinfo"), (whom, *_)):
            pass
        case "pidfd_send_signal", (Call(name="pidfd_open", arguments=(whom, _)), _, _, flags):
            if flags == PIDFD_SIGNAL_PROCESS_GROUP:
                return False
        case "fcntl", (_, command, whom) if command == F_SETOWN:
            pass
        case "fcntl", (_, command, Pack((_, (_, whom)))) if command == F_SETOWN_EX:
            pass
        case _:
            return False
    return isinstance(whom, Call) and _kind_of(whom) is OpKind.FORK and whom is not process.pid


def _opened(call: Call) -> set[int]:
    """The file descriptors that a system call gave to its process."""
    opens = SYSCALLS[call.name].opens
    if opens is Opens.TWO:
        return set(struct.unpack_from("<ii", call.data))
    asks = call.name == "landlock_create_ruleset" and call.arguments[2] != 0  # for the version
    return {call.value} if opens is Opens.ONE and not asks else set()
