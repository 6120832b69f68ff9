# SPDX-License-Identifier: MIT
"""What a command starts ends with whoever asked for the command, however that happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_archive import Archive, Key, missing_tools
from tests.runs import MARK, marked, wait_until
from vm import keeper
from vm.tools import streamed

FAMILY = """
(setsid sleep 1000 &) ; (trap '' TERM; sleep 1000) & {other}
echo ready; exec sleep 1000
"""
OTHER = "setpriv --reuid=65534 --regid=65534 --clear-groups setsid sleep 1000 &"
FETCH = "import sys; from vm.store import *; s = Store(Path(sys.argv[1]), mirror=sys.argv[2],"
FETCH += " keyring=Path(sys.argv[3])); s.fetch('6.12')"
OWNER = """
import sys
from vm.tools import streamed
with streamed(["sh", "-c", sys.argv[1]]) as (process, said):
    for line in said:
        print(line, flush=True)
"""


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """How many processes run that this test has started."""
    monkeypatch.setenv(MARK, str(tmp_path))
    yield lambda: len(marked(tmp_path))
    for left in marked(tmp_path):
        os.kill(left.pid, signal.SIGKILL)


def script() -> str:
    """A command with children of every kind."""
    return FAMILY.format(other=OTHER if os.geteuid() == 0 else "")


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_status_is_the_command_s(code: int) -> None:
    with streamed(["sh", "-c", f"echo said; exit {code}"]) as (process, said):
        assert list(said) == ["said"]
    assert process.returncode == code


def test_a_signal_is_told_as_a_shell_does() -> None:
    with streamed(["sh", "-c", "kill -TERM $$"]) as (process, _):
        pass
    assert process.returncode == 128 + signal.SIGTERM


def test_a_command_that_is_not_there_is_one_line() -> None:
    with streamed(["/no/such/command"]) as (process, said):
        assert list(said) == ["/no/such/command: No such file or directory"]
    assert process.returncode == 127


def test_what_it_leaves_running_is_ended(family: Callable[[], int]) -> None:
    start = time.monotonic()
    with streamed(["sh", "-c", "sleep 1000 & exec >&- 2>&-; exit 0"]) as (process, _):
        pass
    assert process.returncode == 0
    assert family() == 0
    assert time.monotonic() - start < 60


def test_nothing_outlives_the_block(family: Callable[[], int]) -> None:
    def fail() -> None:
        with streamed(["sh", "-c", script()]) as (_, said):
            assert next(said) == "ready"
            wait_until(lambda: family() >= 4, "all have started")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert family() == 0


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_its_owner(family: Callable[[], int], sent: signal.Signals) -> None:
    argv = [sys.executable, "-c", OWNER, script()]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "ready\n"
        wait_until(lambda: family() >= 5, "all have started")
        owner.send_signal(sent)
    wait_until(lambda: family() == 0, "all are gone", keeper.GRACE_S + 10)


@pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")
@pytest.mark.parametrize("stalls", ["InRelease", "linux-image-6.12.43"], ids=["index", "package"])
def test_apt_and_its_methods_end_with_us(
    family: Callable[[], int], tmp_path: Path, archive: Archive, key: Key, stalls: str
) -> None:
    archive.stall = stalls
    argv = [sys.executable, "-c", FETCH, str(tmp_path / "store"), archive.url, str(key.keyring)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as landproof:
        assert archive.stalled.wait(60)
        names = {process.name for process in marked(tmp_path)}
        assert {"apt-get", "http"} <= names
        landproof.kill()
    wait_until(lambda: family() == 0, "apt and its methods are gone", keeper.GRACE_S + 10)
