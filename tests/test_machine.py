# SPDX-License-Identifier: MIT
"""Machines: real ones of a stored kernel, and every way they can die. None may outlive its test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from suite.distribution import lacking
from suite.errors import InfrastructureError
from tests.kernels import NO_KERNEL, stored
from tests.machines import WISHES, Talking, any_stored, children, compiled_guest, wait_for
from vm import accel, command
from vm.architecture import DEFAULT
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.machine import BootError, Machine

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The first stored kernel."""
    return any_stored()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest of these tests: see ``data/guest.c``."""
    return compiled_guest(tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="module")
def accelerator(kernel: Kernel, guest: Path) -> Accelerator:
    """What works here."""
    return accel.choose(kernel, guest)


@pytest.fixture(scope="module")
def talking(
    kernel: Kernel,
    guest: Path,
    accelerator: Accelerator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Talking:
    """Machines that run, for tests of what becomes of them."""
    return Talking(kernel, guest, accelerator, tmp_path_factory.mktemp("kept"))


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No QEMU, no setpriv, no temporary file and no descriptor of ours after a test."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = _descriptors()
    yield
    assert children(os.getpid()) == []
    assert list(scratch.iterdir()) == []
    assert _descriptors() == before


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (iterdir() would hold one open)


def qemu_under(process: int) -> int:
    """The process id of the QEMU that a process is booting."""
    for _ in wait_for("QEMU to run"):
        for child in children(process):
            try:
                words = Path("/proc", str(child), "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # one of the helpers, done by now
            if words[0].endswith(DEFAULT.qemu.encode()) and b"-initrd" in words:
                return child
    raise AssertionError


# The command line; no machine needed.


def test_virtme_ng_needs_no_tool_that_a_fresh_debian_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ended with a traceback where binutils was not installed."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in os.get_exec_path():
        for tool in Path(folder).glob("*"):
            if tool.name not in ("file", "strings") and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "-kernel" in command.command("x", Accelerator.TCG, memory_mib=256, parameters=())


def test_virtme_ng_composes_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        argv = command.command(
            "/a b/vmlinuz", Accelerator.TCG, memory_mib=300, parameters=["one", "two=3"]
        )
    except InfrastructureError as error:
        pytest.skip(str(error))
    assert argv[0].endswith(DEFAULT.qemu)
    assert argv[argv.index("-kernel") + 1] == "/a b/vmlinuz"
    assert argv[argv.index("-m") + 1] == "300M"
    assert argv[argv.index("-smp") + 1] == "1"
    assert argv[argv.index("-append") + 1].endswith("one two=3")
    assert "-no-reboot" in argv
    assert not any("kvm" in word for word in argv)
    # Nothing of the host, and nothing of virtme-ng's own userspace.
    assert not any("9p" in word or "virtfs" in word or "virtme" in word for word in argv)
    assert "init=" not in argv[argv.index("-append") + 1]

    monkeypatch.setattr(command, "_ask_virtme_ng", lambda *_: pytest.fail("asked twice"))
    again = command.command("other", Accelerator.TCG, memory_mib=300, parameters=[])
    assert again[again.index("-kernel") + 1] == "other"


def test_kvm_never_falls_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        argv = command.command("x", Accelerator.KVM, memory_mib=300, parameters=[])
    except InfrastructureError as error:
        pytest.skip(str(error))
    machines = [argv[at + 1] for at, word in enumerate(argv) if word == "-machine"]
    assert machines[-1] == "accel=kvm"


def test_no_qemu_is_one_line_with_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with (
        pytest.raises(InfrastructureError) as raised,
        Machine(NO_KERNEL, agent=Path("/bin/true"), accel=Accelerator.KVM),
    ):
        pytest.fail("it booted")
    assert str(raised.value) == lacking("qemu-system-x86_64")


# Real machines.


@pytest.mark.vm
@pytest.mark.parametrize("wish", WISHES)
def test_a_kernel_boots_and_talks(
    wish: str, guest: Path, accelerator: Accelerator, tmp_path: Path
) -> None:
    """No byte of what it says is consumed, and its console is kept only when asked for."""
    folder = tmp_path / "logs" if wish == WISHES[0] else None
    with Machine(stored(wish), agent=guest, accel=accelerator, folder=folder) as machine:
        assert machine.channel.gettimeout() is None
        assert machine.channel.recv(64) == b"hello\n"
        machine.channel.sendall(b"z")
        assert machine.channel.recv(64) == b"z"
        assert machine.alive()
        assert machine.death() is None
        assert machine.boot_seconds > 0
        pid, log = machine.pid, machine.console
    assert not Path("/proc", str(pid)).exists()
    assert log.exists() == (folder is not None)
    assert folder is None or log.parent == folder


@pytest.mark.vm
def test_the_guest_powers_off_when_the_host_closes_the_channel(talking: Talking) -> None:
    with talking.machine() as machine:
        machine.channel.shutdown(socket.SHUT_RDWR)
        for _ in wait_for("the end"):
            if not machine.alive():
                break
        assert machine.death() == "powered off"
        assert not machine.kernel_is_blameless


@pytest.mark.vm
def test_a_panic_is_told_with_its_first_line(talking: Talking) -> None:
    with talking.machine() as machine:
        machine.channel.sendall(b"c")
        assert machine.channel.recv(64) == b""
        assert machine.death() == "kernel panic: sysrq triggered crash"
        assert not machine.kernel_is_blameless
        assert not machine.alive()
        assert "sysrq" in machine.console_tail(80)


@pytest.mark.vm
def test_an_agent_that_exits_is_a_panic(talking: Talking) -> None:
    with talking.machine() as machine:
        machine.channel.sendall(b"x")
        assert machine.channel.recv(64) == b""
        death = machine.death()
        assert death is not None
        assert death.startswith("kernel panic: Attempted to kill init!")


@pytest.mark.vm
def test_a_killed_qemu_is_told(talking: Talking) -> None:
    with talking.machine() as machine:
        assert machine.pid is not None
        os.kill(machine.pid, signal.SIGKILL)
        assert machine.channel.recv(64) == b""
        assert machine.death() == "QEMU was killed by signal 9 (SIGKILL)"
        assert machine.kernel_is_blameless


@pytest.mark.vm
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (signal.SIGTERM, "QEMU was told to end: terminating on signal 15 from pid"),
        (signal.SIGSTOP, "QEMU was stopped by a signal from outside"),
        (signal.SIGSEGV, "QEMU was killed by signal 11 (SIGSEGV)"),
    ],
)
def test_what_befalls_qemu_is_not_the_kernel_s(
    talking: Talking, sent: signal.Signals, why: str
) -> None:
    with talking.machine() as machine:
        assert machine.pid is not None
        os.kill(machine.pid, sent)
        for _ in wait_for("the signal"):
            if (death := machine.death()) is not None:
                break
        assert death is not None
        assert death.startswith(why)
        assert machine.kernel_is_blameless


@pytest.mark.vm
def test_we_say_why_we_killed(talking: Talking) -> None:
    with talking.machine() as machine:
        machine.kill("no sign of life for 5 s")
        assert not machine.alive()
        assert machine.death() == "no sign of life for 5 s"
        machine.kill("twice")
        assert machine.death() == "no sign of life for 5 s"


@pytest.mark.vm
def test_a_silent_guest_hits_the_deadline(
    kernel: Kernel, guest: Path, accelerator: Accelerator
) -> None:
    start = time.monotonic()
    with (
        pytest.raises(BootError) as raised,
        Machine(kernel, agent=guest, accel=accelerator, boot_deadline_s=3, append=["silent"]),
    ):
        pytest.fail("it spoke")
    assert 3 <= time.monotonic() - start < 8
    assert raised.value.cause == "no sign of life for 3 s"
    assert DEFAULT.qemu in raised.value.command
    assert f"{kernel.build.release} did not boot: no sign of life for 3 s" in str(raised.value)


@pytest.mark.vm
@pytest.mark.parametrize("damage", ["truncated", "garbled", "empty"])
def test_a_corrupt_kernel_does_not_boot(
    kernel: Kernel, guest: Path, accelerator: Accelerator, tmp_path: Path, damage: str
) -> None:
    image = kernel.vmlinuz.read_bytes()
    middle = len(image) // 2
    broken = {
        "truncated": image[:middle],
        "garbled": image[:middle] + bytes(byte ^ 0x5A for byte in image[middle:]),
        "empty": b"",
    }[damage]
    vmlinuz = tmp_path / "vmlinuz"
    vmlinuz.write_bytes(broken)
    with (
        pytest.raises(BootError) as raised,
        Machine(
            replace(kernel, vmlinuz=vmlinuz), agent=guest, accel=accelerator, boot_deadline_s=6
        ),
    ):
        pytest.fail("it booted")
    assert raised.value.cause


@pytest.mark.vm
def test_an_init_that_is_no_program_is_a_boot_error(
    kernel: Kernel, accelerator: Accelerator, tmp_path: Path
) -> None:
    agent = tmp_path / "agent"
    agent.write_bytes(b"not a program")
    with (
        pytest.raises(BootError, match="kernel panic: ") as raised,
        Machine(kernel, agent=agent, accel=accelerator),
    ):
        pytest.fail("it booted")
    assert "Kernel panic" in raised.value.tail


@pytest.mark.vm
def test_an_exception_in_the_block_leaves_nothing(talking: Talking) -> None:
    with pytest.raises(ZeroDivisionError), talking.machine() as machine:
        raise ZeroDivisionError
    assert not machine.alive()


STARTS = """
import sys
from pathlib import Path
from tests.kernels import stored
from tests.machines import Talking
from vm.command import Accelerator
from vm.machine import Machine
name, guest, accelerator, kept = sys.argv[1:]
kernel, guest, accelerator = stored(name), Path(guest), Accelerator(accelerator)
if kept:
    start = Talking(kernel, guest, accelerator, Path(kept)).machine()
else:
    start = Machine(kernel, agent=guest, accel=accelerator)
with start as machine:
    print(machine.pid, flush=True)
    while True:
        machine.channel.recv(64)
"""


@pytest.mark.vm
@pytest.mark.parametrize("when", ["at once", "booting", "talking"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_us_leaves_no_machine(
    talking: Talking, when: str, sent: signal.Signals
) -> None:
    argv = [
        sys.executable, "-c", STARTS, talking.kernel.build.name, str(talking.guest),
        talking.accelerator.value, str(talking.folder) if when == "talking" else "",
    ]  # fmt: skip
    # Killed outright it can remove nothing: a file of its own is all that may stay.
    scratch = Path(os.environ["TMPDIR"])
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            talks = when == "talking"
            qemu = int(process.stdout.readline()) if talks else qemu_under(process.pid)
            if when == "booting":
                time.sleep(0.7)
            process.send_signal(sent)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    for _ in wait_for("QEMU to be gone", 5):
        if not Path("/proc", str(qemu)).exists():
            break
    if sent == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
        assert process.returncode == -signal.SIGINT
    else:
        assert process.returncode == -sent
        for left in scratch.iterdir():
            assert left.suffix == ".log"
            left.unlink()


@pytest.mark.vm
def test_a_full_disk_is_one_line(
    guest: Path, kernel: Kernel, accelerator: Accelerator, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small tmpfs")
    try:
        (small / "filler").write_bytes(b"\0" * 32768)
        with (
            pytest.raises(InfrastructureError, match="No space left on device") as raised,
            Machine(kernel, agent=guest, accel=accelerator, folder=small),
        ):
            pytest.fail("it booted")
        assert "\n" not in str(raised.value)
        assert [path.name for path in small.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", str(small)], check=True)
