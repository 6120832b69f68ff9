# SPDX-License-Identifier: MIT
"""Kernels of other architectures: their names, their machines, and agents built for them."""

import shutil
from pathlib import Path

import pytest

from suite.agent import build
from suite.agent.build import BuildError
from suite.distribution import lacking
from suite.errors import InfrastructureError
from suite.judge.records import KernelBuild
from tests.agents import Agent, fork
from vm import accel, command
from vm.apt import AptArchive
from vm.architecture import ARCHITECTURES, DEFAULT, Architecture, of_scheme
from vm.archives import DEBIAN, archive
from vm.catalogue import Build, Package, resolve
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.names import called
from vm.source import Report
from vm.store import Store

OTHERS = [it for it in ARCHITECTURES.values() if it is not DEFAULT]
ARM64 = ARCHITECTURES["aarch64"]


def built(release: str, version: str, flavour: str, scheme: str = "arm64/") -> Build:
    packages = (Package("linux-image", version, release, 1),)
    return Build(release, version, flavour, "sid", packages, scheme=scheme)


OFFERED = [
    built("6.12.1-cloud-arm64", "6.12.1-1", "cloud-arm64"),
    built("6.12.2-arm64", "6.12.2-1", "arm64"),
    built("7.2.1-cloud-arm64", "7.2.1-1", "cloud-arm64"),
    built("7.3-cloud-arm64", "7.3~rc1-1", "cloud-arm64"),
    built("6.12.9-cloud-amd64", "6.12.9-1", "cloud-amd64", ""),
]


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("arm64/6.12", "6.12.1-cloud-arm64"),
        ("arm64/6.12+arm64", "6.12.2-arm64"),
        ("arm64/6.12.2-arm64", "6.12.2-arm64"),
        ("arm64/7.3-rc1", "7.3-cloud-arm64"),
        ("arm64/", "7.2.1-cloud-arm64"),
    ],
)
def test_a_name_begins_with_the_architecture(name: str, release: str) -> None:
    found = resolve(OFFERED, archive("arm64/").wish(name))
    assert found is not None
    assert found.release == release


def test_a_plain_name_is_of_no_other_architecture() -> None:
    found = resolve(OFFERED, DEBIAN.archive.wish("6.12"))
    assert found is not None
    assert found.release == "6.12.9-cloud-amd64"


@pytest.mark.parametrize("arch", OTHERS, ids=lambda it: it.debian)
def test_each_has_a_source_and_a_flavour(arch: Architecture, tmp_path: Path) -> None:
    assert Store(tmp_path / "store").has_scheme(arch.scheme)
    assert of_scheme(arch.scheme) is arch
    own = archive(arch.scheme)
    assert own.wish(arch.scheme).flavour in own.flavours


def test_it_is_no_path(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    found = called(["arm64/6.12", "big=s390x/", "./arm64"], store)
    assert list(found.items())[:2] == [("arm64/6.12", "arm64/6.12"), ("big", "s390x/")]
    assert list(found.values())[2] == "path:./arm64"


def kernel(machine: str) -> Kernel:
    record = KernelBuild(name="x", release="x", version="1", source="path:x", sha256="0")
    return Kernel(record, Path("/dev/null"), None, None, ARCHITECTURES[machine])


def test_no_processor_of_this_machine_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever accelerator is chosen for the kernels of this machine."""
    monkeypatch.setattr("vm.architecture.platform.machine", lambda: "x86_64")
    choice = accel.decide(kernel("s390x"), Path("/nowhere"), "kvm")
    assert choice == accel.Choice(Accelerator.TCG, "the kernel is for s390x")


def test_without_its_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InfrastructureError) as raised:
        command.find_qemu(ARM64)
    assert str(raised.value) == lacking("qemu-system-aarch64")


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["arm64/6.12", "arm64/"], ["qemu-system-aarch64"]),
        (["6.12", "s390x/6.12"], ["qemu-system-x86_64", "qemu-system-s390x"]),
        (["path:/arm64/vmlinuz", "mainline:v6.6", "host"], ["qemu-system-x86_64"]),
        (["path:/arm64/vmlinuz"], []),
        ([], []),
    ],
)
def test_only_emulators_of_named_kernels_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, names: list[str], asked: list[str]
) -> None:
    found: list[str] = []
    monkeypatch.setattr(command, "find_qemu", lambda arch: found.append(arch.qemu))
    command.find_emulators(names)
    assert found == asked


def test_a_list_is_fetched_for_the_names_of_its_source_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def available(
        self: AptArchive, *, refresh: bool = False, report: Report | None = None
    ) -> list[Build]:
        del report
        asked.append(f"{self.scheme}{refresh}")
        return []

    monkeypatch.setattr(AptArchive, "available", available)
    store = Store(tmp_path / "store")
    store.available(refresh=True, of=["arm64/6.12", "arm64/7.3"])
    assert asked == ["arm64/True"]
    store.available()
    assert asked == ["arm64/True", "False"]


@pytest.mark.parametrize("arch", OTHERS, ids=lambda it: it.debian)
def test_its_agent_speaks(arch: Architecture) -> None:
    """In its own byte order, which its first frame shows.

    qemu-user makes no process with a pidfd: the fork is answered with an errno, and what would be
    done by the process with no record.
    """
    machine = arch.machine
    emulator = shutil.which(f"qemu-{machine}")
    if emulator is None:
        pytest.skip(f"no qemu-{machine} on this machine: apt-get install qemu-user")
    try:
        binary = build.agent(machine)
    except BuildError as error:
        pytest.skip(str(error))
    with Agent([emulator, str(binary)], arch=machine) as agent:
        hello = agent.client.hello
        assert hello.pointer_bytes == 8
        assert hello.byte_order == ("big" if machine == "s390x" else "little")
        records = agent.run(fork(0, 1), agent.call(1, "getpid"))
    assert len(records) == 2
