# SPDX-License-Identifier: MIT
"""Cases run on the kernels that are there while others are fetched: a slow source, real guests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from suite.errors import Exit
from suite.judge.records import NOT_RUN
from tests.fake_archive import Archive, Key, direct, missing_tools
from tests.kernels import stored
from tests.runs import (
    MARK,
    Running,
    in_terminal,
    landproof,
    marked,
    plain,
    running,
    wait_until,
    write_cases,
)

pytestmark = pytest.mark.vm

SOON_S = 10.0
"""How long landproof may take to end when it is told to; it takes about one second."""
SOURCE = '''\
"""A source of kernels that brings each when the test says so: slow:1, slow:2, ..."""

import hashlib
import os
import shutil
import time
from pathlib import Path

from suite.errors import InfrastructureError
from vm.catalogue import Build, Package, parse_wish
from vm.source import Source
from vm.tools import UnreachableError

GATES = Path(os.environ["GATES"])
SIZE = 34_000_000


class Slow(Source):
    name = "slow"
    scheme = "slow:"

    def wish(self, name):
        return parse_wish(name, self.scheme)

    def available(self, *, refresh=False, report=None):
        return [self._build(number) for number in range(1, 4)]

    def _build(self, number):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        package = Package("slow", f"{number}.0-1", digest, SIZE)
        release = f"{number}.0.0-slow"
        return Build(release, f"{number}.0-1", "", "shelf", (package,), scheme=self.scheme)

    def bring(self, build, work, report):
        number = build.version[0]
        done = 0
        while not (GATES / number).exists():
            report("download", min(done, SIZE), SIZE)
            done += 1_000_000
            time.sleep(0.02)
        told = (GATES / number).read_text()
        if told == "unreachable":
            raise UnreachableError("no network")
        if told:
            raise InfrastructureError(told)
        report("unpack", SIZE, SIZE)
        shutil.copy(os.environ["VMLINUZ"], work / "vmlinuz")
        return work
'''
CASES = """
from suite.judge.expectation import always
from suite.judge.outcome import Allowed

def test_first(process, judge):
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))

def test_last(process, judge):
    judge(always(Allowed()), process.observe(lambda p: p.getpid()))
"""
FINE = {"first": "conforms", "last": "conforms"}
Gate = Callable[..., None]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Let the source bring a kernel, or fail; it is installed for what the test runs."""
    info = tmp_path / "site/slow-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[landproof.kernels]\nslow = slow_source:Slow\n")
    (tmp_path / "site/slow_source.py").write_text(SOURCE)
    gates = tmp_path / "gates"
    gates.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("GATES", str(gates))
    monkeypatch.setenv("VMLINUZ", str(stored("6.12").vmlinuz))

    def let(number: int, told: str = "") -> None:
        (gates / "new").write_text(told)
        (gates / "new").rename(gates / str(number))

    return let


@contextmanager
def matrix(folder: Path, *arguments: str) -> Iterator[Running]:
    """A run of few cases, with a store of its own that has no kernel.

    All of these tests run one kernel, so that what some have saved restores the machines of others.
    """
    cases = write_cases(folder, CASES)
    store, saved = folder / "store", folder.parent / "saved-by-others"
    store.mkdir(mode=0o700, exist_ok=True)
    if saved.exists() and not (store / "states").exists():
        shutil.copytree(saved, store / "states")
    options = (f"--store={store}", "--accel=tcg", "--full", *arguments)
    with running(folder, "matrix", *options, cases=cases) as run:
        yield run
    if (store / "states").exists():
        shutil.copytree(store / "states", saved, dirs_exist_ok=True)


def heard(run: Running, pattern: str) -> str:
    """Read what it says on standard error until a line matches; all of it so far."""
    assert run.popen.stderr is not None
    said = ""
    while not re.search(pattern, said, re.MULTILINE):
        line = run.popen.stderr.readline()
        assert line, f"it ended without {pattern!r}: {said}"
        said += line
    return said


@pytest.mark.parametrize("workers", [1, 2])
def test_cases_end_before_the_last_kernel_is_fetched(
    tmp_path: Path, gate: Gate, workers: int
) -> None:
    gate(1)
    with matrix(tmp_path, "--kernels=slow:1,slow:2", f"-n{workers}") as run:
        said = heard(run, r"^vm:slow:1: 2 cases in .* done$")
        assert "slow:2: download (34.0 MB)" in said
        assert "slow:2: unpack" not in said
        gate(2)
        code, _, _ = run.wait()
        assert code == Exit.CONFORMS
        assert [target.name for target in run.results.targets] == ["vm:slow:1", "vm:slow:2"]
        assert run.verdicts("vm:slow:1") == run.verdicts("vm:slow:2") == FINE
        assert not run.left()


def test_a_kernel_that_comes_first_runs_first(tmp_path: Path, gate: Gate) -> None:
    """What is on this machine need not be fetched, whatever the order of names."""
    mine = os.environ["VMLINUZ"]
    with matrix(tmp_path, f"--kernels=slow:1,mine={mine}", "-n1") as run:
        heard(run, r"^vm:mine: 2 cases in .* done$")
        gate(1)
        assert run.wait()[0] == Exit.CONFORMS
        assert run.verdicts("vm:slow:1") == run.verdicts("vm:mine") == FINE


def test_a_kernel_that_can_not_be_had_costs_no_other(tmp_path: Path, gate: Gate) -> None:
    with matrix(tmp_path, "--kernels=slow:1,slow:2,slow:3", "-n2") as run:
        gate(1)
        heard(run, r"^vm:slow:1: 2 cases in .* done$")
        gate(2, "its checksum is wrong")
        heard(run, r"^slow:2: its checksum is wrong$")
        gate(3)
        code, out, _ = run.wait()
        assert code == Exit.INFRASTRUCTURE
        names = ["vm:slow:1", "vm:slow:3", "vm:slow:2"]
        assert [target.name for target in run.results.targets] == names
        assert run.verdicts("vm:slow:1") == run.verdicts("vm:slow:3") == FINE
        never = run.results.targets[-1]
        assert (never.reason, never.cases) == ("its checksum is wrong", [])
        assert "lost" not in out


def test_no_kernel_that_can_be_had_is_one_line(tmp_path: Path, gate: Gate) -> None:
    gate(1, "unreachable")
    with matrix(tmp_path, "--kernels=slow:1,slow:2,slow:3", "-n2") as run:
        code, out, err = run.wait()
        assert (code, out) == (Exit.INFRASTRUCTURE, "")
        assert err.splitlines()[-1] == "landproof: no kernel to boot: no network"
        assert err.count("no network") == 1
        assert not (tmp_path / "results.json").exists()
        assert not run.left()


def test_an_unknown_name_is_told_before_anything_is_fetched(tmp_path: Path, gate: Gate) -> None:
    del gate
    with matrix(tmp_path, "--kernels=slow:1,slow:9", "-n2") as run:
        code, out, err = run.wait()
        assert (code, out) == (Exit.USAGE, "")
        assert re.fullmatch(r"landproof: no kernel 'slow:9'; there are: .*\n", err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_meanwhile_keeps_what_ran(
    tmp_path: Path, gate: Gate, number: signal.Signals
) -> None:
    gate(1)
    with matrix(tmp_path, "--kernels=slow:1,slow:2", "-n2") as run:
        heard(run, r"^vm:slow:1: 2 cases in .* done$")
        run.popen.send_signal(number)
        code, out, err = run.wait(SOON_S)
        assert code == Exit.INTERRUPTED
        assert "interrupted: what was not run is told as such" in err
        assert "Traceback" not in err
        assert run.verdicts("vm:slow:1") == FINE
        assert run.results.targets[1].reason == NOT_RUN
        assert "lost" not in out
        assert not run.left()


def test_an_interrupt_ends_a_download_that_stalls(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking := missing_tools():
        pytest.skip(f"needs {lacking}")
    mine = stored("6.12").vmlinuz
    for name, value in direct(tmp_path).items():
        monkeypatch.setenv(name, value)
    key = Key(tmp_path_factory.mktemp("key"))
    with Archive(tmp_path / "www", key) as archive:
        archive.fill()
        archive.stall = ".deb"
        options = [f"--mirror={archive.url}", f"--keyring={key.keyring}", "-n2"]
        with matrix(tmp_path, f"--kernels=mine={mine},7.3", *options) as run:
            heard(run, r"^vm:mine: 2 cases in .* done$")
            wait_until(archive.stalled.is_set, "the download stalls")
            begun = time.monotonic()
            run.popen.send_signal(signal.SIGINT)
            assert run.wait(SOON_S)[0] == Exit.INTERRUPTED
            assert time.monotonic() - begun < SOON_S
            assert run.verdicts("vm:mine") == FINE
            assert not run.left()
    key.close()


@pytest.mark.parametrize("columns", [80, 60])
def test_a_terminal_shows_a_fetch_next_to_a_run(tmp_path: Path, gate: Gate, columns: int) -> None:
    gate(1)
    options = [f"--store={tmp_path / 'store'}", "--accel=tcg", "-n2"]
    argv = landproof(
        "matrix", "--kernels=slow:1,slow:2,slow:3", *options, cases=write_cases(tmp_path, CASES)
    )
    environment = {"TERM": "xterm", MARK: str(tmp_path), "COLUMNS": str(columns)}
    code, shown = in_terminal(argv, environment, until=r"vm:slow:1 +━.* 2/2 +\d+ s done")
    assert code == Exit.INTERRUPTED
    lines = plain(shown).splitlines()
    assert max(len(line.rstrip()) for line in lines if line.startswith("vm:")) <= columns
    for state in (
        r"vm:slow:1 .* collecting", r"vm:slow:1 .* starting", r"vm:slow:2 .* fetching \(\d.* of 3",
        r"vm:slow:3 .* queued: fetched", r"vm:slow:2 .* interrupted",
    ):  # fmt: skip
        assert any(re.match(state, line) for line in lines), state
    assert "waiting" not in plain(shown)
    assert not marked(tmp_path)


def test_a_stored_kernel_that_is_damaged_is_fetched_again(tmp_path: Path, gate: Gate) -> None:
    gate(1)
    with matrix(tmp_path, "--kernels=slow:1", "-n1") as run:
        assert run.wait()[0] == Exit.CONFORMS
    (vmlinuz,) = tmp_path.glob("store/kernels/*/vmlinuz")
    vmlinuz.write_bytes(b"no kernel")
    shutil.rmtree(tmp_path / "cases")
    with matrix(tmp_path, "--kernels=slow:1", "-n2") as run:
        code, _, err = run.wait()
        assert code == Exit.CONFORMS
        assert "slow:1: unpack" in err
        assert run.verdicts("vm:slow:1") == FINE
