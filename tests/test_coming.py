# SPDX-License-Identifier: MIT
"""Targets that come while others run: in any order, late or never, with workers that die."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from typing import Any

import pytest

from suite.run.coming import Coming
from suite.run.scheduler import REST, TargetScheduling

TARGETS = ("vm:6.1", "vm:6.12", "vm:7.3")
A, B, C = (
    [f"cases/fs/test_x.py::test_{row}[{target}]" for row in "abcdef"[:count]]
    for target, count in zip(TARGETS, (3, 6, 1), strict=True)
)
ALL = [*A, *B, *C, REST]
AT_REST = ALL.index(REST)


class Worker:
    """A worker that runs a case when it knows what comes next, as xdist's do."""

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        """Take more."""
        assert not self.shutting_down
        self.queue += indices

    def shutdown(self) -> None:
        """There will be no more."""
        self.shutting_down = True

    @property
    def can_run(self) -> bool:
        """Whether it runs something now."""
        return len(self.queue) > (0 if self.shutting_down else 1)


class Run:
    """A run whose targets are all on their way."""

    def __init__(self, config: pytest.Config, count: int) -> None:
        self.busy: dict[Worker, bool] = {}
        self.ran: defaultdict[str, int] = defaultdict(int)
        attend: Any = self.busy.__setitem__
        self.scheduler: Any = TargetScheduling(config, TARGETS, TARGETS, attend)
        self.workers = [Worker() for _ in range(count)]
        for worker in self.workers:
            self.scheduler.add_node(worker)

    def collect(self) -> None:
        """All workers have collected."""
        for worker in self.workers:
            self.scheduler.add_node_collection(worker, ALL)
        self.scheduler.schedule()

    def step(self, worker: Worker) -> None:
        """Let a worker run what it would run now."""
        if worker.can_run:
            index = worker.queue.pop(0)
            self.ran[ALL[index]] += 1
            self.scheduler.mark_test_complete(worker, index)

    def settle(self) -> None:
        """Let all run until none can."""
        while any(worker.can_run for worker in self.workers):
            for worker in self.workers:
                self.step(worker)

    def die(self, worker: Worker) -> str | None:
        """A worker ends in what it runs, and another takes its place."""
        self.workers.remove(worker)
        crashed: str | None = self.scheduler.remove_node(worker)
        other = Worker()
        self.workers.append(other)
        self.scheduler.add_node(other)
        self.scheduler.add_node_collection(other, ALL)
        self.scheduler.schedule()
        return crashed

    @property
    def cases(self) -> set[str]:
        """What was run."""
        return {*self.ran} - {REST}


@pytest.fixture
def run(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("suite.run.scheduler.parse_tx_spec_config", lambda _config: ["popen"] * 2)
    monkeypatch.setattr("suite.run.rows.targets", lambda _config: list(TARGETS))
    return Run(pytestconfig, 2)


def test_nothing_is_given_out_before_a_target_is_there(run: Run) -> None:
    run.collect()
    assert [worker.queue for worker in run.workers] == [[], []]
    assert not any(worker.shutting_down for worker in run.workers)
    assert not run.scheduler.tests_finished
    assert {*run.busy.values()} == {False}, "nobody waits for them"


def test_a_target_that_is_there_goes_before_one_that_is_not(run: Run) -> None:
    run.scheduler.come("vm:7.3")
    run.collect()
    run.settle()
    assert run.cases == {*C}
    run.scheduler.come("vm:6.12")
    run.settle()
    assert run.cases == {*B, *C}


def test_its_last_case_does_not_wait_for_the_next_target(run: Run) -> None:
    run.collect()
    run.scheduler.come("vm:6.1")
    assert True in run.busy.values()
    run.settle()
    assert run.cases == {*A}
    assert {*run.busy.values()} == {False}
    assert not run.scheduler.tests_finished
    run.scheduler.come("vm:6.12")
    assert True in run.busy.values()
    run.scheduler.come("vm:7.3")
    run.settle()
    assert run.cases == {*A, *B, *C}
    assert run.scheduler.tests_finished
    assert not run.scheduler.has_pending
    assert all(worker.shutting_down for worker in run.workers)


def test_nobody_runs_what_does_not_come(run: Run) -> None:
    run.scheduler.drop("vm:6.1")
    run.collect()
    run.scheduler.come("vm:7.3")
    run.settle()
    assert not run.scheduler.tests_finished
    run.scheduler.drop("vm:6.12")
    run.settle()
    assert run.cases == {*C}
    assert run.scheduler.tests_finished
    assert all(worker.shutting_down for worker in run.workers)


def test_a_worker_that_dies_at_rest_loses_no_case(run: Run) -> None:
    run.collect()
    run.scheduler.come("vm:7.3")
    run.settle()
    (resting,) = (worker for worker in run.workers if worker.queue == [AT_REST])
    assert run.die(resting) is None
    for target in TARGETS:
        run.scheduler.come(target)
    run.settle()
    assert run.cases == {*A, *B, *C}
    assert max(run.ran[case] for case in run.cases) == 1


@pytest.mark.parametrize("seed", range(200))
def test_each_case_is_run_once_whatever_happens_when(run: Run, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    events = [*TARGETS, "collect", *["die"] * chance.randrange(3)]
    chance.shuffle(events)
    dropped = {target for target in TARGETS if chance.random() < 0.3}
    collected, crashed = False, set()
    for event in events:
        if event == "collect":
            run.collect()
            collected = True
        elif event != "die":
            (run.scheduler.drop if event in dropped else run.scheduler.come)(event)
        elif collected and not run.scheduler.tests_finished:
            crashed.add(run.die(chance.choice(run.workers)))
        for _ in range(chance.randrange(6)):
            run.step(chance.choice(run.workers))
    run.settle()
    there = [case for case in (*A, *B, *C) if not any(f"[{it}]" in case for it in dropped)]
    assert run.cases | (crashed - {None}) == {*there}
    assert all(run.ran[case] == (case not in crashed) for case in there)
    assert run.scheduler.tests_finished
    assert all(worker.shutting_down for worker in run.workers)


def test_news_from_before_anybody_listened_is_heard() -> None:
    coming = Coming(["a", "b"])
    coming.come("a")
    woken: list[list[tuple[str, bool]]] = []
    coming.listen(lambda: woken.append(list(coming.news())))
    assert woken == [[("a", True)]]
    teller = threading.Thread(target=coming.give_up, args=["b"])
    teller.start()
    teller.join()
    assert woken == [[("a", True)], [("b", False)]]
    assert coming.given_up == {"b"}


def test_a_fault_of_whoever_gets_them_is_heard() -> None:
    coming = Coming(["a"])
    coming.come("a")
    coming.fail(MemoryError("no room"))
    news = coming.news()
    assert next(news) == ("a", True)
    with pytest.raises(MemoryError, match="no room"):
        next(news)
