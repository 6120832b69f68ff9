# SPDX-License-Identifier: MIT
"""Everything that can die while cases run on real kernels: the call, the guest, QEMU, a worker."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from suite.errors import Exit, InfrastructureError
from suite.judge.records import Verdict
from tests.runs import (
    MARK,
    PATIENCE_S,
    Running,
    in_terminal,
    landproof,
    marked,
    plain,
    running,
    wait_until,
    write_cases,
)
from vm.store import Store

pytestmark = pytest.mark.vm

WISHES = ("6.12", "7.3", "6.1")
SOON_S = 8.0
"""How long landproof may take to end when it is told to; it takes less than one second."""
CASES = '''\
"""Cases that kill."""

import os
import signal
import struct
from pathlib import Path

from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.run.rows import Row, table

FINE = always(Allowed())
STARTED = Path(__file__).parent


def qemu():
    """The process id of this worker's machine."""
    children = Path("/proc/thread-self/children").read_text().split()
    return next(int(c) for c in children if "qemu" in Path(f"/proc/{c}/comm").read_text())


def signal_when_sent(process, number):
    """The machine gets a signal when the next program is on its way and is waited for."""
    client = process.session.channel
    results = client.results

    def then_results(*arguments):
        os.kill(qemu(), number)
        return results(*arguments)

    client.results = then_results


def empty_pipe(process):
    return struct.unpack_from("<i", process.pipe().data)[0]


def fine(process, judge):
    judge(FINE, process.observe(lambda p: p.getpid()))


def killed(process, judge):
    fd = empty_pipe(process)
    signal_when_sent(process, signal.SIGKILL)
    judge(FINE, process.observe(lambda p: p.read(fd, 1)))


def first(name):
    """Whether it is the first time that this is asked."""
    mark = STARTED / name
    asked = mark.exists()
    mark.touch()
    return not asked


def killed_once(process, judge):
    (killed if first("killed") else fine)(process, judge)


def terminated_once(process, judge):
    fd = empty_pipe(process)
    if first("terminated"):
        signal_when_sent(process, signal.SIGTERM)
        judge(FINE, process.observe(lambda p: p.read(fd, 1)))
    fine(process, judge)


def panicked(process, judge):
    fd = process.open("/proc/sysrq-trigger", os.O_WRONLY)
    judge(FINE, process.observe(lambda p: p.write(fd, b"c")))


def hung(process, judge):
    fd = empty_pipe(process)
    process.session.deadline_ms = 100
    judge(FINE, process.observe(lambda p: p.read(fd, 1)))


def frozen_once(process, judge):
    if not first("frozen"):
        return fine(process, judge)
    process.session.deadline_ms = 1000
    signal_when_sent(process, signal.SIGSTOP)
    half_a_second = struct.pack("<qq", 0, 500_000_000)
    judge(FINE, process.observe(lambda p: p.syscall("ppoll", 0, 0, half_a_second, 0)))


def worker_killed(process, judge):
    if WORKER_DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    fine(process, judge)


def waiting(process, judge):
    fd = empty_pipe(process)
    process.session.deadline_ms = 300_000
    (STARTED / f"started-{os.getpid()}").touch()
    judge(FINE, process.observe(lambda p: p.read(fd, 1)))


class Fault(Row, frozen=True, kw_only=True):
    function: str


@table({f"{i}-{n}": Fault(function=n) for i, n in enumerate(NAMES)})
def test_fault(case, process, judge, target_name):
    """The machine or the worker dies."""
    global WORKER_DIES
    WORKER_DIES = target_name == DOOMED
    globals()[case.function](process, judge)
'''


@pytest.fixture(scope="module")
def kernels() -> list[str]:
    """Two stored kernels."""
    found = []
    for wish in WISHES:
        try:
            Store().get(wish)
        except InfrastructureError:
            continue
        found.append(wish)
    if len(found) < 2:
        pytest.skip(f"needs two of {WISHES} in the store (landproof kernels fetch)")
    return found[:2]


@pytest.fixture(scope="module", autouse=True)
def guest(kernels: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A run in which guests die; it goes on while the other tests do, for it mostly waits."""
    folder = tmp_path_factory.mktemp("guest")
    faults = cases(
        folder, "fine killed killed_once panicked terminated_once hung fine frozen_once fine"
    )
    with matrix(folder, faults, kernels[:1], f"--consoles={folder / 'consoles'}") as run:
        yield run


@pytest.fixture(scope="module")
def worker(kernels: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A run in which a worker dies and a kernel does not boot."""
    folder = tmp_path_factory.mktemp("worker")
    deaths = cases(folder, "fine worker_killed fine fine", doomed=f"vm:{kernels[0]}")
    damaged = folder / "vmlinuz"
    damaged.write_bytes(Store().get(kernels[0]).vmlinuz.read_bytes()[: 1 << 20])
    with matrix(folder, deaths, [*kernels, f"damaged=path:{damaged}"], "-n2") as run:
        yield run


def cases(folder: Path, names: str, doomed: str = "") -> Path:
    """A folder of cases with these, in order."""
    return write_cases(folder, f"NAMES = {names.split()}\nDOOMED = {doomed!r}\n{CASES}")


def matrix(
    folder: Path, cases: Path, kernels: list[str], *more: str
) -> AbstractContextManager[Running]:
    chosen = f"--kernels={','.join(kernels)}"
    return running(folder, "matrix", "--full", chosen, "--accel=tcg", *more, cases=cases)


def test_a_terminal_shows_the_boot_and_ctrl_c_ends_it(tmp_path: Path, kernels: list[str]) -> None:
    chosen = f"--kernels={','.join(kernels)}"
    argv = landproof(
        "matrix", "--full", chosen, "--accel=tcg", "--boot", "-n1",
        cases=cases(tmp_path, "fine fine"),
    )  # fmt: skip
    boots = rf"vm:{kernels[0]} +━.* 0/2 +[1-9]\d* s starting"
    code, shown = in_terminal(argv, {"TERM": "xterm", MARK: str(tmp_path)}, until=boots)
    assert code == Exit.INTERRUPTED
    assert re.search(boots, plain(shown))
    assert re.search(rf"vm:{kernels[1]} +━.* 0/2 +queued: 1 runs at once", plain(shown))
    assert "not run (interrupted)" in plain(shown)
    assert "never came up" not in plain(shown)
    assert not marked(tmp_path)


def test_cases_that_a_worker_can_not_read_are_no_success(
    tmp_path: Path, kernels: list[str]
) -> None:
    folder = cases(tmp_path, "fine")
    (folder / "mini" / "test_more.py").write_text("import nonsense\n")
    with matrix(tmp_path, folder, kernels, "-n2") as run:
        code, out, err = run.wait()
    assert (code, out) == (Exit.INFRASTRUCTURE, "")
    assert re.search(r"^landproof: \S+/test_more\.py: .* 'nonsense'$", err.splitlines()[-1])
    assert "INTERNALERROR" not in err


def test_ctrl_c_during_boot_ends_workers_and_machines(tmp_path: Path, kernels: list[str]) -> None:
    with matrix(tmp_path, cases(tmp_path, "fine fine"), kernels, "-n2") as run:
        wait_until(lambda: len(run.family("qemu")) == 2, "both machines run")
        os.killpg(run.popen.pid, signal.SIGINT)
        code, out, err = run.wait(SOON_S)
        assert code == Exit.INTERRUPTED
        assert "interrupted" in err
        assert "Traceback" not in err
        assert all(run.verdicts(f"vm:{k}") == {} for k in kernels)
        assert "not run (interrupted)" in out
        assert not run.left()


def test_an_interrupt_during_cases_keeps_what_was_heard(tmp_path: Path, kernels: list[str]) -> None:
    """The signal goes to landproof alone, as that of a service manager does."""
    folder = cases(tmp_path, "fine waiting fine")
    with matrix(tmp_path, folder, kernels, "-n2") as run:
        wait_until(lambda: len(list(folder.rglob("started-*"))) == 2, "both targets wait")
        run.popen.send_signal(signal.SIGTERM)
        code, out, err = run.wait(SOON_S)
        assert code == Exit.INTERRUPTED
        assert "Traceback" not in err
        for kernel in kernels:
            assert run.verdicts(f"vm:{kernel}") == {
                "0-fine": "conforms",
                "1-waiting": "lost",
                "2-fine": "skipped",
            }
            assert re.search(rf"^{kernel}\s+\S+: claims ABI", out, re.MULTILINE)
        assert not run.left()


def test_nothing_outlives_a_killed_landproof(tmp_path: Path, kernels: list[str]) -> None:
    with matrix(tmp_path, cases(tmp_path, "fine"), kernels, "-n2") as run:
        wait_until(lambda: len(run.family("qemu")) == 2, "both machines run")
        run.popen.kill()
        wait_until(lambda: not run.left(), "all processes are gone", SOON_S)


def test_a_worker_that_dies_loses_one_case(worker: Running, kernels: list[str]) -> None:
    worker.wait(2 * PATIENCE_S)
    first, second = (f"vm:{kernel}" for kernel in kernels)
    fine = {"0-fine": "conforms", "2-fine": "conforms", "3-fine": "conforms"}
    assert worker.verdicts(first) == fine | {"1-worker_killed": "lost"}
    assert re.search(r"worker 'gw\d+' crashed", worker.cases(first)["1-worker_killed"].reason)
    assert worker.verdicts(second) == fine | {"1-worker_killed": "conforms"}


def test_a_kernel_that_does_not_boot_is_one_reason_and_the_others_go_on(
    worker: Running,
) -> None:
    code, out, _ = worker.wait(2 * PATIENCE_S)
    assert code == Exit.INFRASTRUCTURE
    assert set(worker.verdicts("vm:damaged").values()) == {Verdict.LOST}
    reasons = {case.reason.splitlines()[0] for case in worker.cases("vm:damaged").values()}
    assert len(reasons) == 1
    assert re.fullmatch(r"\S+ did not boot: .+", reasons.pop())
    assert re.search(r"never came up: \S+ did not boot: ", " ".join(out.split()))


def test_no_machine_outlives_the_worker_that_died(worker: Running) -> None:
    worker.wait(2 * PATIENCE_S)
    assert not worker.left()


def test_a_guest_that_dies_is_booted_again_and_the_next_case_conforms(
    guest: Running, kernels: list[str]
) -> None:
    code, out, err = guest.wait(2 * PATIENCE_S)
    assert code == Exit.DEVIATES, err
    assert guest.verdicts(f"vm:{kernels[0]}") == {
        "0-fine": "conforms",
        "1-killed": "lost",
        "2-killed_once": "conforms",
        "3-panicked": "crashed",
        "4-terminated_once": "conforms",
        "5-hung": "hung",
        "6-fine": "conforms",
        "7-frozen_once": "conforms",
        "8-fine": "conforms",
    }
    reasons = {row: case.reason for row, case in guest.cases(f"vm:{kernels[0]}").items()}
    assert "QEMU was killed by signal 9 (SIGKILL)" in reasons["1-killed"]
    assert "kernel panic: sysrq triggered crash" in reasons["3-panicked"]
    assert len(reasons["3-panicked"].splitlines()) > 10, "the console's tail"
    assert re.fullmatch(r"read\(\d+, .*\) did not return in 0\.1 s", reasons["5-hung"])
    assert "kernel panic: sysrq triggered crash" in out
    assert not guest.left()


def test_only_a_dead_or_silent_guest_is_booted_again(guest: Running) -> None:
    """At first, and after: killed, killed again, killed, panicked, terminated, frozen."""
    guest.wait(2 * PATIENCE_S)
    assert len(list((guest.folder / "consoles").iterdir())) == 7
