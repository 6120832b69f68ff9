# SPDX-License-Identifier: MIT
"""User-Mode Linux as a target: Debian's, which has no Landlock, and one of one's own that has."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.results import load
from suite.agent.channel import AgentLostError
from suite.errors import Exit, InfrastructureError, UsageError
from suite.judge.records import Verdict
from suite.targets.stopped import is_stopped
from tests.runs import (
    Process,
    family,
    landproof,
    processes,
    run,
    running,
    wait_until,
    write_cases,
)
from vm.uml import Binary, UmlTarget

OWN = "LANDPROOF_TEST_UML"
"""A kernel of one's own with Landlock, to run these tests on it, too."""
MEGABYTE = 1 << 20
CASES = '''\
"""Cases of which some end the kernel."""

import os

from suite.case import FS, Denied, Ruleset, since
from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.run.rows import Row, table

FINE = always(Allowed())


class Step(Row, frozen=True, kw_only=True):
    name: str


def fine(process, judge):
    judge(FINE, process.observe(type(process).getpid))


def ask_sysrq(process, judge, key):
    fd = process.open("/proc/sysrq-trigger", os.O_WRONLY)
    judge(FINE, process.observe(lambda it: it.write(fd, key)))


def panics(process, judge):
    ask_sysrq(process, judge, b"c")


def resets(process, judge):
    ask_sysrq(process, judge, b"b")


def is_denied(process, judge):
    domain = process.under(Ruleset(fs=FS.EXECUTE))
    action = lambda it: it.exec("/init")
    judge(since(FS.EXECUTE, Denied("EACCES")), domain.observe(action), process.observe(action))


@table({name: Step(name=name) for name in ("fine", "panics", "resets", "is-denied", "last")})
def test_row(case, process, judge):
    """The kernel lives."""
    {"last": fine}.get(case.name, globals().get(case.name.replace("-", "_")))(process, judge)
'''


def binaries() -> list[str]:
    """The kernels at hand."""
    return [it for it in ("linux.uml", os.environ.get(OWN, "")) if it]


@pytest.fixture(params=binaries())
def name(request: pytest.FixtureRequest) -> str:
    """A kernel's name as a target."""
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}: apt-get install user-mode-linux")
    return f"uml:{request.param}"


@pytest.fixture
def target(name: str) -> Iterator[UmlTarget]:
    """A kernel, not started; none of its processes is left afterwards."""
    target = UmlTarget(Binary.of(name))
    program = target._binary.path.name[:15]
    try:
        yield target
    finally:
        target.stop()
        wait_until(lambda: not children(program), "its processes have ended", 10)


def children(program: str) -> list[Process]:
    """Our processes that run a kernel, and those of its guest."""
    return [it for it in family(os.getpid()) if it.name.startswith(program)]


def test_a_kernel(target: UmlTarget) -> None:
    ground = target.start()
    assert target.began == "booted"
    assert target.kernel
    assert ground.facts.release == target.kernel.release
    assert ground.facts.uid == 0
    assert not ground.facts.standing.confinements
    assert (ground.facts.missing is None) == ("CONFIG_SECURITY_LANDLOCK=y" in config(target))


def config(target: UmlTarget) -> list[str]:
    done = run([str(target._binary.path), "--showconfig"])
    return done.stdout.splitlines()


def test_whatever_is_sent_arrives(target: UmlTarget) -> None:
    """The line's driver is lost for good once its buffer is full."""
    ground = target.start()
    for size in (1, 1000, 1024, 4095, 4096, 5000, 60_000, MEGABYTE // 2):
        data = bytes(at * 7 & 0xFF for at in range(min(size, 4096))) * (size // 4096 + 1)
        for _ in range(3):
            ground.root.write_file(f"{ground.place}/file", data[:size])
            assert ground.root.read_file(f"{ground.place}/file") == data[: min(size, 1 << 16)]


def test_it_starts_again_and_stops_twice(target: UmlTarget) -> None:
    for _ in range(2):
        assert target.start().root.getpid().value
        target.stop()
        target.stop()


@pytest.mark.parametrize(
    ("number", "verdict", "said"),
    [
        (signal.SIGKILL, Verdict.LOST, "its program was killed by SIGKILL"),
        (signal.SIGSTOP, Verdict.LOST, "it was stopped by a signal from outside"),
        (0, Verdict.HUNG, "the guest does not answer"),
    ],
)
def test_what_befalls_it_from_outside(
    target: UmlTarget, number: int, verdict: Verdict, said: str
) -> None:
    ground = target.start()
    assert target._machine
    pid = target._machine.pid
    assert pid
    os.kill(pid, number)
    if number == signal.SIGKILL:
        with pytest.raises(AgentLostError):
            _ = ground.root.getpid().value
    if number == signal.SIGSTOP:
        wait_until(lambda: is_stopped(pid), "it stands still")
    told = target.autopsy()
    assert (told[0], told[1].splitlines()[0]) == (verdict, said)


def test_a_panic_is_the_kernels_fault(target: UmlTarget) -> None:
    ground = target.start()
    written = ground.root.write(ground.root.open("/proc/sysrq-trigger", os.O_WRONLY), b"c")
    with pytest.raises(AgentLostError):
        _ = written.value
    verdict, said = target.autopsy()
    assert verdict is Verdict.CRASHED
    assert said.startswith("kernel panic: ")


def test_a_run(name: str, tmp_path: Path) -> None:
    results, consoles = tmp_path / "results.json", tmp_path / "consoles"
    argv = landproof(
        *("matrix", "-n1", "--full", "--target", name, "--results", str(results)),
        *("--consoles", str(consoles)),
        cases=write_cases(tmp_path, CASES),
    )
    done = run(argv, {"TMPDIR": str(tmp_path)})
    (found,) = load(results).targets
    told = {it.id.partition("[")[2][:-1]: (str(it.verdict), it.reason) for it in found.cases}
    assert done.returncode == Exit.DEVIATES, done.stderr
    assert told["fine"][0] == told["last"][0] == "conforms"
    assert told["panics"][0] == told["resets"][0] == "crashed", told
    assert "kernel panic: " in told["panics"][1]
    assert "powered off" in told["resets"][1]
    own = found.facts and found.facts.abi
    assert told["is-denied"][0] == ("conforms" if own else "absent")
    assert found.starts == {"booted": 3}
    assert [it.name for it in consoles.iterdir() if "panic" in it.read_text()]
    assert len(list(consoles.iterdir())) == 3
    assert not [it for it in tmp_path.iterdir() if it.name.startswith("landproof-")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nowhere/linux", "there is no such file; give the program"),
        ("nothing-of-that-name", "there is no such file; give the program"),
        ("/bin/true", "is no kernel of User-Mode Linux"),
        (__file__, "can't be run: Permission denied"),
    ],
)
def test_what_is_no_kernel(path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        Binary.of(f"uml:{path}")
    assert "\n" not in str(told.value)


def test_a_kernel_that_does_not_boot(target: UmlTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vm.uml_machine._PARAMETERS", ("mem=512M", "rdinit=/nowhere", "panic=-1"))
    with pytest.raises(InfrastructureError, match=r"did not boot: .*panic"):
        target.start()


def test_none_outlives_a_killed_landproof(name: str, tmp_path: Path) -> None:
    text = CASES.replace('"fine", ', '"waits", ') + (
        "\n\ndef waits(process, judge):\n    process.session.deadline_ms = 300_000\n"
        f"    open({str(tmp_path / 'waiting')!r}, 'w').close()\n"
        "    _ = process.syscall('ppoll', 0, 0, 0, 0).value\n"
    )
    cases = write_cases(tmp_path, text)
    with running(tmp_path, "check", "--full", "--target", name, cases=cases) as found:
        wait_until((tmp_path / "waiting").exists, "a case waits")
        everybody = family(found.popen.pid)
        assert len(everybody) > 1
        found.popen.kill()
        found.wait()
        known = {(it.pid, it.began) for it in everybody}
        wait_until(lambda: not [it for it in processes() if (it.pid, it.began) in known], "gone")
