# SPDX-License-Identifier: MIT
"""The real agent as a child of a test, spoken to in operations or in raw bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from suite.agent import build, wire
from suite.agent.channel import run
from suite.agent.client import AgentClient
from suite.agent.wire import Buffer, BufferFlag, Fix, Op, OpKind, Record, Source
from suite.process.session import Session
from suite.process.syscalls import NUMBERS

ARCH = build.host_arch()
ENDS_IN_S = 10.0
"""How long an agent may take to end; only a broken one needs it."""
THREAD = 0x10000 | 0x800 | 0x400 | 0x200 | 0x100 | 0x40000
"""The flags of clone(2) for a thread."""


class Agent:
    """An agent over two pipes, and a client that speaks to it.

    Args:
        command: How to start it; the agent's binary by default.
        arch: Whose system call numbers it takes.
        blocking: Whether its ends of the pipes block.
    """

    def __init__(
        self, command: Sequence[str] = (), arch: str = ARCH, *, blocking: bool = True
    ) -> None:
        self.numbers = NUMBERS[arch]
        its_input, self.writer = os.pipe()
        self.reader, its_output = os.pipe()
        for end in (its_input, its_output):
            os.set_blocking(end, blocking)
        self.popen = subprocess.Popen(
            command or [str(build.agent(arch))],
            stdin=its_input,
            stdout=its_output,
            start_new_session=True,
            env={},
        )
        os.close(its_input)
        os.close(its_output)
        self.client = AgentClient(self.reader, self.writer)
        self.session = Session(self.client, arch)
        self._closed = False

    def run(self, *ops: Op) -> dict[int, Record]:
        """The records of a program by operation."""
        return run(self.client, ops)

    def values(self, *ops: Op) -> list[int]:
        """The values of a program that goes through."""
        records = self.run(*ops)
        assert [record.status for record in records.values()] == [wire.Status.DONE] * len(ops)
        return [record.value for record in records.values()]

    def call(
        self,
        process: int,
        name: str,
        *args: Source,
        buffers: Sequence[Buffer] = (),
        fixes: Sequence[Fix] = (),
        deadline_ms: int = 10_000,
        on_fail: int = wire.NEXT,
    ) -> Op:
        """A system call by name."""
        kind, nr = OpKind.CALL, self.numbers[name]
        return Op(kind, process, nr, args, buffers, fixes, deadline_ms, on_fail)

    def forever(self, process: int, deadline_ms: int = 10_000) -> Op:
        """A call that does not return."""
        return self.call(process, "ppoll", 0, 0, 0, 0, deadline_ms=deadline_ms)

    def fds(self) -> int:
        """How many files the supervisor holds open."""
        return len(list(Path(f"/proc/{self.popen.pid}/fd").iterdir()))

    def processes(self) -> dict[int, str]:
        """The state of every process of the agent's session (it included), by process id."""
        return dict(session_members(self.popen.pid))

    def settles_at(self, processes: set[int]) -> bool:
        """Whether these alone are left soon, zombies counted: SIGKILL takes a moment."""
        for _ in range(200):
            if set(self.processes()) == processes:
                return True
            time.sleep(0.01)  # they are nobody's children: there is nothing to wait for
        return False

    def close(self) -> int:
        """Close the channel; how the agent ends."""
        if not self._closed:
            self._closed = True
            self.client.close()
            os.close(self.writer)
            os.close(self.reader)
        return self.popen.wait(ENDS_IN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        members = self.popen.pid
        try:
            status = self.close()
        finally:
            left = survivors(members)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self.popen.wait()
        if error is None:
            assert status >= 0, f"the agent died of signal {-status}"
            assert left == []


def session_members(session: int) -> Iterator[tuple[int, str]]:
    """The processes of a session that are not dead yet: (process id, state)."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, _, sid = stat.rpartition(")")[2].split()[:4]
        if int(sid) == session and state != "X":
            yield int(entry.name), state


def survivors(session: int) -> list[int]:
    """The processes of a session that do not end by themselves in a second."""
    for _ in range(100):
        alive = [pid for pid, state in session_members(session) if state != "Z"]
        if not alive:
            break
        time.sleep(0.01)  # they are nobody's children: there is nothing to wait for
    return alive


def fork(process: int, identity: int, flags: int = signal.SIGCHLD) -> Op:
    """A fork, or with other flags a thread."""
    return Op(OpKind.FORK, process, args=(identity, flags))


def kill(process: int) -> Op:
    """SIGKILL."""
    return Op(OpKind.KILL, process)


def give_in(data: bytes) -> Buffer:
    """A buffer that a call reads."""
    return Buffer(BufferFlag.IN, len(data), data)


def take_out(size: int) -> Buffer:
    """A buffer that a call fills."""
    return Buffer(BufferFlag.OUT, size)


def both_ways(data: bytes) -> Buffer:
    """A buffer that a call reads and fills."""
    return Buffer(BufferFlag.IN | BufferFlag.OUT, len(data), data)
