# SPDX-License-Identifier: MIT
"""Which xdist worker runs which cases: target by target, also when a worker dies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from xdist.workermanage import WorkerController, parse_tx_spec_config

from suite.run import rows

_ENOUGH = 4
"""Cases that a worker should hold: two, for it begins none before it knows the next, and a margin
for the time that messages take.
"""
_PORTION = 32
"""Cases that a worker gets at once; no more, for other workers can't take them over from it."""
WORTH = 300
"""A target is booted for one more worker only if so many cases would then be left for each."""
REST = "::rest"
"""The id of what a worker is given after its last case while it waits for a target that is to come.

A worker begins no case before it knows the next, and would keep that case waiting, too.
"""


@dataclass(slots=True, eq=False)
class _Share:
    """The work that is left on one target."""

    target: str
    left: deque[int]
    """The cases that no worker has yet."""
    workers: list[WorkerController] = field(default_factory=list)
    """The workers that run the target."""

    def take(self, worker: WorkerController) -> list[int]:
        """The next cases: from the front for the first worker, from the end for others.

        So each worker gets neighbouring cases, which need the same file systems.
        """
        first = self.workers[0] is worker
        count = min(_PORTION, len(self.left))
        taken = [self.left.popleft() if first else self.left.pop() for _ in range(count)]
        return sorted(taken)


class TargetScheduling:
    """A scheduler for xdist that gives each target to one worker, or to more if workers are idle.

    ``--dist loadgroup`` would keep a target on one worker, but has three defects: with pytest 9.2
    it takes every case for a group of its own (pytest-xdist issue 1386); when a worker dies in a
    case, it runs that case again, so that the next worker dies too; and it waits for ever for a
    worker that has one case left.

    Args:
        config: The configuration of the process that hands the cases out.
        shareable: The targets that several workers may run at once, each its own instance.
        coming: The targets that are not there yet: they come, or are dropped.
        attend: Told of a worker whether it has anything to do, when that changes.
    """

    def __init__(
        self,
        config: pytest.Config,
        shareable: Collection[str] = (),
        coming: Collection[str] = (),
        attend: Callable[[WorkerController, bool], None] = lambda _node, _busy: None,
    ) -> None:
        self.numnodes = len(parse_tx_spec_config(config))
        self._targets = rows.targets(config)
        self._shareable = shareable
        self._coming = set(coming)
        self._dropped: set[str] = set()
        self._attend = attend
        self._rest: int | None = None
        """The index of `REST`, if workers have it."""
        self.collection: list[str] | None = None
        """The cases as every worker collects them; a case is known by its index here."""
        self._shares: dict[str, _Share] = {}
        self._at: dict[WorkerController, _Share] = {}
        """The share that each worker is busy with."""
        self._pending: dict[WorkerController, list[int]] = {}
        """The cases that each worker holds, in the order in which it runs them."""
        self._collected: set[WorkerController] = set()

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers that are running."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers have collected as were asked for."""
        return len(self._collected) >= self.numnodes

    @property
    def has_pending(self) -> bool:
        """Whether some case has not ended yet."""
        return self._is_left or any(self._pending.values())

    @property
    def tests_finished(self) -> bool:
        """Whether the workers hold all the cases that they will ever get."""
        idle = all(len(pending) < _ENOUGH for pending in self._pending.values())
        return self.collection_is_completed and not self._is_left and idle

    @property
    def _is_left(self) -> bool:
        return any(share.left for share in self._shares.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker has started; it will collect."""
        self._pending[node] = []

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker has gone: return the case that it died in, and queue the others that it held."""
        pending = self._pending.pop(node)
        self._leave(node)
        if not pending or self.collection is None:
            return None
        crashed, *others = pending
        self._keep(index for index in reversed(others) if index != self._rest)
        self._feed_all()
        return None if crashed == self._rest else self.collection[crashed]

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        if self.collection is None:
            self.collection = list(collection)
            self._rest = self.collection.index(REST) if REST in collection else None
            cases = reversed(range(len(collection)))
            self._keep(index for index in cases if index != self._rest)
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
        """Run a case again, which this scheduler never does."""
        raise NotImplementedError

    def remove_pending_tests_from_node(
        self, node: WorkerController, indices: Sequence[int]
    ) -> None:
        """Take cases back from a worker, which this scheduler never does."""
        raise NotImplementedError

    def schedule(self) -> None:
        """Give the workers something to do: first a target to each, then enough cases."""
        for node in self._pending:
            if not self._pending[node]:
                self._give(node)
        self._feed_all()

    def come(self, target: str) -> None:
        """A target is there: its cases may be given out."""
        self._coming.discard(target)
        if self.collection_is_completed:
            self._feed_all()

    def drop(self, target: str) -> None:
        """A target won't come: nobody is to run its cases."""
        self._dropped.add(target)
        self._shares.pop(target, None)
        self.come(target)

    def _feed_all(self) -> None:
        for node in self._pending:
            self._feed(node)

    def _feed(self, node: WorkerController) -> None:
        if node not in self._collected or node.shutting_down:
            return
        while len(self._pending[node]) < _ENOUGH:
            if not self._give(node):
                if self._coming:
                    self._let_rest(node)
                else:
                    node.shutdown()
                return

    def _let_rest(self, node: WorkerController) -> None:
        """Let a worker run all cases that it holds, though nobody knows its next one."""
        pending = self._pending[node]
        if pending and pending[-1] != self._rest and self._rest is not None:
            self._send(node, [self._rest])
        if not pending or pending == [self._rest]:
            self._attend(node, False)

    def _give(self, node: WorkerController) -> bool:
        if node not in self._collected or node.shutting_down:
            return False
        share = self._at.get(node)
        if share is None or not share.left:
            self._leave(node)
            share = self._next()
            if share is None:
                return False
            share.workers.append(node)
            self._at[node] = share
        self._attend(node, True)
        self._send(node, share.take(node))
        return True

    def _send(self, node: WorkerController, part: list[int]) -> None:
        self._pending[node] += part
        node.send_runtest_some(part)

    def _leave(self, node: WorkerController) -> None:
        share = self._at.pop(node, None)
        if share:
            share.workers.remove(node)

    def _next(self) -> _Share | None:
        """A target that no worker runs; else one with enough cases left for one more worker."""
        there = (it for it in self._shares.values() if it.target not in self._coming)
        waiting = [share for share in there if share.left]
        alone = next((share for share in waiting if not share.workers), None)
        shared = [share for share in waiting if share.target in self._shareable]
        if alone or not shared:
            return alone
        most = max(shared, key=lambda share: len(share.left) / (len(share.workers) + 1))
        return most if len(most.left) >= WORTH * (len(most.workers) + 1) else None

    def _keep(self, backwards: Iterable[int]) -> None:
        """Queue these cases, which come in reverse order, before others of their targets."""
        assert self.collection is not None  # noqa: S101 (there are indices)
        begun: dict[str, _Share] = {}
        for index in backwards:
            nodeid = self.collection[index]
            parsed = rows.parse_node(nodeid, self._targets)
            target = parsed[0] if parsed else nodeid
            if target in self._dropped:
                continue
            share = begun.setdefault(target, self._shares.get(target) or _Share(target, deque()))
            share.left.appendleft(index)
        self._shares = {**dict(reversed(begun.items())), **self._shares}
