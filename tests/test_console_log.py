# SPDX-License-Identifier: MIT
"""The log of a console keeps its beginning and its end, and a flood hits the deadlines."""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.errors import InfrastructureError
from tests.kernels import NO_KERNEL
from tests.machines import any_stored, children, compiled_guest, wait_for
from vm import accel
from vm.console_log import HALF, LONGEST_LINE, ConsoleLog
from vm.machine import BootError, Machine

DEADLINE_S = 1.0
MARGIN_S = 20.0
"""How much later than its deadline anything may end: this machine may be busy."""
MUCH = 100_000
"""Bytes of a flood that are enough to call it one."""
FLOODS = {
    "lines": "exec yes '[    0.1] all work and no play'",
    "one-line": "exec cat /dev/zero",
    "almost-a-task": "while :; do printf 'INFO: task INFO: task INFO: task INFO: task '; done",
}


def log_of(*printed: bytes, folder: Path | None = None) -> ConsoleLog:
    """A log after this was printed."""
    log = ConsoleLog(folder, "7.3")
    for part in printed:
        view = memoryview(part)
        while view:
            view = view[os.write(log.pipe, view) :]
    log.drain()
    return log


def test_kept_logs_are_numbered(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        log = ConsoleLog(tmp_path / "new", "7.3")
        log.close()
        names.append(log.path.name)
    assert names == ["7.3-1.log", "7.3-2.log"]
    assert log.path.stat().st_size == 0


def test_no_room_for_a_log_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(InfrastructureError) as raised:
        ConsoleLog(tmp_path, "7.3")
    assert str(raised.value) == (
        f"cannot write a console log in {tmp_path}: No space left on device; "
        "make room or set TMPDIR"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, HALF - 1, HALF, HALF + 1, 2 * HALF])
def test_what_fits_is_kept_as_it_was_printed(tmp_path: Path, size: int) -> None:
    printed = bytes(65 + at % 26 for at in range(size))
    log = log_of(printed, folder=tmp_path)
    assert "".join(log.lines()).encode() == printed
    log.close()
    assert log.path.read_bytes() == printed


@pytest.mark.parametrize("more", [1, HALF - 1, HALF, HALF + 1, 3 * HALF + 12345])
def test_of_more_the_beginning_and_the_end_are_kept(tmp_path: Path, more: int) -> None:
    numbers = b"".join(b"%07d\n" % at for at in range((2 * HALF + more) // 8 + 1))
    printed = numbers[: 2 * HALF + more]
    log = log_of(printed, folder=tmp_path)
    said = f"\n[landproof left out {more} bytes of the console]\n".encode()
    kept = printed[:HALF] + said + printed[-HALF:]
    assert "".join(log.lines()).encode() == kept
    assert log.seen == len(printed)
    log.close()
    assert log.path.read_bytes() == kept
    assert list(log.lines()) == []


def test_a_long_line_is_given_in_parts() -> None:
    log = log_of(b"x" * 10_000 + b"\ny\n")
    assert [len(line) for line in log.lines()] == [LONGEST_LINE, LONGEST_LINE, 1809, 2]
    log.close()


def test_a_full_disk_later_on_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = ConsoleLog(None, "7.3")
    monkeypatch.setattr("os.pwrite", full)
    os.write(log.pipe, b"x\n" * HALF)
    log.close()
    assert log.seen == 2 * HALF


def test_the_reader_gets_no_signal_and_ends_with_the_pipe() -> None:
    before = threading.active_count()
    log = ConsoleLog(None, "7.3")
    (reader,) = [it for it in threading.enumerate() if it is log._thread]
    status = Path(f"/proc/self/task/{reader.native_id}/status").read_text()
    blocked = int(next(it for it in status.splitlines() if it.startswith("SigBlk")).split()[1], 16)
    assert blocked >> (signal.SIGINT - 1) & 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    log.close()
    assert threading.active_count() == before


@pytest.fixture
def fake_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script in the place of QEMU."""

    def put(does: str) -> None:
        fake = tmp_path / "qemu"
        fake.write_text(f"#!/bin/sh\n{does}\n")
        fake.chmod(0o755)
        monkeypatch.setattr("vm.machine.find_qemu", lambda _: fake)
        monkeypatch.setattr("vm.machine.command", lambda *_, **__: [str(fake)])
        monkeypatch.setattr("vm.initramfs.build", lambda *_: b"")

    return put


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder for consoles; nobody may have taken much memory or disk, and nobody is left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = resident_mib()
    # Of an earlier test, the tracker of multiprocessing runs for as long as we do.
    others = set(children(os.getpid()))
    yield tmp_path / "consoles"
    assert resident_mib() - before < 100
    assert set(children(os.getpid())) <= others
    assert list(scratch.iterdir()) == []


def resident_mib() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


def bounded(folder: Path) -> bool:
    """Whether the kept logs are as small as they have to be."""
    logs = list(folder.iterdir())
    return bool(logs) and all(2 * HALF < log.stat().st_size < 2 * HALF + 100 for log in logs)


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "nameless"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_hits_the_boot_deadline(
    fake_qemu: Callable[[str], None], measured: Path, flood: str, kept: bool
) -> None:
    fake_qemu(flood)
    start = time.monotonic()
    with (
        pytest.raises(BootError) as raised,
        Machine(
            NO_KERNEL,
            agent=Path("/bin/true"),
            accel=accel.Accelerator.TCG,
            boot_deadline_s=DEADLINE_S,
            folder=measured if kept else None,
        ),
    ):
        pytest.fail("it booted")
    assert DEADLINE_S <= time.monotonic() - start < DEADLINE_S + MARGIN_S
    assert raised.value.cause == f"no sign of life for {DEADLINE_S:g} s"
    assert len(str(raised.value)) < 100_000
    if kept and "printf" not in flood:
        assert bounded(measured)


def test_the_panic_after_a_flood_is_found(fake_qemu: Callable[[str], None], measured: Path) -> None:
    fake_qemu("yes | head -c 3000000; echo '[ 1.0] Kernel panic - not syncing: enough'; exit 0")
    with (
        pytest.raises(BootError, match="kernel panic: enough"),
        Machine(NO_KERNEL, agent=Path("/bin/true"), accel=accel.Accelerator.TCG, folder=measured),
    ):
        pytest.fail("it booted")
    assert bounded(measured)


@pytest.mark.vm
def test_a_guest_that_floods_after_its_boot_is_told_and_ended(
    tmp_path_factory: pytest.TempPathFactory, measured: Path
) -> None:
    kernel, guest = any_stored(), compiled_guest(tmp_path_factory.mktemp("guest"))
    with Machine(
        kernel, agent=guest, accel=accel.choose(kernel, guest), folder=measured
    ) as machine:
        assert machine.channel.recv(64) == b"hello\n"
        machine.channel.sendall(b"f")
        for _ in wait_for("the flood"):
            if machine._log.seen > MUCH:
                break
        machine.channel.settimeout(0.1)
        with pytest.raises(TimeoutError):
            machine.channel.recv(1)
        start = time.monotonic()
        assert machine.death() is None
        assert "x" * 79 in machine.console_tail()
        assert time.monotonic() - start < MARGIN_S
    log = measured / f"{kernel.build.release}-1.log"
    assert MUCH < log.stat().st_size < 2 * HALF + 100
