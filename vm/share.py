# SPDX-License-Identifier: MIT
"""An empty folder of a machine's own, which QEMU serves over 9P.

It is a tmpfs in a mount namespace of QEMU's own, without a name there either: nothing of it is ever
seen on the host, and it is gone with QEMU, however that ends.
"""

import subprocess
import tempfile
from collections.abc import Sequence

from vm.kernel import Kernel

TAGS = ("virtio-9p", "virtio-9p-uncached")
"""What the guest mounts: one folder by two names, for a name can be mounted once at a time."""

_DEVICE = "virtio-9p-pci"
_DEADLINE_S = 10.0
_IN_A_TMPFS = 'mount -t tmpfs landproof "$0" && cd "$0" && umount -l "$0" && exec "$@"'
_NAMESPACES = (("--mount",), ("--mount", "--map-root-user"))
"""Root's, and those of users."""
# Whatever user QEMU runs as, it keeps owners, modes and devices in files of its own.
_OPTIONS = (
    "-fsdev", "local,id=share,path=.,security_model=mapped-file",
    *(word for tag in TAGS for word in ("-device", f"{_DEVICE},fsdev=share,mount_tag={tag}")),
)  # fmt: skip


def shared(argv: Sequence[str], kernel: Kernel) -> list[str]:
    """QEMU's command, serving the folder where the kernel can mount it and this system allows it.

    Others stay as they are: a kernel without 9P, a QEMU without its device, and users who are given
    no namespaces.
    """
    if not _mounts_it(kernel):
        return list(argv)
    for namespaces in _NAMESPACES:
        within = ["unshare", *namespaces, "sh", "-c", _IN_A_TMPFS, tempfile.gettempdir()]
        if _succeeds([*within, argv[0], "-device", f"{_DEVICE},help"]):
            return [*within, *argv, *_OPTIONS]
    return list(argv)


def _mounts_it(kernel: Kernel) -> bool:
    return kernel.config is not None and "CONFIG_NET_9P_VIRTIO=" in kernel.config.read_text()


def _succeeds(argv: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            argv, check=False, capture_output=True, timeout=_DEADLINE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
