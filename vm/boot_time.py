# SPDX-License-Identifier: MIT
"""How long booting takes, next to what QEMU takes by itself on the same machine.

``python -m vm.boot_time 7.3 --runs 5``: ``Machine`` against ``qemu -kernel -initrd`` alone, with
the same kernel, accelerator, memory and guest, in turns, so that a busy minute hurts both alike.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError, LandproofError
from suite.targets.scratch import Scratch
from vm import initramfs
from vm.command import Accelerator, find_qemu
from vm.kernel import Kernel
from vm.machine import Machine

DEADLINE_S = 60.0
MEMORY_MIB = 512


@dataclass(frozen=True, slots=True)
class BootRatio:
    """Seconds from start to the agent's first byte, and how they compare."""

    kernel: str
    accel: Accelerator
    floor: tuple[float, ...]
    """QEMU alone."""
    ours: tuple[float, ...]
    """``Machine``, all of ``__enter__``."""

    @property
    def ratio(self) -> float:
        """Median over median; below 1.0 where a kernel is decompressed on the host."""
        return statistics.median(self.ours) / statistics.median(self.floor)

    def __str__(self) -> str:
        return (
            f"{self.kernel} {self.accel}: floor {_median(self.floor)}, ours {_median(self.ours)}, "
            f"ratio {self.ratio:.2f}"
        )


def boot_ratio(kernel: Kernel, agent: Path, accel: Accelerator, runs: int = 5) -> BootRatio:
    """Boot a kernel ``runs`` times each way, in turns.

    Raises:
        InfrastructureError: A boot failed.
    """
    floor = []
    ours = []
    with Scratch() as folder:
        archive = folder / "initramfs.cpio"
        archive.write_bytes(initramfs.build(kernel, agent))
        for _ in range(runs):
            floor.append(_floor(kernel, archive, accel))
            with Machine(
                kernel, agent=agent, accel=accel, memory_mib=MEMORY_MIB, boot_deadline_s=DEADLINE_S
            ) as machine:
                ours.append(machine.boot_seconds)
    return BootRatio(kernel.build.release, accel, tuple(floor), tuple(ours))


def _floor(kernel: Kernel, archive: Path, accel: Accelerator) -> float:
    """Boot with QEMU alone and end it at the agent's first byte."""
    channel, guest = socket.socketpair()
    with contextlib.closing(channel), contextlib.closing(guest):
        argv = [
            str(find_qemu()), "-nodefaults", "-display", "none", "-no-reboot",
            "-accel", accel, "-cpu", "host" if accel is Accelerator.KVM else "max",
            "-machine", "q35", "-m", str(MEMORY_MIB), "-serial", "null",
            "-kernel", str(kernel.vmlinuz), "-initrd", str(archive),
            "-append", "rdinit=/init console=ttyS0 quiet panic=-1",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=lp,fd={guest.fileno()}",
            "-device", "virtserialport,nr=1,chardev=lp,name=landproof",
        ]  # fmt: skip
        start = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - an argv list, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(guest.fileno(),),
        ) as process:
            try:
                guest.close()
                channel.settimeout(DEADLINE_S)
                heard = channel.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                heard = b""
            finally:
                took = time.monotonic() - start
                process.kill()
    if not heard:
        raise InfrastructureError(f"QEMU alone does not boot {kernel.build.release} with {accel}")
    return took


def _median(seconds: tuple[float, ...]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def main() -> int:
    """Print the ratio for each kernel named on the command line."""
    # The store and the agent's build are needed by this command only, not by boot_ratio().
    from suite.agent.build import agent  # noqa: PLC0415
    from vm.store import Store  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m vm.boot_time", description=main.__doc__)
    parser.add_argument("kernels", nargs="+", metavar="KERNEL", help="such as 7.3; stored already")
    parser.add_argument("--accel", type=Accelerator, default=Accelerator.TCG)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    try:
        for name in options.kernels:
            measured = boot_ratio(Store().get(name), agent(), options.accel, options.runs)
            sys.stdout.write(f"{measured}{os.linesep}")
    except LandproofError as error:
        sys.stderr.write(f"{error}{os.linesep}")
        return error.exit
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
