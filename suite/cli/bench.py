# SPDX-License-Identifier: MIT
"""How fast landproof is, each figure next to what it is to be compared with, in one run.

``python -m suite.cli.bench [--kernel 7.3] [--no-matrix]``
"""

from __future__ import annotations

import argparse
import signal
import statistics
import time
from collections.abc import Callable

import pytest

from suite.agent import build
from suite.agent.channel import run as run_program
from suite.agent.wire import Address, Buffer, BufferFlag, Op, OpKind, Result
from suite.cli.run import CONFIG, QUIET, run
from suite.judge.records import Verdict
from suite.process.uapi import AT_FDCWD, CLONE_VM
from suite.run.recorder import Recorder
from suite.targets.base import Ground, Target
from suite.targets.local import LocalTarget
from suite.targets.scratch import Scratch
from vm import accel
from vm.boot_time import boot_ratio
from vm.catalogue import DEFAULT_SET
from vm.store import Store
from vm.target import GUEST_ARCH, VmTarget

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


def main() -> None:
    """Measure all and print it."""
    parser = argparse.ArgumentParser(description="Measure landproof.")
    parser.add_argument("--kernel", default="7.3", help="of the virtual machine (default: 7.3)")
    parser.add_argument("--no-matrix", action="store_true", help="leave the default matrix out")
    arguments = parser.parse_args()
    kernel = Store().fetch(arguments.kernel)
    agent = build.agent(GUEST_ARCH)
    accelerator = accel.choose(kernel, agent)

    print("boot, start to agent ready; the floor is qemu -kernel -initrd alone (aim 1.3, most 1.6)")
    print(f"  {boot_ratio(kernel, agent, accelerator, runs=_ROUNDS)}")

    name = f"vm:{arguments.kernel}"
    print(f"speed a second: host, {name}, and the second over the first")
    speeds = [_speeds(LocalTarget()), _speeds(VmTarget(name, kernel, accelerator))]
    _print("round trips of one call", [speed[0] for speed in speeds])
    _print("programs: fork, 7 calls, kill (aim 3000, 200)", [speed[1] for speed in speeds])
    cases = [_pytest_speed("local", 1000), _pytest_speed(name, 300)]
    _print("pytest cases (aim 500, 150)", cases)
    _print("  a case over a program", [c / s[1] for c, s in zip(cases, speeds, strict=True)])

    if not arguments.no_matrix:
        _matrix()


def _print(what: str, figures: list[float]) -> None:
    shown = "  ".join(f"{figure:9.1f}" if figure >= 10 else f"{figure:9.2f}" for figure in figures)
    print(f"  {what:<48} {shown}  ratio {figures[1] / figures[0]:.3f}")


def _speeds(target: Target) -> tuple[float, float]:
    """Round trips and programs a second, the median of some rounds."""
    ground = target.start()
    try:
        child = ground.session.new_process()
        return _rate(lambda: _round_trip(ground)), _rate(lambda: _program(ground, child))
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


def _round_trip(ground: Ground) -> object:
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


def _pytest_speed(target: str, count: int) -> float:
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
        raise SystemExit(f"the cases do not conform on {target}: {bad[:1]}")
    # The first case starts the target: count what came after it.
    return (ran.done - 1) / (ran.ended - first_ended)


def _matrix() -> None:
    targets = [f"vm:{name}" for name in DEFAULT_SET]
    store = Store()
    for name in DEFAULT_SET:
        store.fetch(name)
    seconds = {}
    for workers in (1, 2):
        outcome = run(targets, brief=True, workers=workers)
        seconds[workers] = outcome.results.seconds
    ratio = seconds[2] / seconds[1]
    print(f"default matrix, {len(targets)} kernels, kernels stored (most 150 s with -n 2)")
    print(f"  -n 1: {seconds[1]:.1f} s, -n 2: {seconds[2]:.1f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
