# SPDX-License-Identifier: MIT
"""Machines that are restored: as good as booted ones, and booted whenever a state does not do."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from suite.agent import build
from suite.errors import InfrastructureError
from suite.process.process import Process
from suite.run.needs import Need
from suite.run.unmet import _Answers, ask_all, unmet
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from suite.targets.ground import furnish
from suite.targets.mounting import mounted
from tests.kernels import stored
from tests.machines import any_stored, children, wait_for
from vm import saved, target
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.machine import Machine
from vm.monitor import Monitor, MonitorError
from vm.saved import States
from vm.target import VmTarget

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.vm
NOT_BOOTED = "a test need not boot it"


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The first stored kernel."""
    return any_stored()


@pytest.fixture(scope="module")
def booted(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the state of one machine."""
    store = tmp_path_factory.mktemp("store")
    with started(kernel, store) as (begun, _):
        assert begun == "booted"
    return store


@pytest.fixture
def store(booted: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(booted, tmp_path / "store"))


@pytest.fixture
def would_boot(monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """Machines that were to be booted, for tests that need not see it once more."""
    machines: list[Machine] = []

    def notes(
        target: VmTarget, machine: Machine, _agent: Path, _states: States | None = None
    ) -> Ground:
        machines.append(machine)
        raise InfrastructureError(NOT_BOOTED)

    monkeypatch.setattr(VmTarget, "_boot", notes)
    return machines


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No process of ours after a test."""
    yield
    assert children(os.getpid()) == []


@contextmanager
def started(kernel: Kernel, store: Path) -> Iterator[tuple[str, Ground]]:
    """How a machine came up, and its ground."""
    machine = VmTarget("vm:x", kernel, "tcg", states=States(store))
    try:
        ground = machine.start()
        assert ground.root.syscall("getppid").value == 1
        yield machine.began, ground
    finally:
        machine.stop()


def state_of(store: Path) -> Path:
    """The file of the only state."""
    (file,) = (store / "states").glob("*.state")
    return file


def read(ground: Ground, path: str) -> str:
    """A file of the guest."""
    with ground.session.scope():
        process = ground.root.fork()
        return bytes(process.read(process.open(path, os.O_RDONLY), 4096).data).decode()


def test_a_restored_guest_is_as_the_booted_one_was(kernel: Kernel, store: Path) -> None:
    with started(kernel, store) as (first, one), started(kernel, store) as (second, other):
        assert (first, second) == ("restored", "restored")
        assert one.facts == other.facts
        assert read(one, "/proc/version") == read(other, "/proc/version")
        assert kernel.build.release in read(one, "/proc/version")


def test_it_knows_the_time_and_machines_differ_by_chance(kernel: Kernel, store: Path) -> None:
    """All that is drawn after the restoring: by programs, and of addresses by the kernel."""
    with started(kernel, store) as (_, one), started(kernel, store) as (_, other):
        for ground in (one, other):
            (line,) = (it for it in read(ground, "/proc/stat").splitlines() if "btime" in it)
            uptime = float(read(ground, "/proc/uptime").split()[0])
            assert abs(int(line.split()[1]) + uptime - time.time()) < 5
        for path in ("/proc/sys/kernel/random/uuid", "/proc/sys/kernel/random/boot_id"):
            assert read(one, path) != read(other, path)
        assert layout(one) != layout(other)


def layout(ground: Ground) -> str:
    """The address space of a new image."""
    with ground.session.scope():
        process = ground.root.fork()
        process.exec(ground.agent)
        return bytes(process.read(process.open("/proc/self/maps", 0), 4096).data).decode()


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)


def swap(file: Path) -> None:
    """What is no state of QEMU's, but whole."""
    data = file.read_bytes()
    header = data[: 8 + int.from_bytes(data[:8])]
    made = subprocess.run(["zstd", "-c"], input=bytes(1 << 20), capture_output=True, check=True)
    file.write_bytes(header + made.stdout)


@pytest.mark.parametrize("damage", [flip, swap])
def test_a_damaged_state_is_replaced_by_that_of_a_boot(
    kernel: Kernel, store: Path, damage: Callable[[Path], None]
) -> None:
    damage(state_of(store))
    with started(kernel, store) as (begun, _):
        assert begun == "booted"
    with started(kernel, store) as (begun, _):
        assert begun == "restored"


def test_another_agent_another_qemu_or_memory_are_booted(
    kernel: Kernel, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "agent"
    agent.write_bytes(build.agent("x86_64").read_bytes() + b"\0")
    machines = VmTarget("vm:x", kernel, "tcg")
    as_it_was = machines._machine_of(build.agent("x86_64"), Accelerator.TCG).recipe
    states = States(store)

    def found(recipe: list[str]) -> bool:
        state = states.take(kernel, recipe)
        if state is None:
            return False
        with pytest.raises(saved.UnusableError), state.stream():
            raise saved.UnusableError("not read")
        return True

    assert found(as_it_was)
    assert not found(machines._machine_of(agent, Accelerator.TCG).recipe)
    more = Machine(kernel, agent=build.agent("x86_64"), accel=Accelerator.TCG, memory_mib=640)
    assert not found(more.recipe)
    parameters = VmTarget("vm:x", kernel, "tcg", None, "lsm=lockdown")
    assert not found(parameters._machine_of(build.agent("x86_64"), Accelerator.TCG).recipe)
    two = VmTarget("vm:x", kernel, "tcg", processors=2)
    recipe = two._machine_of(build.agent("x86_64"), Accelerator.TCG).recipe
    assert "2,sockets=2" in recipe
    assert not found(recipe)
    monkeypatch.setattr(saved, "_digest_of_qemu", lambda _: "another")
    assert not found(as_it_was)


def test_a_guest_that_was_prepared_otherwise_is_booted(
    kernel: Kernel, store: Path, monkeypatch: pytest.MonkeyPatch, would_boot: list[Machine]
) -> None:
    """As by an older landproof with the same agent."""
    monkeypatch.setattr(furnish, "__kwdefaults__", {"place": "/tmp/otherwise"})  # noqa: S108 (the guest's)
    with pytest.raises(InfrastructureError, match=NOT_BOOTED), started(kernel, store):
        pass
    assert len(would_boot) == 1
    assert not list((store / "states").glob("*.state"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_qemu_is_killed_or_stopped_while_it_restores(
    kernel: Kernel,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    would_boot: list[Machine],
    number: signal.Signals,
) -> None:
    start = Machine._start

    def and_hurt(machine: Machine) -> None:
        start(machine)
        assert machine.pid
        os.kill(machine.pid, number)

    monkeypatch.setattr(Machine, "_start", and_hurt)
    monkeypatch.setattr(target, "_AWAKE_S", 0.5)
    with pytest.raises(InfrastructureError, match=NOT_BOOTED), started(kernel, store):
        pass
    assert len(would_boot) == 1


def test_a_full_disk_costs_the_state_and_nothing_else(
    kernel: Kernel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "states"
    folder.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(small, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small tmpfs")
    saved._warn.cache_clear()
    try:
        with started(kernel, tmp_path) as (begun, _):
            assert begun == "booted"
        assert not list(folder.glob("*.state"))
        assert not list(folder.glob(".*"))
        assert "No space left on device" in "".join(caplog.messages)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


START = """
import sys
from pathlib import Path
from tests.kernels import stored
from vm.saved import States
from vm.target import VmTarget
machine = VmTarget("vm:x", stored(sys.argv[2]), "tcg", states=States(Path(sys.argv[1])))
machine.start()
print(machine.began, flush=True)
machine.stop()
"""


def start_elsewhere(kernel: Kernel, store: Path) -> subprocess.Popen[str]:
    """Another process that starts a machine, and says how it came up."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(store), kernel.build.name],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_two_that_save_at_once(kernel: Kernel, tmp_path: Path) -> None:
    both = [start_elsewhere(kernel, tmp_path) for _ in range(2)]
    assert [process.communicate(timeout=100)[0] for process in both] == ["booted\n"] * 2
    with started(kernel, tmp_path) as (begun, _):
        assert begun == "restored"


def test_who_is_killed_while_it_saves(kernel: Kernel, tmp_path: Path) -> None:
    process = start_elsewhere(kernel, tmp_path)
    qemu: list[int] = []
    with closing(process.stdout or sys.stdin):
        for _ in wait_for("zstd to compress the state", 100):
            qemu = children(process.pid) or qemu
            if any("compress" not in line and "zstd" in line for line in map(_command, qemu)):
                break
        process.kill()
        process.wait()
    for _ in wait_for("all to end"):
        if not any(Path("/proc", str(pid)).exists() for pid in qemu):
            break
    assert not (tmp_path / "states").exists() or not list((tmp_path / "states").glob("*.state"))


def _command(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_restored_guest_need_not_be_asked_again_and_has_the_served_folder(
    tmp_path: Path,
) -> None:
    """What QEMU serves is mounted only when a case needs it: after the machine was saved."""
    kernel = stored("7.3+amd64")
    asked: list[dict[Need, bool]] = []
    for expected in ("booted", "restored"):
        machine = VmTarget("vm:x", kernel, "tcg", states=States(tmp_path))
        machine.asks = lambda ground, machine=machine: ask_all(ground, machine)  # type: ignore[misc]
        try:
            ground = machine.start()
            assert machine.began == expected
            where = mounted(FileSystem.VIRTIO_9P, ground, machine)
            with ground.session.scope():
                seen = ground.root.fork().observe(Process.mkdir, f"{where}/made")
                assert str(seen.outcome) == "allowed"
            asked.append(dict(ground.session.notes.of(_Answers)))
            del ground.session.channel  # so that nothing can be asked
            assert unmet([Need.OVERLAY, Need.LOOP, Need.CORE_FILES], ground, machine) is None
        finally:
            machine.stop()
    assert asked[0] == asked[1]
    assert asked[0].keys() == set(Need)


def test_a_guest_that_dies_of_a_question_is_booted_and_not_asked(
    kernel: Kernel, tmp_path: Path
) -> None:
    questions = []

    def crash(ground: Ground) -> None:
        questions.append(ground)
        process = ground.root.fork()
        process.write(process.open("/proc/sysrq-trigger", os.O_WRONLY), b"c").value  # noqa: B018 (waits)

    machine = VmTarget("vm:x", kernel, "tcg", states=States(tmp_path))
    machine.asks = crash
    try:
        ground = machine.start()
        assert machine.began == "booted"
        assert ground.root.syscall("getppid").value == 1
    finally:
        machine.stop()
    assert len(questions) == 1
    assert not (tmp_path / "states").exists()


def test_after_a_save_that_failed_the_machine_is_booted_once_more(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QEMU may not have let it go on. How it is booted then, the test before this one has seen."""
    boot = VmTarget._boot
    booted: list[States | None] = []

    def fails(_monitor: Monitor, _pipe: int) -> None:
        raise MonitorError("for a test")

    def notes(
        target: VmTarget, machine: Machine, agent: Path, states: States | None = None
    ) -> Ground:
        booted.append(states)
        if states is not None:
            return boot(target, machine, agent, states)
        assert target._machine is None  # the one that was not saved has ended
        raise InfrastructureError(NOT_BOOTED)

    monkeypatch.setattr(Monitor, "save", fails)
    monkeypatch.setattr(VmTarget, "_boot", notes)
    with pytest.raises(InfrastructureError, match=NOT_BOOTED), started(kernel, tmp_path):
        pass
    assert len(booted) == 2
    assert booted[1] is None
    assert not (tmp_path / "states").exists()
