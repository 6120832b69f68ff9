# SPDX-License-Identifier: MIT
"""What a kernel's image says of itself."""

import struct

from suite.errors import UsageError
from vm.kernel import is_release

HEAD = 0x10000
"""Bytes at the beginning of an image that say it."""


def identify(head: bytes, name: object) -> tuple[str, str]:
    """Return release and version, as uname(2) will say them.

    Args:
        head: The beginning of a bzImage.
        name: Of the file, for the error.

    Raises:
        UsageError: It is no image of a kernel for x86.

    Source: Documentation/arch/x86/boot.rst, "kernel_version"
    """
    wrong = UsageError(f"{name} is not an x86 kernel image; give a vmlinuz or a bzImage")
    if head[0x202:0x206] != b"HdrS":
        raise wrong
    (offset,) = struct.unpack_from("<H", head, 0x20E)
    text = head[offset + 0x200 :].split(b"\0", 1)[0].decode("ascii", "replace")
    release, _, version = text.partition(" ")
    if not offset or not release:
        raise wrong
    if not is_release(release):
        raise UsageError(f"{name} calls itself {release!r}, which is no release of a kernel")
    return release, version
