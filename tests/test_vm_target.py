# SPDX-License-Identifier: MIT
"""The target of a virtual machine, with machines that only say how they died."""

from pathlib import Path
from typing import Self, cast

import pytest

from suite.agent.channel import AgentLostError
from suite.errors import InfrastructureError
from suite.judge.records import KernelBuild, Verdict
from vm.architecture import ARCHITECTURES
from vm.kernel import Kernel
from vm.saved import States
from vm.target import VmTarget

BUILD = KernelBuild(name="x", release="x", version="1", source="path:/x", sha256="0")


class Machine:
    """A machine whose guest is lost before it is prepared."""

    ended = 0
    accel = None
    kernel_is_blameless = False

    def __init__(self, *_arguments: object, **_options: object) -> None:
        self.channel = Path("/dev/null").open()  # noqa: SIM115 (closed at the end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        Machine.ended += 1
        self.channel.close()

    def death(self) -> str:
        """Why it died."""
        return "kernel panic: for a test"

    def console_tail(self) -> str:
        """What it said."""
        return ""


def test_a_guest_that_dies_while_it_is_prepared_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise AgentLostError("the agent is gone")

    monkeypatch.setattr("vm.target.Machine", Machine)
    monkeypatch.setattr("vm.target.AgentClient", lost)
    monkeypatch.setattr("vm.target.build.agent", lambda _arch: Path("/dev/null"))
    target = VmTarget("vm:x", Kernel(BUILD, Path("/dev/null"), None, None), "tcg")
    with pytest.raises(InfrastructureError) as caught:
        target.start()
    told = "the agent is gone while the guest was prepared: kernel panic: for a test"
    assert str(caught.value) == told
    assert target.autopsy() == (Verdict.CRASHED, "kernel panic: for a test")
    target.stop()
    target.stop()
    assert Machine.ended == 1
    assert target.autopsy() == (Verdict.CRASHED, "the machine is gone")


@pytest.mark.parametrize(("blameless", "verdict"), [(True, Verdict.LOST), (False, Verdict.CRASHED)])
def test_who_is_to_blame(
    monkeypatch: pytest.MonkeyPatch, blameless: bool, verdict: Verdict
) -> None:
    target = VmTarget("vm:x", Kernel(BUILD, Path("/dev/null"), None, None), "tcg")
    machine = Machine()
    monkeypatch.setattr(machine, "kernel_is_blameless", blameless, raising=False)
    monkeypatch.setattr(target, "_machine", machine)
    assert target.autopsy() == (verdict, "kernel panic: for a test")
    target.stop()


class NoStates:
    """Saved machines that must not be asked for."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


def test_no_machine_is_restored_under_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor without what saving takes, nor one whose emulator forgets what it waits for."""
    prepared: list[str] = []

    def prepare(*_: object, **_options: object) -> None:
        prepared.append(target.began)

    monkeypatch.setattr("vm.target.Machine", Machine)
    monkeypatch.setattr("vm.target.AgentClient", lambda *_: None)
    monkeypatch.setattr("vm.target.guest_ground", prepare)
    monkeypatch.setattr("vm.target.build.agent", lambda _arch: Path("/dev/null"))
    kernel = Kernel(BUILD, Path("/dev/null"), None, None)
    states = cast(States, NoStates())
    target = VmTarget("vm:x", kernel, "kvm", states=states)
    target.start()
    target.stop()
    forgetful = Kernel(BUILD, Path("/dev/null"), None, None, ARCHITECTURES["riscv64"])
    target = VmTarget("vm:x", forgetful, "tcg", states=states)
    target.start()
    target.stop()
    monkeypatch.setattr("vm.target.can_save", lambda: False)
    target = VmTarget("vm:x", kernel, "tcg", states=states)
    target.start()
    target.stop()
    assert prepared == ["booted"] * 3
