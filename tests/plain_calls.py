# SPDX-License-Identifier: MIT
"""Plain system calls: numbers and structs by hand, nothing of what cases are made of.

Source: include/uapi/linux/landlock.h; the manual pages of the calls.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from suite.agent.wire import Status
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.targets.base import Ground
from suite.values import Argument

EPERM, E2BIG, EACCES, EXDEV, EINVAL = 1, 7, 13, 18, 22
NAMES = {EPERM: "EPERM", E2BIG: "E2BIG", EACCES: "EACCES", EINVAL: "EINVAL", 9: "EBADF",
         14: "EFAULT", 38: "ENOSYS", 42: "ENOMSG", 95: "EOPNOTSUPP"}  # fmt: skip
AT_FDCWD, O_PATH = -100, 0o10000000
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 38, 39
PATH_BENEATH, NET_PORT = 1, 2
READ_FILE = 1 << 2


class Refused(Exception):  # noqa: N818 (an answer, and no fault)
    """A call of Landlock failed: ``create_ruleset: EINVAL``."""


class Caller:
    """A process that makes plain calls, and is told as C is: a value, or a negative errno."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def __call__(self, name: str, *arguments: Argument) -> int:
        """Make one call."""
        return told(self._make(name, arguments))

    def each(self, name: str, *calls: tuple[Argument, ...]) -> list[int]:
        """Make many of one kind, none of which needs the result of another."""
        return [told(call) for call in [self._make(name, arguments) for arguments in calls]]

    def out(self, name: str, *arguments: Argument) -> bytes:
        """Make one call that fills a buffer."""
        return self._make(name, arguments).data

    def execute(self, path: str) -> int:
        """execveat(2) of a program that goes on serving."""
        with self.process.session.in_mode(Mode.OBSERVED):
            call = self.process.exec(path)
        return told(call)

    def fork(self) -> Caller:
        """A child."""
        return Caller(self.process.fork())

    def thread(self) -> Caller:
        """A thread."""
        return Caller(self.process.thread())

    def _make(self, name: str, arguments: tuple[Argument, ...]) -> Call:
        with self.process.session.in_mode(Mode.OBSERVED):
            return self.process.syscall(name, *arguments)

    def landlock(self, name: str, *arguments: Argument) -> int:
        """A call of Landlock.

        Raises:
            Refused: It failed.
        """
        value = self(f"landlock_{name}", *arguments)
        if value < 0:
            raise Refused(f"{name}: {NAMES.get(-value, -value)}")
        return value

    def ruleset(self, *fields: int) -> int:
        """landlock_create_ruleset(2) with an attribute of so many fields."""
        attr = struct.pack(f"<{len(fields)}Q", *fields)
        return self.landlock("create_ruleset", attr, len(attr), 0)

    def enforce(self, *fields: int, flags: int = 0) -> None:
        """Set no_new_privs and enter a domain without rules."""
        self("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        self.landlock("restrict_self", self.ruleset(*fields), flags)

    def drop_capabilities(self) -> None:
        """capset(2): none is left."""
        header = struct.pack("<Ii", 0x20080522, 0)
        if self("capset", header, bytes(24)) < 0:
            raise AssertionError("capabilities can't be given up")

    def open(self, path: str, flags: int = 0) -> int:
        """openat(2)."""
        return self("openat", AT_FDCWD, path, flags, 0)


def told(call: Call) -> int:
    """What a call gave."""
    record = call.record
    if record is None or record.status is not Status.DONE:
        raise AssertionError(f"{call} came to nothing")
    return record.value


@dataclass(frozen=True, slots=True)
class Scene:
    """Two processes, and a folder for each with the same things in it.

    ::

        file  sub/  program  socket (somebody listens)
    """

    outside: Caller
    inside: Caller
    """A child of the first: it is the one that enters domains."""
    free: str
    held: str
    """The folder that the one in a domain acts on."""


@contextmanager
def scene(ground: Ground, name: str) -> Iterator[Scene]:
    """Two processes that end with the block; the folders are named after ``name``."""
    with ground.session.scope():
        outside = Caller(ground.root.fork())
        folders = [f"{ground.place}/{name}-{which}" for which in ("free", "held")]
        for folder in folders:
            _furnish(outside, folder, ground.agent)
        yield Scene(outside, outside.fork(), *folders)


def _furnish(caller: Caller, folder: str, agent: str) -> None:
    done = [
        caller("mkdirat", AT_FDCWD, folder, 0o755),
        caller("mkdirat", AT_FDCWD, f"{folder}/sub", 0o755),
        caller("mknodat", AT_FDCWD, f"{folder}/file", 0o100644, 0),
        caller("linkat", AT_FDCWD, agent, AT_FDCWD, f"{folder}/program", 0),
        server := caller("socket", 1, 1, 0),
        caller("bind", server, *address(unix(f"{folder}/socket"))),
        caller("listen", server, 1),
    ]
    assert min(done) >= 0, (folder, done)


def unix(path: str) -> bytes:
    """A struct sockaddr_un."""
    return struct.pack("<H", 1) + path.encode() + b"\0"


def abstract(name: str) -> bytes:
    """That of an abstract name."""
    return struct.pack("<H", 1) + b"\0" + name.encode()


def inet(port: int) -> bytes:
    """A struct sockaddr_in of 127.0.0.1."""
    return struct.pack("<H", 2) + struct.pack(">H4B", port, 127, 0, 0, 1) + bytes(8)


def address(packed: bytes) -> tuple[bytes, int]:
    """An address as calls take it."""
    return packed, len(packed)


def rule(rights: int, fd: int) -> bytes:
    """A struct landlock_path_beneath_attr."""
    return struct.pack("<Qi", rights, fd)
