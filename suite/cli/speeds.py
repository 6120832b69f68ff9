# SPDX-License-Identifier: MIT
"""How many round trips, programs and cases a second a target gives."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable

import pytest

from suite.agent.channel import run as run_program
from suite.agent.wire import Address, Buffer, BufferFlag, Op, OpKind, Result
from suite.cli.run import CONFIG, QUIET
from suite.errors import InfrastructureError
from suite.judge.records import Verdict
from suite.process.uapi import AT_FDCWD, CLONE_VM
from suite.run.recorder import Recorder
from suite.targets.base import Ground, Target
from suite.targets.scratch import Scratch

_ROUNDS = 5
_CASES = '''\
import os
from suite.landlock.abi import FS
from suite.judge.expectation import since
from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.run.rows import Case, table
from suite.landlock.ruleset import Ruleset

DENIED = Case(expect=since(FS.READ_FILE, Denied("EACCES")))


@table({{str(number): DENIED for number in range({count})}})
def test_case(case, process, judge):
    """A process, seven system calls, a judgement."""
    process.restrict(Ruleset(fs=FS.READ_FILE))
    process.getpid()
    process.gettid()
    judge(case.expect, process.observe(Process.open, "/proc/self/status", os.O_RDONLY))
'''


def agent_speeds(target: Target) -> tuple[float, float]:
    """Round trips and programs a second, the median of some rounds."""
    ground = target.start()
    try:
        child = ground.session.new_process()
        return _rate(lambda: round_trip(ground)), _rate(lambda: _program(ground, child))
    finally:
        target.stop()


def _rate(action: Callable[[], object]) -> float:
    rates = []
    for _ in range(_ROUNDS):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < 0.5:
            action()
            count += 1
        rates.append(count / (time.perf_counter() - start))
    return statistics.median(rates)


def round_trip(ground: Ground) -> object:
    """One call, and its answer."""
    number = ground.session.numbers["getpid"]
    return run_program(ground.session.channel, [Op(OpKind.CALL, ground.root.id, number)])


def _program(ground: Ground, child: int) -> object:
    """What the smallest case costs the agent: fork, seven calls, kill."""
    parent, numbers = ground.sharing.id, ground.session.numbers
    flags = (CLONE_VM if ground.session.shares_memory else 0) | signal.SIGCHLD
    path = Buffer(BufferFlag.IN, 2, b"/\0")
    return run_program(
        ground.session.channel,
        [
            Op(OpKind.FORK, parent, args=(child, flags)),
            *(Op(OpKind.CALL, child, numbers[name]) for name in ("getpid", "gettid", "getppid")),
            Op(OpKind.CALL, child, numbers["openat"], (AT_FDCWD, Address(0), 0), (path,)),
            Op(OpKind.CALL, child, numbers["close"], (Result(4),)),
            *(Op(OpKind.CALL, child, numbers[name]) for name in ("getuid", "getgid")),
            Op(OpKind.KILL, child),
        ],
    )


def pytest_speed(target: str, count: int) -> float:
    """Small cases a second, from the end of the first to that of the last.

    Raises:
        InfrastructureError: They do not conform there.
    """
    with Scratch() as folder:
        area = folder / "bench"
        area.mkdir()
        (area / "test_bench.py").write_text(_CASES.format(count=count))
        recorder = Recorder([target])
        options = [f"--config-file={CONFIG}", f"--rootdir={folder}", *QUIET]
        pytest.main([str(area), *options, f"--target={target}"], plugins=[recorder])
    ran = recorder.targets[target]
    bad = [r for r in ran.cases.values() if r is None or r.verdict is not Verdict.CONFORMS]
    first_ended = ran.first_ended
    if bad or first_ended is None or ran.ended is None:
        raise InfrastructureError(f"the cases do not conform on {target}: {bad[:1]}")
    # The first case starts the target: count what came after it.
    return (ran.done - 1) / (ran.ended - first_ended)
