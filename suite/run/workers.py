# SPDX-License-Identifier: MIT
"""xdist's workers: what they run and report, and how all of them end with the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from types import FrameType

import execnet
import pytest
from xdist.workermanage import WorkerController

from suite.run import rows
from suite.run.scheduler import TargetScheduling
from suite.targets.hub import Hub

_PR_SET_PDEATHSIG = 1


def configure(config: pytest.Config, hub: Hub) -> None:
    """Set this process up if it is a worker, or the controller of workers."""
    if hasattr(config, "workerinput"):
        _serve()
    elif config.getoption("dist", "no") != "no":
        config.pluginmanager.register(_Controller(hub))


class _Controller:
    """A plugin of the process that hands the cases out."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pids: dict[str, int] = {}

    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> TargetScheduling | None:
        """Schedule by target, whatever ``--dist`` says, unless it says ``each``.

        Several workers can each boot a machine of ours, but disks and ports of the running kernel
        exist only once.
        """
        if config.getoption("dist") == "each":
            return None
        names = rows.targets(config)
        return TargetScheduling(config, [it for it in names if self._hub.target(it).disposable])

    def pytest_xdist_newgateway(self, gateway: execnet.Gateway) -> None:
        """Ask a worker on this machine for its pid now, before it is busy with other work."""
        if gateway.spec.popen:
            channel = gateway.remote_exec("import os; channel.send(os.getpid())")
            self._pids[gateway.id] = channel.receive()

    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Forget the pid of a worker that has gone."""
        self._pids.pop(node.gateway.id, None)

    def pytest_keyboard_interrupt(self) -> None:
        """Interrupt the workers, too: unlike Ctrl-C, a signal may reach this process alone."""
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


def _serve() -> None:
    """Take only one interrupt, and die with the controller."""
    signal.signal(signal.SIGINT, _interrupt_once)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Ignore further interrupts: one that comes during teardown would leave targets half down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
