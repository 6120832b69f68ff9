# SPDX-License-Identifier: MIT
"""Whether the process of a case can be that of the next one: a fork is dear under emulation.

A process that enforced a domain never is. One that is outside of all domains can be, if all that
the case did were calls that leave nothing behind in it but open files, of which we know.
"""

from __future__ import annotations

import signal
import struct
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from suite.agent.wire import OpKind
from suite.process.calls.files import F_SETFL, F_SETOWN, F_SETOWN_EX
from suite.process.calls.tasks import CLONE_VM, PIDFD_SIGNAL_PROCESS_GROUP
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.session import Session
from suite.values import Int, Pack

_OPENING = {
    "accept4", "creat", "fsmount", "fsopen", "landlock_create_ruleset", "memfd_create", "open",
    "openat", "openat2", "pidfd_open", "socket",
}  # fmt: skip
_OPENING_TWO = {"pipe2", "socketpair"}
_PASSING = _OPENING | _OPENING_TWO | {
    "access", "bind", "close", "connect", "copy_file_range", "faccessat", "fallocate", "fchmod",
    "fchmodat", "fsconfig", "fstat", "ftruncate", "getdents64", "getpid", "getsockname",
    "getsockopt", "landlock_add_rule", "link", "linkat", "listen", "lseek", "mkdir", "mkdirat",
    "mknod", "mknodat", "newfstatat", "ppoll", "read", "readlinkat", "recvfrom", "rename",
    "renameat", "renameat2", "rmdir", "sendfile", "sendmmsg", "sendmsg", "sendto", "setsockopt",
    "shutdown", "splice", "stat", "statx", "symlink", "symlinkat", "truncate", "unlink", "unlinkat",
    "wait4", "write",
}  # fmt: skip
"""Calls that change of the process nothing but its table of files."""
_PRIVATE = _PASSING | {
    "capset", "chdir", "chroot", "dup", "dup3", "exit_group", "fchdir", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "landlock_restrict_self", "mmap", "mount", "move_mount",
    "munmap", "pivot_root", "prctl", "rt_sigprocmask", "rt_sigtimedwait", "seccomp", "setpgid",
    "setuid", "umount2", "unshare",
}  # fmt: skip
"""Calls that change nothing of another process: children, which are killed, may make them."""
_ABOUT_ANOTHER = {
    "fcntl", "kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill",
}  # fmt: skip


class Spare(defaultdict[Process, list[Process]]):
    """Processes of earlier cases that are as good as new, by their parent."""

    def __init__(self) -> None:
        super().__init__(list)


def is_spent(process: Process, place: str) -> bool:
    """Whether one of the calls so far, if it goes through, is more than can be tidied up.

    ``place`` is where the case's files are; others may be switches of the process, as in /proc.
    """
    session = process.session
    calls = chain.from_iterable(batch.calls for batch in (*session.sent, session.pending))
    return not all(_leaves_nothing(call, process, place) for call in calls)


def tidy_up(process: Process) -> None:
    """Make one that is not spent as it was before the case.

    What is to be called for it travels with the next program, after the kills of its children.
    """
    session = process.session
    left: set[int] = set()
    for call in _calls(session):
        if call.failure:
            continue
        if call.name == "give" and call.arguments[1] == process.id:
            left.add(call.value)
        if _process_of(call) != process.id:
            continue
        if call.name == "close":
            left.discard(_number(call.arguments[0]))
        elif call.name == "fork":
            with session.in_mode(Mode.OBSERVED):  # it may have been waited for
                process.wait(call.value)
        else:
            left.update(_opened(call))
    for fd in sorted(left):
        process.close(fd)


def _calls(session: Session) -> Iterator[Call]:
    for batch in session.sent:
        yield from (call for call in batch.calls if batch.records.get(call.index))


def _process_of(call: Call) -> int:
    return call.batch.ops[call.index].process


def _number(argument: object) -> int:
    match argument:
        case Call():
            return argument.value
        case Int(call, offset, width):
            return int.from_bytes(call.data[offset : offset + width], "little")
        case int():
            return argument
    return -1


def _leaves_nothing(call: Call, process: Process, place: str) -> bool:
    kind = call.batch.ops[call.index].kind
    if kind is OpKind.GIVE or (call.name in _ABOUT_ANOTHER and _is_about_a_child(call, process)):
        return True
    if kind is OpKind.KILL or _process_of(call) != process.id:
        return kind is not OpKind.CALL or call.name in _PRIVATE
    if kind is OpKind.FORK:
        plain = signal.SIGCHLD, CLONE_VM | signal.SIGCHLD
        return call.name == "fork" and call.arguments[1] in plain
    paths = [it for it in call.arguments if isinstance(it, str)]
    if call.name in ("symlink", "symlinkat"):
        del paths[0]  # any words, until somebody follows them
    if call.name == "fsopen":
        return paths == ["tracefs"]  # of which no file is a switch of a process
    if call.name in ("faccessat", "openat", "mkdirat") and isinstance(call.arguments[0], Call):
        # What it opened is known already.
        paths = [path for path in paths if path.startswith(("/", ".."))]
    known = kind is OpKind.CALL and call.name in _PASSING
    return known and all(path.startswith(place) for path in paths)


def _is_about_a_child(call: Call, process: Process) -> bool:
    """Whether it signals a process that the case made, or makes it the owner of a file.

    Signal 0 is none, and flags of a file that the case has opened go with it.
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
    return isinstance(whom, Call) and whom.name == "fork" and whom is not process.pid


def _opened(call: Call) -> set[int]:
    """The file descriptors that a call gave to its process."""
    if call.name in _OPENING_TWO:
        return set(struct.unpack_from("<ii", call.data))
    query = call.name == "landlock_create_ruleset" and call.arguments[2] != 0
    return {call.value} if call.name in _OPENING and not query else set()
