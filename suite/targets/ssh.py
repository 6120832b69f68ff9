# SPDX-License-Identifier: MIT
"""The kernel of another machine: an agent at the end of a connection of ssh's."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass

import pytest

from suite.agent import build
from suite.agent.channel import AgentLostError
from suite.agent.client import AgentClient
from suite.errors import InfrastructureError
from suite.judge.records import Verdict
from suite.process.process import Process
from suite.process.session import Session
from suite.targets.base import SUPERVISOR, Ground, Target
from suite.targets.ground import local_ground
from suite.targets.link import Link
from suite.targets.schemes import Scheme
from suite.targets.ssh_host import BROKEN, CONNECT_S, USAGE, Host

_HELLO_S = 30.0
_AUTOPSY_S = 5.0
"""How long ssh may take to end after the agent's channel did."""
_BACK_S = 60.0
"""How long a machine may take to boot again, if it does, after the connection broke."""
_PAUSE_S = 1.0
"""Between two questions to a machine that does not answer: it may be booting."""
_KILLED = 128
"""What a shell adds to the number of the signal that killed its program."""


class Ssh(Scheme):
    """``ssh:HOST``."""

    usage = USAGE

    def make(self, name: str, config: pytest.Config) -> SshTarget:
        """The kernel of this machine."""
        return SshTarget(Host.of(name))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a machine says on a second connection."""

    boot: str
    agent: str
    """The state of the agent's process, as ps has it; empty if it is gone."""


class SshTarget(Target):
    """A machine that is not ours: cases leave it as it was.

    Args:
        host: Which one.
        back_s: Seconds that it may take to answer again after a connection broke.
    """

    def __init__(self, host: Host, back_s: float = _BACK_S) -> None:
        self.name = host.name
        self._host = host
        self._back_s = back_s
        self._link: Link | None = None
        self._agent = 0

    def start(self) -> Ground:
        """Bring the agent there, and give it namespaces of its own if it gets any."""
        link = self._link = Link(self._host)
        arch = build.arch_of(link.greeting.machine)
        try:
            binary = build.agent(arch)
        except build.BuildError as error:
            raise InfrastructureError(str(error)) from error
        link.bring(binary)
        try:
            client = AgentClient(link.reader, link.writer, hello_s=_HELLO_S)
            ground = local_ground(client, binary, arch, lambda: link.place)
            self._agent = _pid(ground.session)
        except AgentLostError as error:
            raise InfrastructureError(f"{link.fault()} ({error})") from error
        return ground

    def stop(self) -> None:
        """End the agent: its processes, its namespaces and its folder go with it."""
        if self._link:
            self._link.close()
        self._link = None

    def autopsy(self) -> tuple[Verdict, str]:
        """Whether the agent ended, or does not answer; lost if the connection or the machine is.

        That a machine has booted anew is told, but an agent can't know who did that.
        """
        if self._link is None:
            return Verdict.LOST, "there is no connection"
        status = self._link.status(_AUTOPSY_S)
        if status is None and self._link.is_stopped:
            return Verdict.LOST, "ssh was stopped by a signal from outside"
        if status is not None and status != BROKEN and status >= 0:
            return Verdict.CRASHED, f"the agent {_ended(status)}"
        broke = "" if status is None else f"the connection broke ({self._link.last_words})"
        return self._of_the_machine(broke, self._link.greeting.boot)

    def _of_the_machine(self, broke: str, boot: str) -> tuple[Verdict, str]:
        """What a new connection tells of why the agent is silent, or the connection ``broke``."""
        seen = self._look()
        if seen is None:
            return Verdict.LOST, f"{broke or 'the connection stalls'}, and no new one is answered"
        if seen.boot != boot:
            return Verdict.LOST, (
                "the machine has booted anew meanwhile: somebody rebooted it, or its kernel"
                " panicked; its own log tells which (journalctl -b -1, /sys/fs/pstore)"
            )
        if broke:
            return Verdict.LOST, f"{broke}; the machine itself runs on"
        if seen.agent == "T":
            return Verdict.LOST, "the agent was stopped by a signal from outside"
        return Verdict.HUNG, "the agent does not answer; the machine does"

    def _look(self) -> _Seen | None:
        """What the machine says on a new connection; None if there is none for a while."""
        limit = time.monotonic() + self._back_s
        while True:
            if seen := self._ask():
                return seen
            if time.monotonic() >= limit:
                return None
            time.sleep(_PAUSE_S)

    def _ask(self) -> _Seen | None:
        question = f"cat /proc/sys/kernel/random/boot_id /proc/{self._agent}/stat"
        try:
            done = subprocess.run(  # noqa: S603 (an argv list, no shell here)
                self._host.command(question),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=2 * CONNECT_S,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode == BROKEN:
            return None
        lines = done.stdout.split("\n")
        state = lines[1].rpartition(")")[2].split() if len(lines) > 1 else []
        return _Seen(lines[0], state[0] if state else "")


def _pid(session: Session) -> int:
    """The agent's process id, outside of our namespaces."""
    asked = Process(session, SUPERVISOR).fork()
    pid = asked.getppid().value
    session.kill(asked.id)
    return pid


def _ended(status: int) -> str:
    if status > _KILLED:
        try:
            return f"was killed by {signal.Signals(status - _KILLED).name}"
        except ValueError:
            pass
    return f"ended with status {status}"
