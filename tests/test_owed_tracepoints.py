# SPDX-License-Identifier: MIT
"""A kernel that owes Landlock's tracepoints and lacks them deviates: that is no fault of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import load
from suite.judge.outcome import Denied, Seen
from suite.judge.records import Verdict
from suite.run.needs import Need
from suite.run.unmet import unmet
from suite.targets.local import LocalTarget
from suite.witness.bpf import spy
from tests.kernels import stored

CHECKOUT = Path(__file__).parents[1]
PATIENCE_S = 300
SELECTION = "trace and not ptrace and not enable-all and (test_user or test_arguments or test_made)"


def test_a_spy_on_what_is_not_there_says_so() -> None:
    target = LocalTarget()
    try:
        ground = target.start()
        if reason := unmet([Need.BPF, Need.RAW_TRACEPOINTS], ground, target):
            pytest.skip(reason)
        seen = spy(ground.root.fork(), "landlock_no_such", 2)
        assert seen.told(Denied("EPERM")) == Seen("no tracepoint landlock_no_such")
        assert seen.last().task == 0
        there = spy(ground.root.fork(), "sys_enter", 2)
        assert there.told(Denied("EPERM")) == Denied("EPERM")
    finally:
        target.stop()


def test_a_kernel_that_lacks_what_it_owes_deviates(tmp_path: Path) -> None:
    """Linux 7.3, asked for tracepoints under other names; each case of them is judged."""
    stored("7.3")
    results = tmp_path / "results.json"
    subprocess.run(
        [sys.executable, "-m", "tests.untraced", str(results), "vm:7.3", SELECTION],
        check=True,
        cwd=CHECKOUT,
        timeout=PATIENCE_S,
    )
    cases = {case.id: case for case in load(results).targets[0].cases}
    found = {case.verdict for case in cases.values()} - {Verdict.SKIPPED}
    assert found == {Verdict.DEVIATES}, {
        name: case.reason for name, case in cases.items() if case.verdict is not Verdict.DEVIATES
    }
    told = {name: getattr(case.observed, "what", "") for name, case in cases.items()}
    assert told["trace/arguments[tracer]"] == "no tracepoint landlock_deny_ptrace"
    assert (
        told["trace/events[user-enable]"] == "no events/landlock/landlock_not_deny_access_fs/enable"
    )
