# SPDX-License-Identifier: MIT
"""What a run did not come to is told as not run, and never as a fault of anybody."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from reports.diff import compare, is_worse
from reports.history import history
from reports.kernel_line import summarize
from reports.render import formats, render
from suite.errors import Exit
from suite.judge.records import NOT_RUN, CaseRecord, Results, TargetRecord, Verdict
from suite.run.recorder import Recorder
from tests.cli_cases import CASES
from tests.kernels import FULL, stored
from tests.report_miniatures import kernel
from tests.runs import running, wait_until, write_cases

NODE = "cases/mini/test_cases.py::test_{case}[{target}]"


def results(*targets: TargetRecord) -> Results:
    return Results(
        landproof="1", started="2026-01-01T00:00:00+00:00", seconds=1, targets=[*targets]
    )


def recorded(*, interrupted: bool) -> dict[str, TargetRecord]:
    """Of three targets, one is in its second case of three, one is starting, one waits."""
    recorder = Recorder(["vm:a", "vm:b", "vm:c"])
    for target in recorder.targets.values():
        target.cases = dict.fromkeys(f"mini/cases[{it}]" for it in ("one", "two", "three"))
    recorder.pytest_runtest_logstart(NODE.format(case="one", target="vm:a"))
    recorder.pytest_runtest_logstart(NODE.format(case="two", target="vm:a"))
    recorder.pytest_runtest_logstart(NODE.format(case="one", target="vm:b"))
    first = recorder.targets["vm:a"]
    first.facts = FULL
    first.keep("mini/cases[one]", CaseRecord(id="mini/cases[one]", verdict=Verdict.CONFORMS))
    found = recorder.results(interrupted=interrupted).targets
    return {target.name: target for target in found}


def test_what_began_and_was_not_heard_is_lost_and_the_rest_was_not_run() -> None:
    told = recorded(interrupted=True)
    assert [(it.verdict, it.reason) for it in told["vm:a"].cases] == [
        (Verdict.CONFORMS, ""),
        (Verdict.LOST, "nothing was heard"),
        (Verdict.SKIPPED, NOT_RUN),
    ]
    for name in ("vm:b", "vm:c"):
        assert (told[name].reason, told[name].cases) == (NOT_RUN, [])
        assert str(summarize(told[name])) == NOT_RUN


def test_without_an_interrupt_it_is_lost() -> None:
    told = recorded(interrupted=False)
    assert {it.verdict for it in told["vm:c"].cases} == {Verdict.LOST}
    assert str(summarize(told["vm:c"])) == "never came up: nothing was heard; 3 lost"


@pytest.mark.parametrize("fmt", sorted(formats()))
def test_every_format_tells_it(fmt: str) -> None:
    was = kernel("vm:6.12", "6.12.43", 6, 0b11)
    text = render(results(was, TargetRecord(name="vm:7.3", reason=NOT_RUN)), fmt)
    assert "lost" not in text.lower() or fmt == "html"  # whose legend has all verdicts
    assert "vm:7.3 never came up" not in text
    if fmt not in ("badge", "badge-shields"):
        assert "not run (interrupted)" in text
        assert text.count("never came up") == text.count('"-1": "never came up"')


def test_it_is_no_regression_of_the_kernel() -> None:
    was = kernel("vm:6.12", "6.12.43", 6, 0b11)
    now = TargetRecord(name="vm:6.12", reason=NOT_RUN)
    assert not is_worse(was, now)
    assert compare(results(was), results(now), before="a", after="b").kernels == ()
    assert history({"a": results(was, TargetRecord(name="b", reason=NOT_RUN))}, str).dead == ()


@pytest.mark.vm
def test_a_matrix_that_is_interrupted(tmp_path: Path) -> None:
    stored("6.1"), stored("6.12")
    cases = write_cases(tmp_path, CASES)
    arguments = ("matrix", "--kernels=6.1,6.12", "-n1", "-k", "conforms or waits")
    with running(tmp_path, *arguments, cases=cases) as matrix:
        wait_until((cases / "mini" / "started").exists, "a case waits")
        matrix.popen.send_signal(signal.SIGINT)
        code, out, err = matrix.wait()
        assert code == Exit.INTERRUPTED
        assert "interrupted: what was not run is told as such" in err
        assert matrix.verdicts("vm:6.1") == {"conforms": "conforms", "waits": "lost"}
        assert "\n6.12  not run (interrupted)\n" in out
        assert "never came up" not in out
