# SPDX-License-Identifier: MIT
"""Start the agent by a client: it goes on serving, in the domain that the client made."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from suite.agent import wire
from suite.clients.traced import traced
from suite.clients.view import WATCHED, View, read
from suite.command.order import Order
from suite.command.running import candidates, execute, give_streams, in_memory
from suite.errors import LandproofError
from suite.judge.ran import of_status
from suite.process.process import Process
from suite.process.promise import Mode
from suite.process.uapi import AT_FDCWD
from suite.targets.standing import tried
from suite.values import Out, Pack

_DEADLINE_MS = 60_000
"""Interpreters take their time in an emulated machine."""
_MOST_OUTPUT = 1 << 16
_SIG_DFL = 0
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "PYTHONPYCACHEPREFIX": "/tmp/pycache",  # noqa: S108 (a guest's own; trees have no such)
}


@dataclass(frozen=True, slots=True)
class Start:
    """What became of one start."""

    words: tuple[str, ...]
    is_started: bool
    """Whether the client came to start the agent."""
    end: str = ""
    """How the client ended, if it did not: ``exit code 1``."""
    is_killed: bool = False
    """Whether that was by a signal, or because it took too long."""
    output: str = ""
    """Of the client: what it printed until then."""
    view: View = field(default_factory=View)


def start(
    process: Process,
    agent: str,
    words: Sequence[str],
    environment: dict[str, str],
    agents_words: Sequence[str],
    *,
    is_traced: bool,
) -> tuple[Process, Start]:
    """Have a child execute a client that is to execute the agent.

    Args:
        process: Of whom it is a child; it and the child have memory of their own.
        agent: The path of the agent's binary, for the client.
        words: The client's command, without the program that it is to start.
        environment: More variables for the client.
        agents_words: What the agent is told; none if the client is to start nothing.
        is_traced: Whether the kernel tells by trace events what it is asked for.

    Returns:
        The child, which goes on serving if it was started, and what became of the start.

    Raises:
        LandproofError: There is no such program.
    """
    folder = agent.rpartition("/")[0]
    told, said = f"{folder}/watched", f"{folder}/said"
    # It may wait for children of its own, which an ignored signal would take away.
    process.syscall("rt_sigaction", signal.SIGCHLD, Pack(((8, _SIG_DFL), bytes(24))), 0, 8)
    pipe = process.syscall("pipe2", Out(8, "2i"), os.O_CLOEXEC)
    _ = pipe.value
    reading, writing = pipe.integer(0, 4) or 0, pipe.integer(4, 4) or 0
    child, watcher = process.fork(), process.fork()
    child.shares = watcher.shares = False  # on such a target none does
    assert child.pid is not None  # noqa: S101 (it was forked)
    watched = watcher.pid
    assert watched is not None  # noqa: S101 (likewise)
    _watch(watcher, agent, child.pid.value, told, writing)
    _ = process.close(writing).value
    child.close(writing)
    child.read(reading, 16)  # until it is watched
    _give_files(child, said)
    order = Order(
        words=(*words, *([agent, *agents_words] if agents_words else [])),
        folder="/",
        environment=_ENVIRONMENT | environment,
    )
    with traced(process, is_able=is_traced) as told_by_kernel:
        record = _execute(child, order)
    is_started = record.status == wire.Status.DONE
    end, is_killed = "", False
    if not is_started:
        end, is_killed = _end(process, child.pid.value, record)
    _ = tried(process, lambda it: it.wait(watched)).record
    view = replace(read(_text(process, told).splitlines()), traced=told_by_kernel.handled)
    output = _text(process, said)
    return child, Start(tuple(words), is_started, end, is_killed, output, view)


def _watch(watcher: Process, agent: str, pid: int, told: str, ready: int) -> None:
    """Make a process the watcher of another one; it writes to ``ready`` when it is."""
    null = watcher.open("/dev/null", os.O_RDONLY)
    file = watcher.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    give_streams(watcher, (null, file, ready))
    execute(watcher, Order(words=(agent, "watch", str(pid), *WATCHED), folder="/"))


def _give_files(child: Process, said: str) -> None:
    """Standard output and error; the control socket becomes the standard input."""
    child.chdir("/")
    file = child.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    give_streams(child, (file, file, file))


def _execute(child: Process, order: Order) -> wire.Record:
    """execve(2) of a client, and all that it does until the agent speaks from its domain."""
    session = child.session
    arguments, environment = in_memory(child, order)
    record = None
    for path in candidates(order):
        session.flush()  # the agent is told that this is operation 0 of its program
        with session.in_mode(Mode.DEATH):
            call = session.add(
                wire.OpKind.EXEC,
                child.id,
                "execveat",
                (AT_FDCWD, path, 0, arguments, environment),
                deadline_ms=_DEADLINE_MS,
            )
        record = call.record
        if record is None or not record.failed or record.status != wire.Status.DONE:
            break
    if record is None or (record.status == wire.Status.DONE and record.failed):
        raise LandproofError(f"{order.words[0]} can't be executed there")
    return record


def _end(process: Process, pid: int, record: wire.Record) -> tuple[str, bool]:
    """How a client ended that did not start the agent."""
    if record.status == wire.Status.HUNG:
        return f"did nothing for {_DEADLINE_MS // 1000} s", True
    call = tried(process, lambda it: it.wait(pid))
    status = call.integer(0, 4) if call.failure is None else None
    if status is None:
        return "ended", True
    _, code, name = of_status(status)
    return (name, True) if name else (f"exit code {code}", False)


def _text(process: Process, path: str) -> str:
    opened = tried(process, lambda it: it.open(path, os.O_RDONLY))
    if opened.failure is not None:
        return ""
    call = tried(process, lambda it: it.read(opened, _MOST_OUTPUT))
    process.close(opened)
    data = call.data[: call.value] if call.failure is None else b""
    return data.decode(errors="replace")
