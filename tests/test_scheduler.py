# SPDX-License-Identifier: MIT
"""Which worker gets which cases, with workers that only take notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from suite.run import scheduler as scheduling
from suite.run.scheduler import TargetScheduling

A = [f"cases/fs/test_x.py::test_{row}[vm:6.1]" for row in "abcdef"]
B = [f"cases/fs/test_x.py::test_{row}[vm:6.12-row]" for row in "abcdef"]
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
    def start(
        collection: list[str], count: int, shareable: tuple[str, ...] = ()
    ) -> tuple[TargetScheduling, list[Worker]]:
        monkeypatch.setattr(
            "suite.run.scheduler.parse_tx_spec_config", lambda _config: ["popen"] * count
        )
        monkeypatch.setattr("suite.run.rows.targets", lambda _config: ["vm:6.1", "vm:6.12"])
        scheduler: Any = TargetScheduling(pytestconfig, shareable)
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
    assert [worker.got for worker in workers] == [[[0, 1, 2, 3, 4, 5]], [[6, 7, 8, 9, 10, 11]]]
    assert scheduler.has_pending
    for index in range(3):
        scheduler.mark_test_complete(workers[0], index)
    assert workers[0].shutting_down, "or it would wait for more"
    assert not scheduler.tests_finished


def test_a_worker_gets_its_next_target_before_its_last_case(start: Start) -> None:
    scheduler, (worker,) = start([*A, *B, OTHER], 1)
    assert worker.got == [[0, 1, 2, 3, 4, 5]]
    for index in range(4):
        scheduler.mark_test_complete(worker, index)
    assert worker.got == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert not worker.shutting_down
    for index in range(4, 10):
        scheduler.mark_test_complete(worker, index)
    assert worker.got[2:] == [[12]]
    assert worker.shutting_down
    assert scheduler.tests_finished
    for index in range(10, 13):
        scheduler.mark_test_complete(worker, index)
    assert not scheduler.has_pending


def test_targets_of_one_case_are_spread(start: Start) -> None:
    _, workers = start([A[0], B[0]], 2)
    assert [worker.got for worker in workers] == [[[0]], [[1]]]
    assert all(worker.shutting_down for worker in workers)


def test_a_dead_worker_loses_the_case_that_it_ran_and_another_goes_on(start: Start) -> None:
    scheduler, (first, second) = start([*A, *B], 2)
    scheduler.mark_test_complete(first, 0)
    assert scheduler.remove_node(first) == A[1]
    third = join(scheduler, [*A, *B])
    assert third.got == [[2, 3, 4, 5]]
    scheduler.mark_test_complete(third, 2)
    assert third.shutting_down, "or it would wait for another case before it runs its last one"
    assert second.got == [[6, 7, 8, 9, 10, 11]]
    assert scheduler.remove_node(third) == A[3]
    assert scheduler.remove_node(second) == B[0]
    # What was given back last comes first.
    assert join(scheduler, [*A, *B]).got == [[7, 8, 9, 10, 11]]


def test_a_worker_that_has_not_collected_is_left_alone(start: Start) -> None:
    scheduler, (first, second) = start([*A, *B], 2)
    late = Worker()
    scheduler.add_node(late)
    assert scheduler.remove_node(first) == A[0]
    assert scheduler.remove_node(second) == B[0]
    assert late.got == []
    scheduler.add_node_collection(late, [*A, *B])
    scheduler.schedule()
    assert late.got == [[7, 8, 9, 10, 11]], "what was given back last"


def test_an_idle_worker_that_ends_loses_nothing(start: Start) -> None:
    scheduler, (first, second) = start(A, 2)
    assert second.shutting_down
    assert scheduler.remove_node(second) is None
    assert scheduler.nodes == [first]


MANY = [f"cases/fs/test_x.py::test_{number}[vm:6.1]" for number in range(900)]


def run_out(scheduler: Any, *workers: Worker) -> list[list[int]]:  # noqa: ANN401 (no node)
    """Let the workers run a case each in turn until there is none; what each of them ran."""
    ran: list[list[int]] = [[] for _ in workers]
    while scheduler.has_pending:
        for worker, done in zip(workers, ran, strict=True):
            queue = [index for part in worker.got for index in part]
            if len(done) < len(queue):
                done.append(queue[len(done)])
                scheduler.mark_test_complete(worker, done[-1])
    return ran


def test_workers_share_a_target_that_has_enough_cases(start: Start) -> None:
    scheduler, workers = start(MANY, 3, ("vm:6.1",))
    first, second, third = run_out(scheduler, *workers)
    assert not third, "it is not worth a boot"
    assert abs(len(first) - len(second)) <= scheduling._PORTION
    assert first == list(range(len(first))), "neighbours stay together"
    assert sorted(first + second) == list(range(900))
    assert all(worker.shutting_down for worker in workers)


def test_a_target_that_is_not_ours_is_not_shared(start: Start) -> None:
    scheduler, workers = start(MANY, 2)
    assert [len(ran) for ran in run_out(scheduler, *workers)] == [900, 0]


def test_a_target_that_nobody_runs_comes_first(start: Start) -> None:
    scheduler, (first, second) = start([*MANY, *B], 2, ("vm:6.1", "vm:6.12"))
    assert second.got == [list(range(900, 906))]
    ran = run_out(scheduler, first, second)
    assert len(ran[0]) < 900, "the other one joins it afterwards"


def test_what_a_dead_worker_of_a_shared_target_leaves_is_run(start: Start) -> None:
    scheduler, (first, second) = start(MANY, 2, ("vm:6.1",))
    died = second.got[0][0]
    assert scheduler.remove_node(second) == MANY[died]
    third = join(scheduler, MANY)
    ran = run_out(scheduler, first, third)
    assert sorted(ran[0] + ran[1]) == [index for index in range(900) if index != died]


def test_a_portion_outlasts_the_news_of_the_next(start: Start) -> None:
    """A worker has no case left only when there is none."""
    scheduler, (worker,) = start(MANY, 1)
    for index in range(900 - scheduling._ENOUGH):
        scheduler.mark_test_complete(worker, index)
        assert sum(map(len, worker.got)) - index - 1 >= scheduling._ENOUGH
