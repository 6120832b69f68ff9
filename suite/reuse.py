# SPDX-License-Identifier: MIT
"""Whether the process of a case can be that of the next one: a fork is dear under emulation.

A process that enforced a domain never is. One that is outside of all domains can be, if all that
the case did were calls that leave nothing behind in it but open files, of which we know.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

from suite.agent.wire import OpKind
from suite.process import Process
from suite.session import Call, Mode, Session

_OPENING = {
    "accept4", "creat", "landlock_create_ruleset", "memfd_create", "open", "openat", "openat2",
    "socket",
}  # fmt: skip
_PASSING = _OPENING | {
    "access", "bind", "close", "connect", "copy_file_range", "faccessat", "fallocate", "fchmod",
    "fchmodat", "fstat", "ftruncate", "getdents64", "getpid", "getsockname", "getsockopt",
    "landlock_add_rule", "link", "linkat", "listen", "lseek", "mkdir", "mkdirat", "mknod",
    "mknodat", "newfstatat", "read", "readlinkat", "recvfrom", "rename", "renameat", "renameat2",
    "rmdir", "sendfile", "sendmmsg", "sendmsg", "sendto", "setsockopt", "stat", "statx", "symlink",
    "symlinkat", "truncate", "unlink", "unlinkat", "wait4", "write",
}  # fmt: skip
"""Calls that change of the process nothing but its table of files."""
_PRIVATE = _PASSING | {
    "capset", "chdir", "chroot", "dup", "dup3", "exit_group", "fchdir", "landlock_restrict_self",
    "mmap", "mount", "move_mount", "pipe2", "pivot_root", "poke", "prctl", "setuid", "umount2",
    "unshare",
}  # fmt: skip
"""Calls that change nothing of another process: children, which are killed, may make them."""


def tidy_up(process: Process, place: str) -> bool:
    """Make it as it was before the case; False if it has to be killed instead.

    ``place`` is where the case's files are; others may be switches of the process, as in /proc.
    What is to be called for it travels with the next program, after the kills of its children.
    """
    session = process.session
    calls = list(_calls(session))
    if not all(_leaves_nothing(call, process.id, place) for call in calls):
        return False
    own = [call for call in calls if _process_of(call) == process.id and not call.failure]
    left: set[int] = set()
    for call in own:
        if call.name == "close":
            left.discard(_number(call.arguments[0]))
        elif _opened(call):
            left.add(call.value)
    for child in (call.value for call in own if call.name == "fork"):
        with session.in_mode(Mode.OBSERVED):  # it may have been waited for
            process.wait(child)
    for fd in sorted(left):
        process.close(fd)
    return True


def _calls(session: Session) -> Iterator[Call]:
    for batch in session.sent:
        yield from (call for call in batch.calls if batch.records.get(call.index))


def _process_of(call: Call) -> int:
    return call.batch.ops[call.index].process


def _number(argument: object) -> int:
    if isinstance(argument, Call):
        return argument.value
    return argument if isinstance(argument, int) else -1


def _leaves_nothing(call: Call, process: int, place: str) -> bool:
    kind = call.batch.ops[call.index].kind
    if kind is OpKind.GIVE:
        return False  # of a file that is nowhere noted
    if kind is OpKind.KILL or _process_of(call) != process:
        return kind is not OpKind.CALL or call.name in _PRIVATE
    if kind is OpKind.FORK:
        return call.name == "fork" and call.arguments[1] == signal.SIGCHLD
    paths = [it for it in call.arguments if isinstance(it, str)]
    if call.name in ("symlink", "symlinkat"):
        del paths[0]  # any words, until somebody follows them
    known = kind is OpKind.CALL and call.name in _PASSING
    return known and all(path.startswith(place) for path in paths)


def _opened(call: Call) -> bool:
    if call.name not in _OPENING or call.failure:
        return False
    return call.name != "landlock_create_ruleset" or call.arguments[2] == 0  # else it is a query
