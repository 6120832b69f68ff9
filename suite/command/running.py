# SPDX-License-Identifier: MIT
"""Run a program of others by typed calls: it starts, its output is read as it comes, it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from suite.agent import wire
from suite.command.order import Order
from suite.errors import LandproofError
from suite.judge.outcome import Denied
from suite.judge.ran import End, of_status
from suite.process.process import Process
from suite.process.promise import Mode
from suite.process.uapi import AT_FDCWD
from suite.targets.standing import tried
from suite.values import Fd, Out, Pack, packed

_ABOVE_STANDARD = 10
"""A guest's processes have no standard files: what they open first would take their place."""
_POLLIN = 1
_DEADLINE_MS = 60_000
"""Of calls that return by themselves, on a machine that may be very busy."""
_CHUNK = 4096
"""A buffer travels whole, however little there is in it."""
_MOST_READS = 64
"""At once: the end and the time are looked at between them. More than a pipe holds."""
_MAP_PRIVATE, _MAP_ANONYMOUS = 2, 32
_PROT_READ, _PROT_WRITE = 1, 2
_LOOK_FURTHER = {"ENOENT": 0, "ENOTDIR": 0, "EACCES": 1}
"""After these errnos a program may be in the next folder of PATH, and how telling they are.

Source: execvp(3)."""
_HINTS = {
    "ENOEXEC": "; programs of another architecture are in a tree of their own (--root), and a"
    " script says in its first line what runs it",
}


class NotStartedError(LandproofError):
    """The command could not be started: nothing of it ran."""


class Running:
    """A command on a target, started; its output is to be read until it ends.

    Args:
        root: A process of the target, whose grandchild the command is.
        order: What to run.

    Raises:
        AgentLostError: The target is gone.
        NotStartedError: There is no such program or folder, or it can't be executed.
        SetupError: The target refuses what every kernel does.
    """

    end: End
    """What it came to, once ``output`` has ended."""
    code: int | None = None
    signal: str = ""

    look_s = 0.5
    """How long the target waits for output before it says that there is none."""

    def __init__(self, root: Process, order: Order) -> None:
        root.session.deadline_ms = _DEADLINE_MS
        self._order = order
        self._keeper = root.fork()
        self._ours, theirs = self._streams()
        child = self._keeper.fork()
        assert child.pid is not None  # noqa: S101 (it was forked)
        self._pid = child.pid
        self._ended = self._keeper.pidfd_open(self._pid).value
        self.started = time.monotonic()
        child.setsid()
        self._take_streams(child, theirs)
        _prepare(child, order)
        execute(child, order)
        _ = self._keeper.close(theirs).value

    def _streams(self) -> tuple[int, int]:
        """The keeper's end of the command's streams, and the other one."""
        pipe = self._keeper.syscall("pipe2", Out(8, "2i"), os.O_CLOEXEC)
        _ = pipe.value
        ours, theirs = pipe.integer(0, 4) or 0, pipe.integer(4, 4) or 0
        # Only our end: the command's will be its standard output, which programs expect to wait.
        self._keeper.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
        return ours, theirs

    def _take_streams(self, child: Process, theirs: int) -> None:
        """Make the other end the standard files of a process."""
        null = child.open("/dev/null", os.O_RDONLY)
        give_streams(child, (null, theirs, theirs))

    def output(self) -> Iterator[bytes]:
        """What it prints, as it comes, until it ends or its time is up.

        What it leaves behind may go on printing: nobody hears that.

        Raises:
            AgentLostError: The target is gone.
        """
        limit = self._order.timeout_s
        status = None
        while status is None:
            status = self._look()
            yield from self._read()
            if status is None and limit is not None and time.monotonic() - self.started > limit:
                self._kill()
                yield from self._read()
                self.end = End.TIMED_OUT
                return
        self.end, self.code, self.signal = of_status(status)

    def _look(self) -> int | None:
        """Wait a moment for output or the end; how it ended, if it has."""
        keeper = self._keeper
        files = Pack(
            (*((4, self._ours), (2, _POLLIN), bytes(2)), (4, self._ended), (2, _POLLIN), bytes(2))
        )
        timeout = packed("2q", 0, round(self.look_s * 1e9))
        tried(keeper, lambda it: it.syscall("ppoll", files, 2, timeout, None, 8))
        waited = tried(keeper, lambda it: it.wait(self._pid, os.WNOHANG))
        return waited.integer(0, 4) if waited.value else None

    def _read(self) -> Iterator[bytes]:
        for _ in range(_MOST_READS):
            call = tried(self._keeper, lambda it: it.read(self._ours, _CHUNK))
            if call.failure == "EAGAIN":
                return
            if call.failure is not None or not call.value:  # a terminal says EIO
                self._ours = -1  # poll(2) passes it over: all ends are closed, yet it may live on
                return
            yield call.data[: call.value]

    def _kill(self) -> None:
        """Kill it, and all of its process group."""
        tried(self._keeper, lambda it: it.kill(-(self._pid.value), signal.SIGKILL))
        _ = tried(self._keeper, lambda it: it.wait(self._pid)).record


def give_streams(child: Process, files: Sequence[Fd]) -> None:
    """Make these files the standard ones of a process."""
    high = [child.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD) for fd in files]
    for number, fd in enumerate(high):
        child.syscall("dup3", fd, number, 0)


def _prepare(child: Process, order: Order) -> None:
    """Give the process a folder and a user."""
    moved = child.observe(Process.chdir, order.folder)
    if isinstance(moved.outcome, Denied):
        raise NotStartedError(
            f"the command can't start in {order.folder}: {moved.outcome.errno} there; name another"
            " folder with --cwd"
        )
    if order.user is not None:
        groups = order.groups
        child.syscall("setgroups", len(groups), packed(f"{len(groups)}I", *groups))
        child.syscall("setresgid", *(order.group,) * 3)
        child.syscall("setresuid", *(order.user,) * 3)


def execute(child: Process, order: Order) -> None:
    """execve(2).

    A thread does it, which becomes the process: a process that loses its connection is killed by
    the agent, but not one that has lost a thread's.
    """
    arguments, environment = in_memory(child, order)
    session = child.session
    thread = child.thread()
    refusals = []
    for path in candidates(order):
        with session.in_mode(Mode.DEATH):
            call = thread.syscall("execveat", AT_FDCWD, path, arguments, environment, 0)
        record = call.record
        if record is not None and record.status == wire.Status.DIED:
            return
        refusals.append(call.failure or "")
        if refusals[-1] not in _LOOK_FURTHER:
            break
    why = max(refusals, key=lambda errno: _LOOK_FURTHER.get(errno, 2))
    hint = _HINTS.get(why, "")
    raise NotStartedError(f"{order.words[0]} can't be executed there: {why}{hint}")


def candidates(order: Order) -> Iterator[str]:
    """Where the program may be."""
    program = order.words[0]
    if "/" in program:
        yield program
        return
    for folder in (order.environment.get("PATH") or os.defpath).split(":"):
        yield str(PurePosixPath(folder, program)) if folder else f"./{program}"


def in_memory(child: Process, order: Order) -> tuple[int, int]:
    """Put the words and the environment into a process's own memory; both lists' addresses."""
    texts = [*order.words, *(f"{name}={value}" for name, value in order.environment.items())]
    strings = [text.encode(errors="surrogateescape") + b"\0" for text in texts]
    width, form = (8, "Q") if child.session.channel.hello.pointer_bytes == 8 else (4, "I")
    lists = (len(strings) + 2) * width
    size = lists + sum(map(len, strings))
    protection, flags = _PROT_READ | _PROT_WRITE, _MAP_PRIVATE | _MAP_ANONYMOUS
    name = "mmap2" if child.session.arch == "i386" else "mmap"  # which takes a struct there
    start = child.syscall(name, 0, size, protection, flags, -1, 0).value
    pointers, at = [], start + lists
    for string in strings:
        pointers.append(at)
        at += len(string)
    count = len(order.words)
    table = [*pointers[:count], 0, *pointers[count:], 0]
    child.poke(start, packed(f"{len(table)}{form}", *table) + b"".join(strings))
    return start, start + (count + 1) * width
