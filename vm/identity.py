# SPDX-License-Identifier: MIT
"""What a kernel's image says of itself: its release, and which machine it is for.

Sources: Documentation/arch/x86/boot.rst, "kernel_version"; Documentation/arch/arm64/booting.rst;
Documentation/arch/riscv/boot-image-header.rst; arch/s390/boot/head.S and struct parmarea;
init/version.c, linux_banner.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, cast

from suite.errors import UsageError
from vm import packed_image
from vm.architecture import ARCHITECTURES, DEFAULT, Architecture
from vm.kernel import is_release

_HEAD = 0x20000
"""Bytes at the beginning that say all, but where the release is anywhere in the image."""
_BANNER = re.compile(
    rb"Linux version ([^\s\0]{1,200}) (\([^()\n\0]{1,200}\)) [^\n\0]{0,500}(#\d[^\n\0]{0,200})\n"
)
_S390_VERSION = 0x10428
"""Where the address of the release is, which is its place in the file."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an image says."""

    release: str
    """As uname(2) says it."""
    version: str
    arch: Architecture


def identify(file: IO[bytes], name: object) -> Identity:
    """Read what an image says of itself.

    Args:
        file: At the beginning of an image.
        name: Of the file, for the error.

    Raises:
        InfrastructureError: It is packed by what there is no tool for here.
        UsageError: It is no image of a kernel that could be booted.
    """
    head = file.read(_HEAD)
    if packed_image.is_packed(head):
        image = packed_image.unpacked(head + file.read(packed_image.LIMIT), name)
        return _told(image[:_HEAD], lambda: image, name)
    return _told(head, lambda: head + file.read(packed_image.LIMIT), name)


def is_packed_image(head: bytes) -> bool:
    """Whether gzip has packed a kernel's image, and not a package, by the file's beginning."""
    return _machine_of(packed_image.begins(head, 64)) is not None


def _told(head: bytes, whole: Callable[[], bytes], name: object) -> Identity:
    machine = _machine_of(head)
    if machine is None:
        raise UsageError(
            f"{name} is not a kernel image for {', '.join(ARCHITECTURES)}; give a vmlinuz, a"
            " bzImage or an Image"
        )
    text = _texts[machine](head, whole)
    release, _, version = text.partition(" ")
    if not release:
        raise UsageError(f"{name} is a kernel image for {machine} that does not tell its release")
    if not is_release(release):
        raise UsageError(f"{name} calls itself {release!r}, which is no release of a kernel")
    return Identity(release, version, ARCHITECTURES[machine])


def _machine_of(head: bytes) -> str | None:
    if head[0x202:0x206] == b"HdrS":
        return DEFAULT.machine
    if head[0x38:0x3C] == b"ARM\x64":
        return "aarch64"
    if head[0x38:0x3C] == b"RSC\x05":
        return "riscv64"
    return "s390x" if head[0x10008:0x1000E] == b"S390EP" else None


def _x86(head: bytes, whole: Callable[[], bytes]) -> str:
    del whole
    (offset,) = struct.unpack_from("<H", head, 0x20E)
    return _string(head, offset + 0x200) if offset else ""


def _s390(head: bytes, whole: Callable[[], bytes]) -> str:
    (address,) = cast(tuple[int], struct.unpack_from(">Q", head, _S390_VERSION))
    return _string(head if address < _HEAD - 0x1000 else whole(), address)


def _banner(head: bytes, whole: Callable[[], bytes]) -> str:
    del head
    found = _BANNER.search(whole())
    return b" ".join(found.groups()).decode("ascii", "replace") if found else ""


def _string(data: bytes, at: int) -> str:
    return data[at : at + 0x1000].split(b"\0", 1)[0].decode("ascii", "replace")


_texts: dict[str, Callable[[bytes, Callable[[], bytes]], str]] = {
    "x86_64": _x86, "aarch64": _banner, "riscv64": _banner, "s390x": _s390,
}  # fmt: skip
