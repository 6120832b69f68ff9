# SPDX-License-Identifier: MIT
"""End a worker that has stopped or fallen silent: whoever waits for it would wait for ever.

Time is counted in looks, so that it stands still while this process does (Ctrl-Z), and is not
short when the machine is slow.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import threading
from dataclasses import dataclass

from suite.targets.stopped import is_stopped

LOOK_S = 1.0
STOPPED_S = 10
"""How long a worker may be stopped by a signal: somebody may be about to let it go on."""
SILENCE_S = 15 * 60
"""How long a worker may take for one case, with its machine: twice as long as is allowed for a boot
(60 s to the first byte, as much to prepare the guest) and for a case (300 s; its calls have limits
of their own, of 25 s if they name no other), for it may be run twice, and a minute more.
"""
LOG = logging.getLogger("landproof.run")


@dataclass(slots=True)
class _Worker:
    pid: int
    stopped: float = 0.0
    silent: float = 0.0


class Watch:
    """Watches the workers of this machine, by xdist's names for them, from a thread of its own."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._ended: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, name: str, pid: int) -> None:
        """A worker was started."""
        with self._lock:
            self._workers[name] = _Worker(pid)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def heard(self, name: str) -> None:
        """A worker gave a sign of life."""
        with self._lock:
            if name in self._workers:
                self._workers[name].silent = 0.0

    def rests(self, name: str) -> None:
        """A worker has nothing to do, and is silent until it is heard again."""
        with self._lock:
            if name in self._workers:
                self._workers[name].silent = -math.inf

    def gone(self, name: str) -> None:
        """A worker has ended."""
        with self._lock:
            self._workers.pop(name, None)

    def why(self, name: str) -> str | None:
        """Why a worker was ended; None if it was not."""
        return self._ended.get(name)

    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        with self._lock:
            return [worker.pid for worker in self._workers.values()]

    def end(self) -> None:
        """Watch no longer."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            with self._lock:
                for name, worker in list(self._workers.items()):
                    if (why := self._look(worker)) is not None:
                        self._ended[name] = why
                        del self._workers[name]
                        LOG.warning(
                            "worker %s %s: it is ended, and a case that it ran is lost", name, why
                        )
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(worker.pid, signal.SIGKILL)

    @staticmethod
    def _look(worker: _Worker) -> str | None:
        """Why a worker has to be ended, if so."""
        worker.silent += LOOK_S
        worker.stopped = worker.stopped + LOOK_S if is_stopped(worker.pid) else 0.0
        if worker.stopped >= STOPPED_S:
            return f"was stopped by a signal for {STOPPED_S:g} s"
        if worker.silent >= SILENCE_S:
            return f"was silent for {SILENCE_S:g} s"
        return None
