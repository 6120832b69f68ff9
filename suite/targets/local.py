# SPDX-License-Identifier: MIT
"""The running kernel: an agent as our child, in namespaces of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from suite.agent import build
from suite.agent.channel import Channel
from suite.agent.client import AgentClient
from suite.errors import InfrastructureError, UsageError
from suite.judge.records import Verdict
from suite.targets.base import Ground, Target
from suite.targets.ground import local_ground
from suite.targets.schemes import Scheme

_AUTOPSY_S = 0.5
"""How long an agent may take to end after its channel did."""


class Local(Scheme):
    """``local``."""

    usage = "local"

    def make(self, name: str, config: pytest.Config) -> LocalTarget:
        """The running kernel."""
        if name != self.usage:
            raise UsageError(f"{name}: there is one running kernel, local")
        return LocalTarget()


class LocalTarget(Target):
    """The kernel that landproof itself runs on."""

    def __init__(self) -> None:
        self.name = "local"
        self._agent: subprocess.Popen[bytes] | None = None
        self._client: AgentClient | None = None
        self._folder: Path | None = None

    def start(self) -> Ground:
        """Start the agent and give it namespaces, mounts and a loopback of its own."""
        arch = build.host_arch()
        try:
            binary = build.agent(arch)
        except build.BuildError as error:
            raise InfrastructureError(str(error)) from error
        # A session of its own: Ctrl-C is for us; the agent ends when its channel closes.
        self._agent = subprocess.Popen(  # noqa: S603 (our own binary)
            [str(binary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={},
        )
        assert self._agent.stdin  # noqa: S101 (it is a pipe)
        assert self._agent.stdout  # noqa: S101
        self._client = AgentClient(self._agent.stdout.fileno(), self._agent.stdin.fileno())
        return self._prepare(self._client, binary, arch)

    def _prepare(self, channel: Channel, agent: Path, arch: str) -> Ground:
        return local_ground(channel, agent, arch, self._make_folder)

    def _make_folder(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix="landproof-"))
        return self._folder

    def stop(self) -> None:
        """End the agent: its processes and namespaces go with it."""
        if self._agent:
            for pipe in (self._agent.stdin, self._agent.stdout):
                if pipe:
                    pipe.close()
            try:
                self._agent.wait(5)
            except subprocess.TimeoutExpired:
                self._agent.kill()
                self._agent.wait()
        if self._client:
            self._client.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._agent = self._client = self._folder = None

    def autopsy(self) -> tuple[Verdict, str]:
        """The agent of the running kernel ended, or is stuck."""
        if self._agent is None:
            return Verdict.CRASHED, "the agent is gone"
        try:
            status = self._agent.wait(_AUTOPSY_S)
        except subprocess.TimeoutExpired:
            return Verdict.HUNG, "the agent does not answer"
        return Verdict.CRASHED, f"the agent ended with status {status}"
