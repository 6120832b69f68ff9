# SPDX-License-Identifier: MIT
"""xdist's workers: what they run and report, and how all of them end with the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Sequence
from types import FrameType
from typing import Any

import execnet
import pytest
from xdist.workermanage import WorkerController

from suite.errors import LandproofError
from suite.run import rows
from suite.run.coming import COMING, Coming
from suite.run.protocol import SHOWN, shows_progress
from suite.run.scheduler import REST, TargetScheduling
from suite.run.unmet import ask_all
from suite.run.watch import Watch
from suite.targets import scratch
from suite.targets.base import Target
from suite.targets.hub import Hub
from suite.targets.schemes import registered
from suite.targets.unmade import Unmade

_PR_SET_PDEATHSIG = 1
_MAY_REST = "landproof_may_rest"
"""In what a worker is told: whether it may have to wait for a target."""


def make_target(name: str, config: pytest.Config) -> Target:
    """Make a target; a worker, whose controller has made it before, makes do with what there is.

    Raises:
        LandproofError: There is none of this name.
    """
    try:
        target = registered().of_target(name).make(name, config)
    except LandproofError as error:
        if hasattr(config, "workerinput"):
            return Unmade(name, error)
        raise
    target.asks = lambda ground: ask_all(ground, target)
    return target


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


class _Rest(pytest.Item):
    """What a worker is given to do when there is nothing to do; see `suite.run.scheduler.REST`."""

    def runtest(self) -> None:
        """Nothing."""


class _Worker:
    """A plugin of a process that runs cases."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Be able to wait; a run that has no cases is told as such."""
        told: dict[str, object] = config.workerinput  # type: ignore[attr-defined]
        if items and told[_MAY_REST]:
            items.append(_Rest.from_parent(session, name=REST.removeprefix("::"), nodeid=REST))

    def pytest_internalerror(self) -> bool:
        """Leave it to the controller, which hears of it, to tell."""
        return True


class _Controller:
    """A plugin of the process that hands the cases out."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._watch = Watch()
        self._starting = 0

    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker, before it starts, what it can't know."""
        node.workerinput[_MAY_REST] = COMING in node.config.stash
        node.workerinput[SHOWN] = shows_progress(node.config)

    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> TargetScheduling | None:
        """Schedule by target, whatever ``--dist`` says, unless it says ``each``.

        Several workers can each boot a machine of ours, but disks and ports of the running kernel
        exist only once.
        """
        if config.getoption("dist") == "each":
            return None
        coming = config.stash.get(COMING, None)
        late = coming.names if coming else frozenset()
        ours = [it for it in rows.targets(config) if it in late or self._hub.target(it).disposable]
        scheduler = TargetScheduling(config, ours, late, self._attend)
        if coming:
            _hear(coming, scheduler, config.pluginmanager.getplugin("dsession"))
        return scheduler

    def _attend(self, node: WorkerController, busy: bool) -> None:
        (self._watch.heard if busy else self._watch.rests)(node.gateway.id)

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


def _hear(coming: Coming, scheduler: TargetScheduling, session: Any) -> None:  # noqa: ANN401
    """Have the scheduler told of targets by the loop of xdist's session, as of its workers.

    That loop takes (NAME, arguments) from a queue, and calls the session's ``worker_NAME``.
    """

    def hear() -> None:
        for name, came in coming.news():
            (scheduler.come if came else scheduler.drop)(name)
        if coming.given_up.issuperset(rows.targets(session.config)):
            pytest.exit("no target is left")

    session.worker_landproof_news = hear
    coming.listen(lambda: session.queue.put(("landproof_news", {})))


def _serve() -> None:
    """Take only one interrupt, and die with the controller."""
    signal.signal(signal.SIGINT, _interrupt_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Ignore further interrupts: one that comes during teardown would leave targets half down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
