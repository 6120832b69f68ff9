# SPDX-License-Identifier: MIT
"""A folder that QEMU serves: to whom, and that nothing of it is seen on the host."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suite.targets.filesystems import FileSystem
from suite.targets.mounting import mounted
from tests.kernels import NO_KERNEL
from tests.machines import usual
from vm import share
from vm.kernel import Kernel
from vm.share import TAGS, shared

QEMU = """#!/bin/sh
[ "$1" = -device ] && exit 0
ls -A
touch left
echo "$@"
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """A kernel that can mount it."""
    config = tmp_path / "config"
    config.write_text("CONFIG_NET_9P=m\nCONFIG_NET_9P_VIRTIO=m\n")
    return replace(NO_KERNEL, config=config)


def test_each_tag_is_mounted_by_its_name() -> None:
    assert {fs.id for fs in FileSystem if fs.value.type == "9p"} == set(TAGS)


@pytest.mark.parametrize("config", [None, "# CONFIG_NET_9P_VIRTIO is not set\n"])
def test_a_kernel_without_9p_boots_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str | None
) -> None:
    monkeypatch.setattr(share, "_succeeds", lambda _: pytest.fail("asked"))
    file = tmp_path / "config"
    file.write_text(config or "")
    kernel = replace(NO_KERNEL, config=file if config else None)
    assert shared(["qemu", "-smp", "1"], kernel) == ["qemu", "-smp", "1"]


def test_without_namespaces_or_the_device_nothing_is_served(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(share, "_succeeds", asked.append)
    assert shared(["qemu", "-smp", "1"], kernel) == ["qemu", "-smp", "1"]
    assert [argv[-3:] for argv in asked] == [("qemu", "-device", "virtio-9p-pci,help")] * 2


def test_a_user_has_a_namespace_of_users(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "_succeeds", lambda argv: "--map-root-user" in argv)
    argv = shared(["qemu", "-smp", "1"], kernel)
    assert argv[:3] == ["unshare", "--mount", "--map-root-user"]
    assert argv[argv.index("qemu") :][:5] == [
        "qemu", "-smp", "1", "-fsdev", "local,id=share,path=.,security_model=mapped-file",
    ]  # fmt: skip
    assert [word for word in argv if "mount_tag" in word] == [
        f"virtio-9p-pci,fsdev=share,mount_tag={tag}" for tag in TAGS
    ]


def test_the_folder_is_empty_and_has_no_name(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    qemu = tmp_path / "qemu"
    qemu.write_text(QEMU)
    qemu.chmod(0o755)
    argv = shared([str(qemu), "-smp", "1"], kernel)
    if argv[0] != "unshare":
        pytest.skip("this user is given no namespaces")
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("-smp 1 -fsdev ")
    assert list(scratch.iterdir()) == []


@pytest.mark.vm
def test_what_is_mounted_keeps_files() -> None:
    target = usual("7.3+amd64")
    try:
        ground = target.start()
        for fs in (FileSystem.VIRTIO_9P, FileSystem.VIRTIO_9P_UNCACHED):
            point = mounted(fs, ground, target)
            ground.root.write_file(f"{point}/{fs.id}", b"content")
            assert ground.root.read_file(f"{point}/{fs.id}") == b"content"
    finally:
        target.stop()
