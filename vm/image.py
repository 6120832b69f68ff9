# SPDX-License-Identifier: MIT
"""A kernel's image in memory; for emulated machines, without its compression.

A bzImage decompresses itself in the guest: with zstd 0.9 s of a 3.6 s boot of Linux 7.3 under
emulation. zstd on the host takes 0.2 s, and QEMU starts the ELF image inside through its PVH
entry. The same code runs, at its link address (no KASLR).

Source: Documentation/arch/x86/boot.rst, "payload_offset"; xen/include/public/elfnote.h.
"""

import contextlib
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from suite.errors import InfrastructureError
from vm import packed_image

_ZSTD = b"\x28\xb5\x2f\xfd"
_SETUP_SECTORS = 0x1F1
_MAGIC = 0x202
_PAYLOAD = 0x248
_SIZE_TRAILER = 4
_DEADLINE_S = 20.0
# An ELF note: name of 4 bytes, value of 8, XEN_ELFNOTE_PHYS32_ENTRY, "Xen".
_PVH_NOTE = struct.pack("<III4s", 4, 8, 18, b"Xen\0")


@contextlib.contextmanager
def bare_image(vmlinuz: Path) -> Iterator[int | None]:
    """A file descriptor of the ELF image in memory; None if the kernel must be booted as it is.

    That is when it is compressed in another way (lz4 costs the guest little), was built without
    CONFIG_PVH, or there is no zstd here.
    """
    payload = _payload(vmlinuz)
    zstd = shutil.which("zstd")
    if payload is None or zstd is None or not payload.startswith(_ZSTD):
        yield None
        return
    image = os.memfd_create("vmlinux")
    try:
        yield image if _unpacked(zstd, payload, image) else None
    finally:
        os.close(image)


@contextlib.contextmanager
def whole_image(vmlinuz: Path) -> Iterator[int]:
    """A file descriptor of the image in memory: QEMU may not be able to read the file.

    What is packed from outside is unpacked: few QEMUs do that, and not for all architectures.

    Raises:
        InfrastructureError: Nor are we.
    """
    try:
        data = packed_image.unpacked(vmlinuz.read_bytes(), vmlinuz)
    except OSError as error:
        said = f"can't read the kernel {vmlinuz}: {error.strerror}"
        raise InfrastructureError(said) from error
    with in_memory("vmlinuz", data) as image:
        yield image


@contextlib.contextmanager
def in_memory(name: str, data: bytes) -> Iterator[int]:
    """A file descriptor of a file that is nowhere but in memory."""
    with os.fdopen(os.memfd_create(name), "wb") as file:
        file.write(data)
        file.flush()
        yield file.fileno()


def _payload(vmlinuz: Path) -> bytes | None:
    """The compressed kernel in a bzImage of boot protocol 2.08 or later."""
    with contextlib.suppress(OSError, struct.error):
        data = vmlinuz.read_bytes()
        magic, version = struct.unpack_from("<4sH", data, _MAGIC)
        if magic != b"HdrS" or version < 0x208:
            return None
        offset, length = struct.unpack_from("<II", data, _PAYLOAD)
        start = ((data[_SETUP_SECTORS] or 4) + 1) * 512 + offset
        return data[start : start + length - _SIZE_TRAILER]
    return None


def _unpacked(zstd: str, payload: bytes, image: int) -> bool:
    try:
        run = subprocess.run(  # noqa: S603 - an argv list, no shell
            [zstd, "--decompress", "--stdout", "--quiet"],
            input=payload,
            stdout=image,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_DEADLINE_S,
        )
    except subprocess.TimeoutExpired:
        return False
    if run.returncode != 0 or os.fstat(image).st_size == 0:
        return False
    with mmap.mmap(image, 0, prot=mmap.PROT_READ) as view:
        return view[:4] == b"\x7fELF" and view.find(_PVH_NOTE) >= 0
