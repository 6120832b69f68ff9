# SPDX-License-Identifier: MIT
"""Choosing the accelerator: fast where KVM can't be, bounded where it is broken, remembered."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.distribution import lacking
from suite.errors import InfrastructureError, UsageError
from suite.judge.records import KernelBuild
from vm import accel
from vm.accel import Accelerator
from vm.architecture import DEFAULT
from vm.kernel import Kernel

KERNEL = Kernel(
    build=KernelBuild(name="x", release="x", version="1", source="path:/x", sha256="0"),
    vmlinuz=Path("/dev/null"),
    modules=None,
    config=None,
)
HANGS = "exec sleep 1000"
ABORTS = "echo 'error: failed to set MSR 0x10a to 0x0' >&2; kill -ABRT $$"
STOPS = "echo 'KVM internal error. Suberror: 1'; exec sleep 1000"


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "agent"
    path.write_bytes(b"\x7fELF")
    return path


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A KVM device that is there, and a cache of our own."""
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(accel, "KVM_DEVICE", path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


@pytest.fixture
def broken_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a QEMU on PATH that does what it is told when asked for KVM, and counts that."""

    def put(does: str) -> Path:
        counter = tmp_path / "trials"
        fake = tmp_path / "bin" / DEFAULT.qemu
        fake.parent.mkdir(exist_ok=True)
        fake.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            "*--version*) echo 'QEMU emulator version 7.2.0'; exit 0 ;;\n"
            f"*accel=kvm*) echo $$ >> {counter}; {does} ;;\n"
            "esac\n"
            "exit 9\n"
        )
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
        return counter

    return put


def assert_all_gone(pids: Path) -> None:
    for pid in pids.read_text().split():
        assert not Path("/proc", pid).exists()


@pytest.mark.parametrize("word", ["kvm", "tcg"])
def test_told_is_told(agent: Path, word: str) -> None:
    assert accel.choose(KERNEL, agent, word) == word


def test_an_unknown_accelerator_is_a_usage_error(agent: Path) -> None:
    with pytest.raises(UsageError, match="choose kvm or tcg"):
        accel.choose(KERNEL, agent, "hvf")


def test_no_device_means_tcg_at_once(
    agent: Path, device: Path, broken_qemu: Callable[[str], Path]
) -> None:
    trials = broken_qemu(HANGS)
    device.unlink()
    start = time.monotonic()
    choice = accel.decide(KERNEL, agent)
    assert choice.accel is Accelerator.TCG
    assert "there is no" in choice.why
    assert time.monotonic() - start < 1
    assert not trials.exists()


def test_no_permission_means_tcg_and_says_how_to_get_it(
    agent: Path,
    device: Path,
    broken_qemu: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials = broken_qemu(HANGS)
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != device)
    monkeypatch.setattr(accel, "find_qemu", lambda: Path("/bin/true"))
    choice = accel.decide(KERNEL, agent)
    assert choice.accel is Accelerator.TCG
    assert "usermod -aG kvm" in choice.why
    assert not trials.exists()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("does", "why"),
    [
        pytest.param(HANGS, "no sign of life for 1.5 s", id="hangs"),
        pytest.param(ABORTS, "failed to set MSR", id="aborts"),
        pytest.param(STOPS, "KVM internal error", id="stops"),
    ],
)
def test_a_broken_kvm_means_tcg_in_bounded_time_and_once(
    agent: Path,
    broken_qemu: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    why: str,
) -> None:
    trials = broken_qemu(does)
    monkeypatch.setattr(accel, "TRIAL_DEADLINE_S", 1.5 if does == HANGS else 60.0)
    start = time.monotonic()
    choice = accel.decide(KERNEL, agent)
    assert choice.accel is Accelerator.TCG
    assert why in choice.why
    assert time.monotonic() - start < 30
    assert_all_gone(trials)

    assert accel.decide(KERNEL, agent) == choice
    assert len(trials.read_text().split()) == 1


@pytest.mark.usefixtures("device")
def test_another_boot_of_the_host_is_another_trial(
    agent: Path,
    broken_qemu: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trials = broken_qemu(ABORTS)
    accel.decide(KERNEL, agent)
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("another\n")
    monkeypatch.setattr(accel, "_BOOT_ID", boot_id)
    accel.decide(KERNEL, agent)
    assert len(trials.read_text().split()) == 2


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("content", ["", "{", '{"boot_id": 3}', "[]"])
def test_a_cache_that_makes_no_sense_is_a_new_trial(
    agent: Path, broken_qemu: Callable[[str], Path], tmp_path: Path, content: str
) -> None:
    trials = broken_qemu(ABORTS)
    cache = tmp_path / "cache" / "landproof" / "accelerator.json"
    cache.parent.mkdir(parents=True)
    cache.write_text(content)
    assert accel.choose(KERNEL, agent) is Accelerator.TCG
    assert len(trials.read_text().split()) == 1


@pytest.mark.usefixtures("device")
def test_no_qemu_is_one_line_with_the_package(
    agent: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(InfrastructureError) as raised:
        accel.choose(KERNEL, agent)
    assert str(raised.value) == lacking("qemu-system-x86_64")
