# SPDX-License-Identifier: MIT
"""Kernels of one's own say by their content which machine they are for."""

import gzip
import io
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import UsageError
from tests.fake_archive import image as x86_image
from tests.fake_archive import module
from tests.kernel_packages import lacking, package
from tests.kernels import stored
from vm import package as packages
from vm.architecture import ARCHITECTURES
from vm.channel import refuse_without
from vm.identity import identify
from vm.image import whole_image
from vm.local import path_kernel
from vm.store import Store

RELEASE = "6.12.0-mine"
BANNER = f"Linux version {RELEASE} (a@b) (gcc (Debian 14) 14.2.0, GNU ld 2.44) #7 SMP\n".encode()


def with_banner(magic: bytes) -> bytes:
    """An image that tells its release somewhere."""
    return bytes(0x38) + magic + bytes(0x30000) + b"Linux version %s\0" + BANNER + b"\0"


def s390x_image(at: int = 0x10800) -> bytes:
    """An image that has the address of its release."""
    image = bytearray(0x11000)
    image[0x10008:0x1000E] = b"S390EP"
    struct.pack_into(">Q", image, 0x10428, at)
    image[0x10800 : 0x10800 + 64] = f"{RELEASE} (a@b) #7 SMP".encode().ljust(64, b"\0")
    return bytes(image)


def for_efi(kind: bytes, packed: bytes) -> bytes:
    """As the kernel's build packs it where EFI is to unpack it."""
    return struct.pack("<8sII8x8s", b"MZ\0\0zimg", 0x1000, len(packed), kind).ljust(
        0x1000, b"\0"
    ) + (packed + b"size")


IMAGES = {
    "x86_64": x86_image(RELEASE),
    "aarch64": with_banner(b"ARM\x64"),
    "riscv64": with_banner(b"RSC\x05"),
    "s390x": s390x_image(),
}


def test_all_architectures_are_known() -> None:
    assert IMAGES.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize("machine", IMAGES)
def test_an_image_says_its_release_and_its_machine(machine: str) -> None:
    found = identify(io.BytesIO(IMAGES[machine]), "x")
    assert (found.release, found.arch) == (RELEASE, ARCHITECTURES[machine])
    assert found.version.startswith("(")
    assert found.version.endswith("SMP")


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "efi-gzip": lambda image: for_efi(b"gzip", gzip.compress(image)),
    "efi-zstd": lambda image: for_efi(b"zstd", zstd(image)),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("machine", ["aarch64", "riscv64"])
def test_what_is_packed_is_an_image_and_no_package(
    machine: str, packer: str, tmp_path: Path
) -> None:
    if packer == "efi-zstd" and shutil.which("zstd") is None:
        pytest.skip("needs zstd: apt-get install zstd")
    file = tmp_path / "Image.gz"
    file.write_bytes(PACKERS[packer](IMAGES[machine]))
    assert packages.kind_of(file) is None
    kernel = path_kernel(f"path:{file}")
    assert (kernel.build.release, kernel.arch) == (RELEASE, ARCHITECTURES[machine])
    with whole_image(file) as given:
        assert Path(f"/proc/self/fd/{given}").read_bytes() == IMAGES[machine]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            for_efi(b"xz", b"x" * 100),
            "packed for EFI by 'xz', which is not unpacked here; give the",
        ),
        (for_efi(b"gzip", b"x" * 100), r"is broken \(.*\); fetch or build it again"),
        (for_efi(b"zstd", b"x" * 100), r"is broken \(zstd can't unpack it\)"),
        (for_efi(b"gzip", b"")[:20], r"is broken \(it has no header\)"),
        (bytes(0x38) + b"ARM\x64" + bytes(100), "image for aarch64 that does not tell its release"),
        (s390x_image(at=1 << 60), "image for s390x that does not tell its release"),
        (
            gzip.compress(IMAGES["aarch64"], mtime=0)[:-9],
            r"is broken \(cut short, or more than 256 MiB\)",
        ),
        (b"\x1f\x8b\x08" + b"\xff" * 9, "is broken"),
        (
            gzip.compress(b"hello", mtime=0),
            "not a kernel image for x86_64, aarch64, riscv64, s390x; give",
        ),
        (
            bytes(0x38) + b"ARM\x64" + BANNER.replace(RELEASE.encode(), b"../../x"),
            r"calls itself '\.\./\.\./x', which is no release",
        ),
    ],
)
def test_other_images_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=rf"^x .*{said}"):
        identify(io.BytesIO(content), "x")


@pytest.mark.skipif(lacking("deb") != "", reason="no dpkg-deb")
def test_a_package_of_another_architecture_is_stored_as_one(tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {
        f"boot/vmlinux-{RELEASE}": IMAGES["riscv64"],
        f"lib/modules/{RELEASE}/kernel/fs/a.ko": module(),
    }
    store = Store(tmp_path / "store")
    name = f"path:{package('deb', tmp_path, 'linux', files)}"
    for kernel in (store.fetch(name), store.get(name), store.get(f"path:{RELEASE}")):
        assert kernel.arch == ARCHITECTURES["riscv64"]
        assert kernel.vmlinuz.read_bytes() == IMAGES["riscv64"]


def test_a_build_tree_of_another_architecture_has_its_image(tmp_path: Path) -> None:
    boot = tmp_path / "arch/arm64/boot"
    boot.mkdir(parents=True)
    (boot / "Image").write_bytes(IMAGES["aarch64"])
    assert path_kernel(f"path:{tmp_path}").arch == ARCHITECTURES["aarch64"]


def test_a_machine_without_pci_needs_no_driver_for_it() -> None:
    config = "CONFIG_VIRTIO_CONSOLE=y\n"
    refuse_without(RELEASE, config, "join", ARCHITECTURES["s390x"])
    with pytest.raises(UsageError, match="has no VIRTIO_PCI, by which"):
        refuse_without(RELEASE, config, "join", ARCHITECTURES["aarch64"])


@pytest.mark.parametrize("name", ["arm64/6.12", "riscv64/6.12", "s390x/6.12"])
def test_real_images_say_what_their_source_does(name: str) -> None:
    kernel = stored(name)
    with kernel.vmlinuz.open("rb") as file:
        found = identify(file, name)
    assert (found.release, found.arch) == (kernel.build.release, kernel.arch)
