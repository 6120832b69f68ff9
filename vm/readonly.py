# SPDX-License-Identifier: MIT
"""Run a program to which everything is read-only: ``python -I -S readonly.py PROGRAM ARGUMENT...``.

For what serves files of this machine to a guest: whatever the guest asks for, and whatever rights
the server has, no mount that it sees can be written to. It needs root, and Linux 5.12.

Source: mount_setattr(2); include/uapi/linux/mount.h, MOUNT_ATTR_RDONLY.
"""

import ctypes
import os
import struct
import sys

_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_SYS_MOUNT_SETATTR = 442
"""On all architectures alike."""
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_RDONLY = 1


def main() -> None:
    """Make all mounts of a new mount namespace read-only, then execute the program."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS))
    _check(libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None))
    attributes = struct.pack("=4Q", _RDONLY, 0, 0, 0)
    _check(
        libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            *(ctypes.c_int(_AT_FDCWD), b"/", ctypes.c_uint(_AT_RECURSIVE)),
            *(attributes, ctypes.c_size_t(len(attributes))),
        )
    )
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 (a fixed argument list)


def _check(result: int) -> None:
    if result:
        sys.exit(f"files can't be made read-only: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
