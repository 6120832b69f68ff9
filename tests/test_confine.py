# SPDX-License-Identifier: MIT
"""What QEMU may do on the host: nothing that its user's files don't allow."""

import os
import subprocess
from pathlib import Path

import pytest

from suite.errors import InfrastructureError
from tests.machines import usual
from vm.architecture import DEFAULT
from vm.command import Accelerator, command, find_qemu
from vm.confine import SANDBOX, dying_with_us, powerless, sandbox
from vm.image import whole_image
from vm.machine import Machine

NOTHING = 0
FILTERED = "2"


def status(pid: int | str = "self", launcher: list[str] | None = None) -> dict[str, str]:
    """What the kernel says of a process, or of one that a launcher starts."""
    path = f"/proc/{pid}/status"
    if launcher:
        done = subprocess.run([*launcher, "cat", path], check=True, capture_output=True, text=True)
        text = done.stdout
    else:
        text = Path(path).read_text()
    return {name: value.strip() for name, _, value in (x.partition(":") for x in text.split("\n"))}


def test_whatever_is_launched_has_no_capability() -> None:
    found = status(launcher=powerless())
    names = ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if os.geteuid() == 0 else []))
    assert {name: int(found[name], 16) for name in names} == dict.fromkeys(names, NOTHING)
    assert found["NoNewPrivs"] == "1"


def test_a_user_is_launched_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    found = status(launcher=[*user, *powerless()])
    assert int(found["CapEff"], 16) == NOTHING
    assert found["NoNewPrivs"] == "1"


def test_it_dies_with_us_though_it_has_dropped_capabilities() -> None:
    ask = "import ctypes as c; v = c.c_int(); c.CDLL(None).prctl(2, c.byref(v)); print(v.value)"
    done = subprocess.run(
        [*dying_with_us(), *powerless(), "python3", "-c", ask],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "9\n"


def fake(folder: Path, does: str) -> Path:
    """A QEMU that does this."""
    path = folder / DEFAULT.qemu
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


def test_a_qemu_without_seccomp_has_no_sandbox(tmp_path: Path) -> None:
    says = "qemu: -sandbox support is not enabled in this QEMU binary"
    assert sandbox(fake(tmp_path, f"echo '{says}' >&2; exit 1")) == []
    assert sandbox(fake(tmp_path, "exit 0")) == list(SANDBOX)
    assert sandbox(tmp_path / "none") == []


def test_the_command_has_the_sandbox_that_qemu_can_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        argv = command("x", Accelerator.TCG, memory_mib=300, parameters=[])
        can = sandbox(find_qemu())
    except InfrastructureError as error:
        pytest.skip(str(error))
    assert argv.count("-sandbox") == bool(can)


def test_a_kernel_that_qemu_may_not_read_is_handed_to_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has capabilities to lose")
    file = tmp_path / "vmlinuz"
    file.write_bytes(b"kernel")
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    refused = subprocess.run([*powerless(), "cat", file], check=False, capture_output=True)
    assert refused.returncode != 0
    with whole_image(file) as image:
        argv = [*powerless(), "cat", f"/proc/self/fd/{image}"]
        assert (
            subprocess.run(argv, check=True, capture_output=True, pass_fds=[image]).stdout
            == b"kernel"
        )


def test_a_kernel_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InfrastructureError, match=r"can't read the kernel \S+: No such file"),
        whole_image(tmp_path / "none"),
    ):
        pytest.fail("it is there")


@pytest.mark.vm
@pytest.mark.parametrize("wish", ["7.3", "6.1+amd64"])
def test_a_real_machine_has_neither_capabilities_nor_all_system_calls(wish: str) -> None:
    target = usual(wish)
    try:
        target.start()
        machine = target._machine
        assert isinstance(machine, Machine)
        assert machine.pid is not None
        found = status(machine.pid)
        assert found["Name"].startswith("qemu-system")
        assert int(found["CapEff"], 16) == int(found["CapPrm"], 16) == NOTHING
        assert os.geteuid() or int(found["CapBnd"], 16) == NOTHING
        assert found["NoNewPrivs"] == "1"
        if sandbox(find_qemu()):
            assert found["Seccomp"] == FILTERED
    finally:
        target.stop()
