# SPDX-License-Identifier: MIT
"""A worker that is stopped or silent is ended; one that is slow is not."""

import logging
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reports.ending import Terms, judged
from suite.errors import Exit
from suite.judge.records import Results
from suite.run import watch
from suite.run.recorder import Recorder
from suite.run.watch import Watch
from suite.targets import stopped
from tests.plugin_miniatures import WORKERS
from tests.runs import PATIENCE_S, wait_until

pytest_plugins = ["pytester"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A watch that looks often."""
    monkeypatch.setattr(watch, "LOOK_S", 0.05)
    monkeypatch.setattr(watch, "STOPPED_S", 0.5)
    monkeypatch.setattr(watch, "SILENCE_S", 3)
    watching = Watch()
    yield watching
    watching.end()


def test_who_is_stopped(sleeper: subprocess.Popen[bytes]) -> None:
    assert not stopped.is_stopped(sleeper.pid)
    sleeper.send_signal(signal.SIGSTOP)
    wait_until(lambda: stopped.is_stopped(sleeper.pid), "it has stopped")
    sleeper.send_signal(signal.SIGCONT)
    wait_until(lambda: not stopped.is_stopped(sleeper.pid), "it goes on")
    sleeper.kill()
    sleeper.wait()
    assert not stopped.is_stopped(sleeper.pid)


def test_a_stopped_worker_is_ended(
    watching: Watch, sleeper: subprocess.Popen[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    watching.begin("gw0", sleeper.pid)
    sleeper.send_signal(signal.SIGSTOP)
    assert sleeper.wait(PATIENCE_S) == -signal.SIGKILL
    assert watching.why("gw0") == "was stopped by a signal for 0.5 s"
    assert caplog.messages == [
        "worker gw0 was stopped by a signal for 0.5 s: it is ended, and a case that it ran is lost"
    ]
    assert watching.pids() == []


def test_a_silent_worker_is_ended(watching: Watch, sleeper: subprocess.Popen[bytes]) -> None:
    start = time.monotonic()
    watching.begin("gw0", sleeper.pid)
    assert sleeper.wait(PATIENCE_S) == -signal.SIGKILL
    assert time.monotonic() - start >= 3 * 0.9
    assert watching.why("gw0") == "was silent for 3 s"


def test_one_that_gives_signs_of_life_or_was_stopped_for_a_moment_goes_on(
    watching: Watch, sleeper: subprocess.Popen[bytes]
) -> None:
    watching.begin("gw0", sleeper.pid)
    for _ in range(9):
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        sleeper.send_signal(signal.SIGCONT)
        time.sleep(0.4)
        watching.heard("gw0")
    assert sleeper.poll() is None
    assert watching.why("gw0") is None
    watching.gone("gw0")
    time.sleep(3.5)
    assert sleeper.poll() is None, "it is no longer ours to watch"


def run(
    pytester: pytest.Pytester, *names: str
) -> tuple[dict[str, tuple[str, str]], pytest.ExitCode | int | None, Results]:
    """Run these cases on two workers: verdict and reason of each."""
    area = pytester.mkdir("area")
    (area / "test_mini.py").write_text(WORKERS)
    recorder: Any = Recorder(["local"])
    result = pytester.inline_run(
        *("-p", "suite.run.plugin", "-p", "no:cacheprovider", "-q", "-n", "1"),
        *("--target", "local", "-k", " or ".join(names)),
        plugins=[recorder],
    )
    results: Results = recorder.results()
    cases = results.targets[0].cases
    said = {c.id.partition("[")[2][:-1]: (str(c.verdict), c.reason) for c in cases}
    return said, result.ret, results


def test_a_run_goes_on_after_a_stopped_worker(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "STOPPED_S", 2)
    with caplog.at_level(logging.WARNING):
        said, _, results = run(pytester, "stops", "fine")
    assert said == {
        "stops": ("lost", "worker 'gw0' was stopped by a signal for 2 s, and was ended"),
        "fine": ("conforms", ""),
    }
    assert judged(results, Terms()).code is Exit.INFRASTRUCTURE
    assert any("it is ended, and a case that it ran is lost" in line for line in caplog.messages)


def test_a_run_goes_on_after_a_silent_worker(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SILENCE_S", 15)
    said, _, _ = run(pytester, "sleeps", "fine")
    assert said == {
        "sleeps": ("lost", "worker 'gw0' was silent for 15 s, and was ended"),
        "fine": ("conforms", ""),
    }


def test_a_slow_worker_is_left_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is silent for longer in sum, but not at a time."""
    monkeypatch.setattr(watch, "LOOK_S", 0.5)
    said, status, _ = run(pytester, "slow", "slow_too", "fine")
    assert {verdict for verdict, _ in said.values()} == {"conforms"}
    assert status == pytest.ExitCode.OK
    assert watch.SILENCE_S >= 2 * (60 + 60 + 300)
