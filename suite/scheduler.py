# SPDX-License-Identifier: MIT
"""Which of xdist's workers runs what: target by target, whatever becomes of a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import pytest
from xdist.workermanage import WorkerController, parse_tx_spec_config

from suite import rows

_ENOUGH = 2
"""A worker begins a case when it knows the next one, or that there is none."""


class TargetScheduling:
    """A scheduler for xdist that gives a whole target to a worker.

    ``--dist loadgroup`` would do, but for three defects: with pytest 9.2 it takes every case for a
    group of its own (pytest-xdist issue 1386); it begins the case again that a worker died in, so
    that the next worker dies too; and it waits for ever for a worker that has one case left.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.numnodes = len(parse_tx_spec_config(config))
        self._targets = rows.targets(config)
        self.collection: list[str] | None = None
        """What every worker collects; a case is known by its index in it."""
        self._queue: deque[list[int]] = deque()
        """The cases that no worker has yet, target by target."""
        self._pending: dict[WorkerController, list[int]] = {}
        """The cases that a worker has, in the order in which it runs them."""
        self._collected: set[WorkerController] = set()

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers that are there."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers have collected as there shall be."""
        return len(self._collected) >= self.numnodes

    @property
    def has_pending(self) -> bool:
        """Whether a case is still to end."""
        return bool(self._queue) or any(self._pending.values())

    @property
    def tests_finished(self) -> bool:
        """Whether the workers have all that they will ever get."""
        idle = all(len(pending) < _ENOUGH for pending in self._pending.values())
        return self.collection_is_completed and not self._queue and idle

    def add_node(self, node: WorkerController) -> None:
        """A worker is there; it will collect."""
        self._pending[node] = []

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker has gone: the case that it died in; the rest of its target is to be done."""
        pending = self._pending.pop(node)
        if not pending or self.collection is None:
            return None
        crashed, *rest = pending
        self._queue.extendleft(reversed(self._by_target(rest)))
        for other in self._pending:
            self._feed(other)
        return self.collection[crashed]

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        if self.collection is None:
            self.collection = list(collection)
            self._queue.extend(self._by_target(range(len(collection))))
        self._collected.add(node)

    def mark_test_complete(
        self,
        node: WorkerController,
        item_index: int,
        duration: float = 0,
    ) -> None:
        """A worker has run a case."""
        self._pending[node].remove(item_index)
        self._feed(node)

    def mark_test_pending(self, item: str) -> None:
        """A case shall be run again: not by us."""
        raise NotImplementedError

    def remove_pending_tests_from_node(
        self, node: WorkerController, indices: Sequence[int]
    ) -> None:
        """A worker gives cases back: not to us."""
        raise NotImplementedError

    def schedule(self) -> None:
        """Give the workers something to do: at first a target each."""
        for node in self._pending:
            if not self._pending[node]:
                self._give(node)
        for node in self._pending:
            self._feed(node)

    def _feed(self, node: WorkerController) -> None:
        while self._queue and len(self._pending[node]) < _ENOUGH and self._give(node):
            pass
        if not self._queue and node in self._collected:
            node.shutdown()

    def _give(self, node: WorkerController) -> bool:
        if not self._queue or node not in self._collected or node.shutting_down:
            return False
        part = self._queue.popleft()
        self._pending[node] += part
        node.send_runtest_some(part)
        return True

    def _by_target(self, indices: Iterable[int]) -> list[list[int]]:
        assert self.collection is not None  # noqa: S101 (there are indices)
        parts: dict[str, list[int]] = {}
        for index in indices:
            nodeid = self.collection[index]
            place = rows.place(nodeid, self._targets)
            parts.setdefault(place[0] if place else nodeid, []).append(index)
        return list(parts.values())
