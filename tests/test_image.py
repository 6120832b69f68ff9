# SPDX-License-Identifier: MIT
"""Taking the ELF image out of a bzImage; anything unusual is booted as it is."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from vm.image import bare_image

PVH_NOTE = struct.pack("<III4sQ", 4, 8, 18, b"Xen\0", 0x1000000)
ELF = b"\x7fELF" + bytes(60) + PVH_NOTE

needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


def bzimage(payload: bytes, *, magic: bytes = b"HdrS", version: int = 0x20F) -> bytes:
    """A boot sector, one sector of set-up code, and a payload with its size behind it."""
    head = bytearray(1024)
    head[0x1F1] = 1
    struct.pack_into("<4sH", head, 0x202, magic, version)
    struct.pack_into("<II", head, 0x248, 64, len(payload) + 4)
    return bytes(head) + bytes(64) + payload + struct.pack("<I", 0) + b"more"


@needs_zstd
def test_the_elf_image_is_found(tmp_path: Path) -> None:
    vmlinuz = tmp_path / "vmlinuz"
    vmlinuz.write_bytes(bzimage(zstd(ELF)))
    with bare_image(vmlinuz) as image:
        assert image is not None
        assert os.pread(image, 4096, 0) == ELF
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(image)


@needs_zstd
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: bzimage(zstd(ELF.replace(PVH_NOTE, b""))), id="no-pvh"),
        pytest.param(lambda: bzimage(zstd(b"no ELF" + PVH_NOTE)), id="no-elf"),
        pytest.param(lambda: bzimage(zstd(ELF)[:-9]), id="cut-short"),
        pytest.param(lambda: bzimage(b"\x02!L\x18 lz4"), id="lz4"),
        pytest.param(lambda: bzimage(zstd(ELF), version=0x207), id="old-protocol"),
        pytest.param(lambda: bzimage(zstd(ELF), magic=b"none"), id="no-bzimage"),
        pytest.param(lambda: b"", id="empty"),
    ],
)
def test_what_is_unusual_is_booted_as_it_is(tmp_path: Path, content: object) -> None:
    assert callable(content)
    vmlinuz = tmp_path / "vmlinuz"
    vmlinuz.write_bytes(content())
    with bare_image(vmlinuz) as image:
        assert image is None


def test_no_zstd_and_no_file_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bare_image(tmp_path / "none") as image:
        assert image is None
    vmlinuz = tmp_path / "vmlinuz"
    vmlinuz.write_bytes(bzimage(b"\x28\xb5\x2f\xfd"))
    monkeypatch.setattr("shutil.which", lambda _: None)
    with bare_image(vmlinuz) as image:
        assert image is None
