# SPDX-License-Identifier: MIT
"""A guest that says nothing while it boots: its console is shown, soon, and without quiet."""

import time
from pathlib import Path

import pytest

from suite.agent import build
from tests.kernels import stored
from tests.machines import any_stored, compiled_guest
from vm import accel, machine
from vm.kernel import Kernel
from vm.local import path_kernel
from vm.machine import BootError, Machine
from vm.silence import explained

pytestmark = pytest.mark.vm
CAUSE = "no sign of life for 60 s"
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The first stored kernel."""
    return any_stored()


def error_of(kernel: Kernel) -> BootError:
    """The error of a boot that has told nothing."""
    return BootError(kernel, CAUSE, "", ["qemu", "-append", "quiet"])


def test_a_silent_guest_tells_how_far_it_came(
    kernel: Kernel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(machine, "_PATIENCE_S", 5.0)
    guest = compiled_guest(tmp_path)
    accelerator = accel.choose(kernel, guest)
    told = explained(error_of(kernel), kernel, guest, accelerator, ["silent"])
    said = f"{CAUSE}; without quiet, nothing more was said for 5 s, and it said last: "
    assert told.cause.startswith(said)
    assert told.is_final
    assert "Run /init as init process" in told.tail
    assert "silent" in told.command
    assert "quiet" not in told.command.split()
    assert caplog.messages == [
        f"{kernel.build.name}: {CAUSE}; it is booted once more, without quiet"
    ]


def test_a_slow_machine_is_told_from_a_kernel_that_hangs(kernel: Kernel) -> None:
    agent = build.agent()
    told = explained(error_of(kernel), kernel, agent, accel.choose(kernel, agent), [])
    assert told.cause.startswith(f"{CAUSE}, and came up in ")
    assert told.cause.endswith("this machine is slow or busy, so run it again")


def test_a_kernel_that_can_not_be_spoken_with_is_told_from_a_silent_one(tmp_path: Path) -> None:
    real = stored("6.1")
    (tmp_path / "vmlinuz").symlink_to(real.vmlinuz)
    kernel = path_kernel(f"path:{tmp_path}")
    assert (kernel.modules, kernel.config) == (None, None)
    agent = build.agent()
    start = time.monotonic()
    with pytest.raises(BootError) as raised:
        Machine(kernel, agent=agent, accel=accel.choose(real, agent)).__enter__()
    assert time.monotonic() - start < DEADLINE_S
    assert raised.value.cause == (
        "the kernel has no virtio console to speak by: if VIRTIO_PCI or VIRTIO_CONSOLE is a module,"
        f" name it with its modules; linux-image-{real.build.release} has them, or linux-modules-"
        f"{real.build.release} where there is one"
    )
    assert raised.value.is_final
    assert not raised.value.is_silence
