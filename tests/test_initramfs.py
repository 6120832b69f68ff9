# SPDX-License-Identifier: MIT
"""The initramfs and the modules in it, without a machine."""

import gzip
import lzma
import os
import re
from pathlib import Path

import pytest

from suite.distribution import lacking
from suite.errors import InfrastructureError
from suite.judge.records import KernelBuild
from vm import initramfs
from vm.kernel import Kernel

RELEASE = "6.1.0-miniature"
ELF = b"\x7fELF and more"
NEEDS = {
    "virtio": (),
    "virtio_ring": ("virtio",),
    "virtio_pci": ("virtio", "virtio_ring"),
    "virtio_console": ("virtio", "virtio_ring"),
    "xor": (),
    "btrfs": ("xor",),
}


def kernel(modules: Path | None, config: Path | None = None) -> Kernel:
    build = KernelBuild(
        name="6.1", release=RELEASE, version="1", source="path:/nowhere", sha256="0"
    )
    return Kernel(build=build, vmlinuz=Path("/nowhere"), modules=modules, config=config)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A modules folder, and a modprobe that answers from ``NEEDS`` for the files that are there."""
    folder = tmp_path / "lib" / "modules" / RELEASE
    folder.mkdir(parents=True)
    for name in NEEDS:
        (folder / f"{name}.ko").write_bytes(ELF + name.encode())
    (folder / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    cases = ["ext4) echo builtin ext4 ;;"]
    for name, needs in NEEDS.items():
        files = [f"{folder}/{other}.ko" for other in (*needs, name)]
        lines = "; ".join(f'echo "insmod {file} "' for file in files)
        cases.append(f"{name}) test -e {files[-1]} || exit 1; {lines} ;;")
    modprobe = tmp_path / "bin" / "modprobe"
    modprobe.parent.mkdir()
    # "--dirname ROOT --set-version RELEASE NAME": the name is the last word.
    modprobe.write_text(
        '#!/bin/sh\nfor name; do :; done\ncase "$name" in\n'
        + "\n".join(cases)
        + "\n*) exit 1 ;;\nesac\n"
    )
    modprobe.chmod(0o755)
    monkeypatch.setenv("PATH", f"{modprobe.parent}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "agent"
    path.write_bytes(b"\x7fELF the agent")
    return path


def entries(archive: bytes) -> dict[str, bytes]:
    """Read a cpio archive of the new ASCII format back."""
    found = {}
    at = 0
    while archive[at : at + 6] == b"070701":
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        body = at + 110 + name_size + (-(110 + name_size)) % 4
        found[name] = archive[body : body + size]
        at = body + size + (-size) % 4
    assert "TRAILER!!!" in found
    return found


def test_the_channels_modules_come_in_load_order(modules: Path, agent: Path) -> None:
    found = entries(initramfs.build(kernel(modules), agent))
    assert found["init"] == agent.read_bytes()
    carried = [name for name in found if name.startswith("modules/")]
    assert carried == sorted(carried)
    assert [name[len("modules/00-") :] for name in carried] == [
        "virtio.ko", "virtio_ring.ko", "virtio_pci.ko", "virtio_console.ko",
    ]  # fmt: skip
    assert found["modules/02-virtio_pci.ko"] == ELF + b"virtio_pci"


def test_a_module_comes_after_what_it_needs(modules: Path) -> None:
    found = initramfs.module_files(kernel(modules), "btrfs")
    assert found is not None
    assert [file.name for file in found] == ["xor.ko", "btrfs.ko"]
    assert initramfs.module_files(kernel(modules), "ext4") == ()
    assert initramfs.module_files(kernel(modules), "reiserfs") is None


def test_a_kernel_without_modules_carries_none(agent: Path) -> None:
    assert initramfs.module_files(kernel(None), "btrfs") == ()
    found = set(entries(initramfs.build(kernel(None), agent)))
    assert found == {"dev", "sys", "proc", "modules", "init", "TRAILER!!!"}


def test_a_kernel_without_virtio_is_refused(modules: Path, agent: Path) -> None:
    for name in ("virtio_pci", "virtio_console"):
        (modules / f"{name}.ko").unlink()
    with pytest.raises(InfrastructureError, match="has no virtio_pci: use a kernel with virtio"):
        initramfs.build(kernel(modules), agent)


def test_the_kconfig_tells_what_is_built_in_when_nothing_else_does(
    modules: Path, agent: Path, tmp_path: Path
) -> None:
    for name in ("virtio_pci", "virtio_console", "btrfs"):
        (modules / f"{name}.ko").unlink()
    (modules / "modules.builtin").unlink()
    config = tmp_path / "config"
    config.write_text("CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_BTRFS=m\n")
    known = kernel(modules, config)
    assert initramfs.build(known, agent)
    assert initramfs.module_files(known, "btrfs") is None


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_packed_modules_are_unpacked(tmp_path: Path, suffix: str, pack: object) -> None:
    assert callable(pack)
    file = tmp_path / f"x.ko{suffix}"
    file.write_bytes(pack(ELF))
    assert initramfs.read_module(file) == ELF


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.ko.zst", b"\x28\xb5\x2f\xfd"),
        ("x.ko.xz", b"no xz"),
        ("x.ko.gz", b"no gzip"),
        ("x.ko", b""),
    ],
)
def test_a_module_that_is_no_elf_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InfrastructureError, match=name):
        initramfs.read_module(file)


def test_no_modprobe_is_one_clear_line(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(InfrastructureError, match=re.escape(lacking("modprobe"))):
        initramfs.module_files(kernel(modules), "btrfs")


def test_an_agent_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot read the agent"):
        initramfs.build(kernel(None), tmp_path / "none")
