# SPDX-License-Identifier: MIT
"""An empty folder of a machine's own, which QEMU serves over 9P.

The folder is a tmpfs in a mount namespace of QEMU's own, and has no path even there: the host never
sees anything of it, and it is gone when QEMU ends, however that happens. It has room for 64 MB: a
guest must not fill the memory of the host.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache

from vm.kernel import Kernel

TAGS = ("virtio-9p", "virtio-9p-uncached")
"""Two names by which the guest mounts the one folder: a name can be mounted once at a time."""

_DEADLINE_S = 10.0
_IN_A_TMPFS = 'mount -t tmpfs -o size=64m landproof "$0" && cd "$0" && umount -l "$0" && exec "$@"'
_NAMESPACES = (("--mount",), ("--mount", "--map-root-user"))
"""Options of unshare(1): for root, and for other users."""
# With mapped-file, QEMU can run as any user: it keeps owners, modes and devices in extra files.
_OPTIONS = ("-fsdev", "local,id=share,path=.,security_model=mapped-file")


def shared(argv: Sequence[str], kernel: Kernel, launcher: Sequence[str] = ()) -> list[str]:
    """QEMU's command, made to serve the folder if the kernel, QEMU and this system can do it.

    It stays as it is where the kernel lacks 9P, QEMU lacks its device, or this user gets no
    namespaces.

    Args:
        argv: Of QEMU.
        kernel: What it boots.
        launcher: What starts QEMU when the folder is there, and takes the right to mount from it.
    """
    if not _mounts_it(kernel):
        return [*launcher, *argv]
    device = f"virtio-9p-{kernel.arch.bus}"
    folders = (f"{device},fsdev=share,mount_tag={tag}" for tag in TAGS)
    for namespaces in _NAMESPACES:
        within = ["unshare", *namespaces, "sh", "-c", _IN_A_TMPFS, tempfile.gettempdir()]
        if _succeeds((*within, *launcher, argv[0], "-device", f"{device},help")):
            return [
                *within,
                *launcher,
                *argv,
                *_OPTIONS,
                *(it for folder in folders for it in ("-device", folder)),
            ]
    return [*launcher, *argv]


def _mounts_it(kernel: Kernel) -> bool:
    return kernel.config is not None and "CONFIG_NET_9P_VIRTIO=" in kernel.config.read_text()


@cache
def _succeeds(argv: tuple[str, ...]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            argv, check=False, capture_output=True, timeout=_DEADLINE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
