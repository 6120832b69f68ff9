# SPDX-License-Identifier: MIT
"""Prepare a target through its agent alone: namespaces, mounts, loopback, the agent's binary."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path

from suite.agent import build
from suite.agent.channel import Channel
from suite.judge.outcome import Allowed
from suite.judge.standing import KILLS
from suite.process.calls.ioctls import RNDADDENTROPY, RNDRESEEDCRNG
from suite.process.process import Process
from suite.process.promise import Mode, SetupError
from suite.process.session import Session
from suite.process.uapi import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_PRIVATE,
    MS_REC,
)
from suite.targets.base import SUPERVISOR, Ground
from suite.targets.facts import probe
from suite.targets.standing import raise_limits
from suite.values import Pack

NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
PLACE = "/tmp/landproof"  # noqa: S108 (a private tmpfs is mounted there first)
_SIG_IGN = 1
_SEED_BYTES = 64


def guest_ground(
    channel: Channel, agent: Path, arch: str, *, shares_memory: bool = False
) -> Ground:
    """Prepare a virtual machine: all of it is ours, so it needs no namespaces."""
    session = Session(channel, arch)
    session.shares_memory = shares_memory
    raise_limits(session)
    root = Process(session, SUPERVISOR).fork()
    for path in ("/proc", "/sys", "/tmp"):  # noqa: S108 (the guest's own)
        root.observe(Process.mkdir, path)
    root.observe(Process.mount, "none", "/", None, MS_REC | MS_PRIVATE)
    root.mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 (the guest's own)
    return furnish(session, root, agent.read_bytes(), private=True)


def wake(ground: Ground) -> None:
    """Tell a guest that was restored what it can't know: the time, and fresh random numbers.

    Source: include/uapi/linux/random.h; random(4).

    Raises:
        AgentLostError: The guest does not answer.
        SetupError: It refuses.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    seed = os.urandom(_SEED_BYTES)
    root = ground.root
    root.syscall("clock_settime", time.CLOCK_REALTIME, Pack(((8, seconds), (8, nanoseconds))))
    device = root.open("/dev/urandom", os.O_WRONLY)
    root.ioctl(device, RNDADDENTROPY, Pack(((4, 8 * len(seed)), (4, len(seed)), seed)))
    root.ioctl(device, RNDRESEEDCRNG)  # or they would be used only minutes later
    assert root.close(device).value == 0  # noqa: S101 (or it would have raised)


def local_ground(
    channel: Channel, agent: Path, arch: str, make_folder: Callable[[], Path]
) -> Ground:
    """Prepare private namespaces on the running kernel, or only a folder if it refuses them."""
    session = Session(channel, arch)
    raise_limits(session)
    root = _in_namespaces(session)
    if root is not None:
        return furnish(session, root, agent.read_bytes(), private=True)
    root = Process(session, SUPERVISOR).fork()
    return furnish(session, root, agent.read_bytes(), private=False, place=str(make_folder()))


def _in_namespaces(session: Session) -> Process | None:
    """A process in namespaces of its own; the more it may do there, the sooner it is taken."""
    ways = (NAMESPACES, NAMESPACES | CLONE_NEWUSER)
    outside = Process(session, SUPERVISOR).fork()
    ids = outside.syscall("geteuid").value, outside.syscall("getegid").value
    session.kill(outside.id)
    # Who lacks CAP_NET_ADMIN gets no loopback, unless it is root of a user namespace. In a
    # container, where parts of /proc are hidden, none may be mounted that is of our processes.
    for with_network, without, way in product((True, False), (0, CLONE_NEWPID), ways):
        flags = way & ~without
        with session.in_mode(Mode.OBSERVED):
            root = Process(session, SUPERVISOR).fork(flags)
        if root.pid is not None and root.pid.failure is None:
            taken = root.observe(_take_over, flags, ids, with_network)
            # Some systems give namespaces, but no rights in them, or kill who uses them.
            with suppress(SetupError):
                if taken.outcome == Allowed():
                    return root
        session.kill(root.id)
    return None


def _take_over(root: Process, flags: int, ids: tuple[int, int], with_network: bool) -> None:
    if flags & CLONE_NEWUSER:
        root.map_ids(*ids)
    root.mount("none", "/", None, MS_REC | MS_PRIVATE)  # or the host would see the next mount
    root.mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 (private)
    if flags & CLONE_NEWPID:
        root.mount("proc", "/proc", "proc")
    if with_network:
        root.loopback_up()


def furnish(
    session: Session, root: Process, agent: bytes, *, private: bool, place: str = PLACE
) -> Ground:
    """Make the ground of a process: a place for files with the agent in it, and facts.

    Args:
        session: Of the target.
        root: Who becomes the process of which all of the cases' processes descend.
        agent: The agent's binary.
        private: Whether the process has namespaces of its own.
        place: The folder for files, which is there unless the namespaces are private.
    """
    if private:
        root.observe(Process.mount, "proc", "/proc", "proc")
        root.mkdir(place)
        root.observe(Process.loopback_up)
    binary = f"{place}/agent"
    root.write_file(binary, agent, mode=0o755)
    if session.shares_memory:  # the supervisor's, so that a switch keeps the address space
        sharing = Process(session, SUPERVISOR, shares=True).fork()
    else:
        sharing = root.fork()
        sharing.shares = True
    leave_no_children(root, sharing)
    session.flush()
    facts = probe(root, private=private)
    answers = facts.standing.filtered.items()
    session.killing = frozenset(name for name, answer in answers if answer == KILLS)
    return Ground(session, root, sharing, place, binary, private, facts)


def leave_no_children(*parents: Process) -> None:
    """Let the kernel reap what cases leave of the children of these."""
    for parent in parents:
        parent.syscall("rt_sigaction", signal.SIGCHLD, Pack(((8, _SIG_IGN), bytes(24))), 0, 8)


def agent32(ground: Ground) -> str:
    """The path of the agent for i386 on a target that was found to run it (``Need.COMPAT``)."""
    return f"{ground.agent}32"


def put_agent32(ground: Ground) -> str:
    """Put the agent for i386 on a target and return its path.

    Raises:
        BuildError: This installation has no such agent.
    """
    path = agent32(ground)
    ground.root.write_file(path, build.agent("i386").read_bytes(), mode=0o755)
    return path
