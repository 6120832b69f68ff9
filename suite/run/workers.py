# SPDX-License-Identifier: MIT
"""xdist's workers: what each of them runs, and that none outlives its run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from types import FrameType

import execnet
import pytest
from _pytest.runner import runtestprotocol
from xdist.workermanage import WorkerController

from suite.run import rows
from suite.run.scheduler import TargetScheduling
from suite.targets.hub import Hub

_PR_SET_PDEATHSIG = 1


def configure(config: pytest.Config, hub: Hub) -> None:
    """Do what this process has to do as a worker, or as the controller of some."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker())
        _serve()
    elif config.getoption("dist", "no") != "no":
        config.pluginmanager.register(_Controller(hub))


class _Controller:
    """A plugin of the process that hands the cases out."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pids: dict[str, int] = {}

    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> TargetScheduling | None:
        """Keep a target together, whatever ``--dist`` says but for ``each``.

        Of a machine of ours there may be several, of the running kernel's disks and ports not.
        """
        if config.getoption("dist") == "each":
            return None
        names = rows.targets(config)
        return TargetScheduling(config, [it for it in names if self._hub.target(it).disposable])

    def pytest_xdist_newgateway(self, gateway: execnet.Gateway) -> None:
        """Note a worker of this machine while it has nothing else to do than to tell its pid."""
        if gateway.spec.popen:
            channel = gateway.remote_exec("import os; channel.send(os.getpid())")
            self._pids[gateway.id] = channel.receive()

    def pytest_testnodedown(self, node: WorkerController) -> None:
        """A worker has gone."""
        self._pids.pop(node.gateway.id, None)

    def pytest_keyboard_interrupt(self) -> None:
        """Pass it on: not every signal goes to the whole process group, as Ctrl-C does."""
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


class _Worker:
    """A plugin of a process that runs cases."""

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Tell the controller only what it wants to know: telling takes as long as a case."""
        hook, node = item.ihook, {"nodeid": item.nodeid, "location": item.location}
        hook.pytest_runtest_logstart(**node)
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(**node)
        return True


def _serve() -> None:
    """Be interrupted once, and die with the controller."""
    signal.signal(signal.SIGINT, _interrupt_once)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """A second one, on its way while the targets are taken down, would leave them half down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
