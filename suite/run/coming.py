# SPDX-License-Identifier: MIT
"""Targets that a run begins without: each comes, or is given up, while cases run on others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Lock

import pytest


class Coming:
    """A plugin of pytest's controller, which is told of targets by the threads that get them.

    Args:
        names: Of the targets.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.given_up: set[str] = set()
        """Those that won't come; the run's own thread reads and writes it."""
        self._news: SimpleQueue[tuple[str, bool] | BaseException] = SimpleQueue()
        self._wake: Callable[[], None] | None = None
        self._lock = Lock()

    def come(self, name: str) -> None:
        """A target can be started from now on; from any thread."""
        self._tell((name, True))

    def give_up(self, name: str) -> None:
        """A target can't be had; from any thread."""
        self._tell((name, False))

    def fail(self, error: BaseException) -> None:
        """No target will come any more, through a fault that ends the run; from any thread."""
        self._tell(error)

    def listen(self, wake: Callable[[], None]) -> None:
        """Have this called, in the thread that tells, when there is news; at once if there is."""
        with self._lock:
            self._wake = wake
        wake()

    def news(self) -> Iterator[tuple[str, bool]]:
        """What was told since the last time: names, and whether they came.

        Raises:
            BaseException: What ends the run.
        """
        while True:
            try:
                told = self._news.get_nowait()
            except Empty:
                return
            if isinstance(told, BaseException):
                raise told
            name, came = told
            if not came:
                self.given_up.add(name)
            yield told

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let others find it."""
        config.stash[COMING] = self

    def _tell(self, told: tuple[str, bool] | BaseException) -> None:
        self._news.put(told)
        with self._lock:
            wake = self._wake
        if wake is not None:
            wake()


COMING = pytest.StashKey[Coming]()
