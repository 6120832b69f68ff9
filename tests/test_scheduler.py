# SPDX-License-Identifier: MIT
"""Which worker gets which cases, with workers that only take notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from suite.scheduler import TargetScheduling

A = [f"cases/fs/test_x.py::test_{row}[vm:6.1]" for row in "abc"]
B = [f"cases/fs/test_x.py::test_{row}[vm:6.12-row]" for row in "abc"]
OTHER = "cases/fs/test_x.py::test_helper"


class Worker:
    """A worker of xdist's, as far as its scheduler knows it."""

    def __init__(self) -> None:
        self.got: list[list[int]] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        """Note what is to be run."""
        assert not self.shutting_down
        self.got.append(list(indices))

    def shutdown(self) -> None:
        """Note that there will be no more."""
        self.shutting_down = True


Start = Callable[..., tuple[Any, list[Any]]]


@pytest.fixture
def start(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Start:
    def start(collection: list[str], count: int) -> tuple[TargetScheduling, list[Worker]]:
        monkeypatch.setattr(
            "suite.scheduler.parse_tx_spec_config", lambda _config: ["popen"] * count
        )
        monkeypatch.setattr("suite.rows.targets", lambda _config: ["vm:6.1", "vm:6.12"])
        scheduler: Any = TargetScheduling(pytestconfig)
        workers = [Worker() for _ in range(count)]
        for worker in workers:
            scheduler.add_node(worker)
        for worker in workers:
            scheduler.add_node_collection(worker, collection)
            if scheduler.collection_is_completed:
                scheduler.schedule()
        return scheduler, workers

    return start


def join(scheduler: Any, collection: list[str]) -> Worker:  # noqa: ANN401 (Worker is no node)
    """Another worker, in place of one that died."""
    worker = Worker()
    scheduler.add_node(worker)
    scheduler.add_node_collection(worker, collection)
    scheduler.schedule()
    return worker


def test_each_worker_gets_a_whole_target(start: Start) -> None:
    scheduler, workers = start([*A, *B], 2)
    assert [worker.got for worker in workers] == [[[0, 1, 2]], [[3, 4, 5]]]
    assert all(worker.shutting_down for worker in workers), "or they would wait for more"
    assert scheduler.has_pending
    assert not scheduler.tests_finished


def test_a_worker_gets_its_next_target_before_its_last_case(start: Start) -> None:
    scheduler, (worker,) = start([*A, *B, OTHER], 1)
    assert worker.got == [[0, 1, 2]]
    for index in (0, 1):
        scheduler.mark_test_complete(worker, index)
    assert worker.got == [[0, 1, 2], [3, 4, 5]]
    assert not worker.shutting_down
    for index in (2, 3, 4):
        scheduler.mark_test_complete(worker, index)
    assert worker.got[2:] == [[6]]
    assert worker.shutting_down
    scheduler.mark_test_complete(worker, 5)
    assert scheduler.tests_finished
    scheduler.mark_test_complete(worker, 6)
    assert not scheduler.has_pending


def test_targets_of_one_case_are_spread(start: Start) -> None:
    _, workers = start([A[0], B[0]], 2)
    assert [worker.got for worker in workers] == [[[0]], [[1]]]


def test_a_dead_worker_loses_the_case_that_it_ran_and_another_goes_on(start: Start) -> None:
    scheduler, (first, second) = start([*A, *B], 2)
    scheduler.mark_test_complete(first, 0)
    assert scheduler.remove_node(first) == A[1]
    third = join(scheduler, [*A, *B])
    assert third.got == [[2]]
    assert third.shutting_down, "or it would wait for another case before it runs its only one"
    assert second.got == [[3, 4, 5]]
    assert scheduler.remove_node(third) == A[2]
    assert scheduler.remove_node(second) == B[0]
    assert join(scheduler, [*A, *B]).got == [[4, 5]]


def test_a_worker_that_has_not_collected_is_left_alone(start: Start) -> None:
    scheduler, (first, second) = start([*A, *B], 2)
    late = Worker()
    scheduler.add_node(late)
    assert scheduler.remove_node(first) == A[0]
    assert scheduler.remove_node(second) == B[0]
    assert late.got == []
    scheduler.add_node_collection(late, [*A, *B])
    scheduler.schedule()
    assert late.got == [[4, 5]], "what was given back last; two cases are enough to begin with"


def test_an_idle_worker_that_ends_loses_nothing(start: Start) -> None:
    scheduler, (first, second) = start(A, 2)
    assert second.shutting_down
    assert scheduler.remove_node(second) is None
    assert scheduler.nodes == [first]
