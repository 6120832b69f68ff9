# SPDX-License-Identifier: MIT
"""A FUSE server on a target: the agent, which passes everything on to another folder."""

from __future__ import annotations

import os

from suite.judge.outcome import Denied
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.promise import Mode, SetupError
from suite.targets.disks import MissingError
from suite.values import Pack

F_SETFD = 2


def serve(process: Process, point: str, folder: str, agent: str, *layers: Ruleset) -> Process:
    """Mount FUSE at ``point``; a child serves it and passes all requests on to ``folder``.

    Args:
        process: A process that may mount.
        point: Where to mount.
        folder: The folder that is seen there.
        agent: The path of the agent's binary.
        layers: The server's domain; the mount is made outside of it.

    Raises:
        MissingError: This user may not open or mount FUSE.
    """
    server = process.fork()
    device = server.observe(Process.open, "/dev/fuse", os.O_RDWR)
    if isinstance(refusal := device.outcome, Denied):
        raise MissingError(f"needs /dev/fuse: {refusal}")
    fd = device.calls[0].value
    server.fcntl(fd, F_SETFD, 0)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    mounted = server.observe(Process.mount, "landproof", point, "fuse", 0, options)
    if isinstance(refusal := mounted.outcome, Denied):
        raise MissingError(f"needs the right to mount fuse: {refusal}")
    server.chdir(folder)
    if layers:
        server.restrict(*layers)
    # The agent kills a process that stops serving it, but only forgets such a thread. So a thread
    # executes the server, which then goes on in the process that the thread was in.
    thread = server.thread()
    arguments = Pack(((8, "landproof-fuse"), (8, 0)))
    environment = Pack(((8, f"LANDPROOF_FUSE={fd}"), (8, 0)))
    with process.session.in_mode(Mode.DEATH):
        started = thread.syscall("execve", agent, arguments, environment)
    # With layers, don't ask for a value yet: if the kernel refuses the domain, the calls that
    # follow in this program have to be left out, too.
    if not layers and started.failure not in (None, "DIED"):
        raise SetupError(started, f"the FUSE server was not started: {started.failure}")
    return server
