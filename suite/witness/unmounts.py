# SPDX-License-Identifier: MIT
"""Whether the file system of cases can be unmounted after them.

A rule holds the inode that it is about until the rule is freed or the file system is unmounted
(hook_sb_delete() in security/landlock/fs.c), and calls hold the paths that they look at. A path
that is not let go of keeps the mount: EBUSY, umount(2). An inode that is not, the kernel finds when
its file system goes (generic_shutdown_super() in fs/super.c): it says so in its log, or dies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from suite.errors import InfrastructureError, LandproofError
from suite.judge.outcome import Allowed, Denied
from suite.packed import packed
from suite.process.process import Process
from suite.process.session import Session
from suite.process.uapi import MNT_DETACH
from suite.witness.kmsg import Kmsg
from suite.witness.leaks import LOOKS, pause_ns

_BUSY = "EBUSY"
_COMPLAINT = b"VFS: Busy inodes after unmount"


@dataclass(frozen=True, slots=True)
class Plot:
    """A file system of their own for the files of a few cases."""

    path: str
    agent: str
    """The agent's binary there, which cases link to."""


@dataclass(slots=True)
class _Plots:
    """What a target has of them; a note of the session."""

    number: int = 0
    """Of the last."""
    open: Plot | None = None


class DeadlyError(LandproofError):
    """The target died when a file system was unmounted.

    Args:
        path: Where that was mounted.
        error: How its death was noticed.
    """

    def __init__(self, path: str, error: InfrastructureError) -> None:
        super().__init__(str(error))
        self.path = path
        self.error = error


def plot(root: Process, place: str, agent: str) -> Plot:
    """Where the files of cases go now; mounted, unless there is one open.

    Args:
        root: Who may mount.
        place: The folder where it is mounted.
        agent: The agent's binary, of which it gets a copy.
    """
    plots = root.session.notes.of(_Plots)
    if plots.open is None:
        plots.number += 1
        path = f"{place}/plot{plots.number}"
        plots.open = Plot(path, f"{path}/agent")
        root.mkdir(path)
        root.mount("tmpfs", path, "tmpfs")
        root.copy_file(agent, plots.open.agent)
    return plots.open


def close(session: Session) -> list[str]:
    """Have the files of later cases go elsewhere; tell where they have gone, if there were any."""
    plots = session.notes.of(_Plots)
    closed, plots.open = plots.open, None
    return [closed.path] if closed else []


def kept(root: Process, paths: Iterable[str]) -> dict[str, str]:
    """Unmount file systems, and tell which could not be, though it was waited for, and why.

    Args:
        root: Who may do that.
        paths: Where they are mounted; what is below another one comes before it.

    Raises:
        DeadlyError: The target died of it.
        LandproofError: It can't be asked.
    """
    found: dict[str, str] = {}
    busy, session = list(paths), root.session
    if not busy:
        return found
    process = root.fork()  # of which the kernel may make an end
    for look in range(LOOKS):
        told = {it: _unmounted(process, it) for it in busy}
        busy = [it for it in busy if told[it] == _BUSY]
        found |= {it: why for it, why in told.items() if why and it not in busy}
        if not busy:
            break
        process.syscall("nanosleep", packed("QQ", *divmod(pause_ns(look), 10**9)), None)
    for it in busy:
        process.observe(Process.umount, it, MNT_DETACH)
    session.kill(process.id)
    session.flush()
    return found | dict.fromkeys(busy, _BUSY)


def _unmounted(process: Process, path: str) -> str:
    """Why it can't be unmounted, or what the kernel has to say of it; empty if it is gone."""
    try:
        has_log = process.observe(Process.open, "/dev/kmsg", os.O_RDONLY).outcome == Allowed()
        log = Kmsg(process) if has_log else None
        outcome = process.observe(Process.umount, path).outcome
        if isinstance(outcome, Denied):
            return _BUSY if outcome.errno == _BUSY else ""  # else a case has unmounted it
        if outcome != Allowed():
            return str(outcome)
        process.observe(Process.rmdir, path)
        records = log.records() if log else []
    except InfrastructureError as error:
        raise DeadlyError(path, error) from error
    return "its inodes are in use" if any(_COMPLAINT in it for it in records) else ""
