# SPDX-License-Identifier: MIT
"""xdist's workers: what they run and report, and how all of them end with the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Sequence
from types import FrameType

import execnet
import pytest
from xdist.workermanage import WorkerController

from suite.run import rows
from suite.run.scheduler import TargetScheduling
from suite.run.watch import Watch
from suite.targets import scratch
from suite.targets.hub import Hub

_PR_SET_PDEATHSIG = 1


def configure(config: pytest.Config, hub: Hub) -> None:
    """Set this process up if it is a worker, or the controller of workers."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker())
        _serve()
        return
    scratch.sweep()
    if is_controller(config):
        config.pluginmanager.register(_Controller(hub))


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands cases out, and collects none."""
    return not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no"


class _Worker:
    """A plugin of a process that runs cases."""

    def pytest_internalerror(self) -> bool:
        """Leave it to the controller, which hears of it, to tell."""
        return True


class _Controller:
    """A plugin of the process that hands the cases out."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._watch = Watch()
        self._starting = 0

    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> TargetScheduling | None:
        """Schedule by target, whatever ``--dist`` says, unless it says ``each``.

        Several workers can each boot a machine of ours, but disks and ports of the running kernel
        exist only once.
        """
        if config.getoption("dist") == "each":
            return None
        names = rows.targets(config)
        return TargetScheduling(config, [it for it in names if self._hub.target(it).disposable])

    def pytest_xdist_setupnodes(self, specs: Sequence[execnet.XSpec]) -> None:
        """Hold interrupts back until the workers, which inherit that, can take them.

        A Python that is interrupted while it starts prints a traceback.
        """
        self._starting = len(specs)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def pytest_sessionfinish(self) -> None:
        """Take interrupts again, also if no worker came up."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def pytest_xdist_newgateway(self, gateway: execnet.Gateway) -> None:
        """Ask a worker on this machine for its pid now, before it is busy with other work."""
        if gateway.spec.popen:
            channel = gateway.remote_exec("import os; channel.send(os.getpid())")
            self._watch.begin(gateway.id, channel.receive())
        self._starting -= 1
        if self._starting == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def pytest_testnodeready(self, node: WorkerController) -> None:
        """A worker is about to collect."""
        self._watch.heard(node.gateway.id)

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_node_collection_finished(self, node: WorkerController) -> None:
        """A worker has collected."""
        self._watch.heard(node.gateway.id)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A worker has run a case."""
        if node := getattr(report, "node", None):
            self._watch.heard(node.gateway.id)

    def pytest_handlecrashitem(self, report: pytest.TestReport) -> None:
        """Say of a case that its worker did not crash, but was ended."""
        node: WorkerController = report.node
        if why := self._watch.why(node.gateway.id):
            report.longrepr = f"worker {node.gateway.id!r} {why}, and was ended"

    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Forget a worker that has gone."""
        self._watch.gone(node.gateway.id)

    def pytest_unconfigure(self) -> None:
        """The workers have ended."""
        self._watch.end()

    def pytest_keyboard_interrupt(self) -> None:
        """Interrupt the workers, too: unlike Ctrl-C, a signal may reach this process alone.

        A worker that was stopped goes on, to hear of it.
        """
        for pid in self._watch.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
                os.kill(pid, signal.SIGCONT)


def _serve() -> None:
    """Take only one interrupt, and die with the controller."""
    signal.signal(signal.SIGINT, _interrupt_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Ignore further interrupts: one that comes during teardown would leave targets half down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
