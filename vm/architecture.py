# SPDX-License-Identifier: MIT
"""The architectures of guests: one row each, of all that differs between their machines.

Sources: QEMU's documentation of the machines q35, virt and s390-ccw-virtio; Debian's list of ports;
Documentation/admin-guide/serial-console.rst; drivers/s390/char/Kconfig (SCLP_CONSOLE).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from suite.errors import UsageError


@dataclass(frozen=True, slots=True)
class Architecture:
    """What an architecture's kernels and machines are called."""

    machine: str
    """As uname(2) says it; of the agent, and of system call numbers."""
    debian: str
    """As Debian and the names of kernels have it, and virtme-ng."""
    qemu: str
    """The emulator."""
    console: str
    """The serial port that the kernel prints to."""
    bus: str = "pci"
    """Of virtio devices: the ending of their names in QEMU."""
    channel: tuple[str, ...] = ("virtio_pci", "virtio_console")
    """The modules that the agent's channel needs."""
    boot_deadline_s: float = 60.0
    """Until the agent's first byte."""
    restores: bool = True
    """Whether an emulated machine that is restored goes on as the one that was saved."""

    @property
    def scheme(self) -> str:
        """What the names of its kernels begin with; nothing of the default one."""
        return "" if self is DEFAULT else f"{self.debian}/"


DEFAULT = Architecture("x86_64", "amd64", "qemu-system-x86_64", "ttyS0")
ARCHITECTURES: dict[str, Architecture] = {
    it.machine: it
    for it in (
        DEFAULT,
        Architecture("aarch64", "arm64", "qemu-system-aarch64", "ttyAMA0"),
        # QEMU 7.2 does not save the timer of Sstc: restored, whoever sleeps never wakes
        # (target/riscv/machine.c; later ones have vmstate_sstc).
        Architecture("riscv64", "riscv64", "qemu-system-riscv64", "ttyS0", restores=False),
        Architecture(
            "s390x", "s390x", "qemu-system-s390x", "ttysclp0", "ccw",
            ("virtio_console",),
        ),
    )
}  # fmt: skip
"""By machine."""


def of_scheme(scheme: str) -> Architecture:
    """The architecture of the kernels whose names begin so; the default one of all others."""
    return next((it for it in ARCHITECTURES.values() if it.scheme == scheme), DEFAULT)


def of_name(name: str) -> Architecture:
    """The architecture of the kernel that a name means; of a path, only its content tells."""
    return of_scheme(f"{name.partition('/')[0]}/")


def of_machine(machine: str) -> Architecture:
    """The architecture that uname(2) calls so.

    Raises:
        UsageError: No guest can be made of it.
    """
    if machine not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(f"no kernels of {machine} can be booted: landproof knows {known}")
    return ARCHITECTURES[machine]


def is_foreign(machine: str) -> bool:
    """Whether no processor of this machine runs its instructions, so that only emulation does."""
    return machine != platform.machine()
