# SPDX-License-Identifier: MIT
"""Images that are packed from outside, which not every QEMU unpacks: by gzip, or for EFI.

A bzImage is none: it unpacks itself.

Source: drivers/firmware/efi/libstub/zboot-header.S and Makefile.zboot.
"""

import struct
import subprocess
import tempfile
import zlib

from suite.errors import UsageError
from vm import zstd

LIMIT = 256 << 20
"""Bytes of an image without its compression."""
_GZIP = b"\x1f\x8b\x08"
_EFI = b"MZ\0\0zimg"
_EFI_HEADER = struct.Struct("<8sII8x8s")


def is_packed(head: bytes) -> bool:
    """Whether an image is, by its beginning."""
    return head.startswith((_GZIP, _EFI))


def begins(head: bytes, length: int) -> bytes:
    """Return how an image that gzip has packed begins, by its own beginning; empty if it is none.

    Args:
        head: Of the file.
        length: How many bytes are wanted.
    """
    try:
        return zlib.decompressobj(wbits=31).decompress(head, length)
    except zlib.error:
        return b""


def unpacked(image: bytes, name: object) -> bytes:
    """Return an image as it is without that; as it is if it is not packed.

    Raises:
        InfrastructureError: There is no tool here that unpacks it.
        UsageError: It is broken, or nobody could unpack it.
    """
    if image.startswith(_GZIP):
        return _of_gzip(image, name)
    if not image.startswith(_EFI):
        return image
    if len(image) < _EFI_HEADER.size:
        raise _broken(name, "it has no header")
    _, offset, size, kind = _EFI_HEADER.unpack_from(image)
    payload = image[offset : offset + size]
    match told := kind.rstrip(b"\0").decode("ascii", "replace"):
        case "gzip":
            return _of_gzip(payload, name)
        case "zstd":
            return _of_zstd(payload, name)
    raise UsageError(
        f"{name} is packed for EFI by {told!r}, which is not unpacked here; give the Image that it"
        " was made of"
    )


def _of_gzip(packed: bytes, name: object) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        image = stream.decompress(packed, LIMIT)
    except zlib.error as error:
        raise _broken(name, str(error)) from error
    if not stream.eof:
        raise _broken(name, f"cut short, or more than {LIMIT >> 20} MiB")
    return image


def _of_zstd(packed: bytes, name: object) -> bytes:
    with tempfile.TemporaryFile() as file:
        file.write(packed)
        file.seek(0)
        try:
            image = zstd.unpacked(file, LIMIT)
        except subprocess.CalledProcessError as error:
            raise _broken(name, "zstd can't unpack it") from error
    if len(image) > LIMIT:
        raise _broken(name, f"more than {LIMIT >> 20} MiB")
    return image


def _broken(name: object, why: str) -> UsageError:
    return UsageError(f"{name} is broken ({why}); fetch or build it again")
