# SPDX-License-Identifier: MIT
"""Choose the accelerator by a trial boot: a KVM device can exist and open, yet run no guest."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from suite import files
from suite.errors import InfrastructureError, UsageError
from vm.architecture import is_foreign
from vm.command import Accelerator, find_qemu
from vm.kernel import Kernel
from vm.machine import BootError, Machine

KVM_DEVICE = Path("/dev/kvm")
TRIAL_DEADLINE_S = 10.0
"""A guest under a KVM that works is up in 1 to 2 s; under one that does not, QEMU can hang."""

_unwritten: dict[Path, "_Remembered"] = {}
"""Outcomes of trials that could not be written there, for this process."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Choice:
    """An accelerator and why it was chosen."""

    accel: Accelerator
    why: str


class _Remembered(msgspec.Struct, frozen=True):
    """A trial's outcome, valid for one boot of this host and one QEMU."""

    boot_id: str
    qemu: str
    accel: Accelerator
    why: str


def choose(kernel: Kernel, agent: Path, override: str | None = None) -> Accelerator:
    """The accelerator to use on this machine; see ``decide``."""
    return decide(kernel, agent, override).accel


def decide(kernel: Kernel, agent: Path, override: str | None = None) -> Choice:
    """Choose the accelerator: as told, or KVM if the kernel boots with it, or else TCG.

    Args:
        kernel: What the trial boots.
        agent: The guest's ``/init``.
        override: ``kvm`` or ``tcg``, without a trial; None to find out.

    Raises:
        UsageError: There is no such accelerator.
        InfrastructureError: QEMU or virtme-ng is not installed.
    """
    if is_foreign(kernel.arch.machine):
        return Choice(Accelerator.TCG, f"the kernel is for {kernel.arch.debian}")
    if (known := foreknown(override)) is not None:
        return known
    choice = _try(kernel, agent)
    _remember(_Remembered(*_identity(), choice.accel, choice.why))
    return choice


def foreknown(override: str | None = None) -> Choice | None:
    """The choice that needs no trial boot; None if only a trial can tell.

    So it is without QEMU, which only who boots a kernel of this machine's architecture needs.

    Args:
        override: As of `decide`.

    Raises:
        UsageError: There is no such accelerator.
    """
    if override is not None:
        try:
            return Choice(Accelerator(override), "as told")
        except ValueError as error:
            raise UsageError(f"no accelerator {override!r}: choose kvm or tcg") from error
    try:
        identity = _identity()
    except InfrastructureError:
        return None
    if (unusable := _no_device()) is not None:
        return Choice(Accelerator.TCG, unusable)
    known = _recall()
    if known is not None and (known.boot_id, known.qemu) == identity:
        return Choice(known.accel, known.why)
    return None


def _identity() -> tuple[str, str]:
    """This boot of the host, and its QEMU."""
    qemu = find_qemu()
    boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
    return boot_id, f"{qemu} {qemu.stat().st_mtime_ns}"


def _no_device() -> str | None:
    """Why KVM is out of the question, None if a trial is worth it."""
    if not KVM_DEVICE.exists():
        return f"there is no {KVM_DEVICE}"
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        return f"no permission for {KVM_DEVICE}: add yourself to its group (usermod -aG kvm USER)"
    return None


def _try(kernel: Kernel, agent: Path) -> Choice:
    try:
        with Machine(
            kernel, agent=agent, accel=Accelerator.KVM, boot_deadline_s=TRIAL_DEADLINE_S
        ) as machine:
            return Choice(Accelerator.KVM, f"a trial boot took {machine.boot_seconds:.1f} s")
    except BootError as error:
        if error.is_final:
            raise  # the kernel's doing, and not KVM's
        return Choice(Accelerator.TCG, f"KVM does not work here: {error.cause}")


def _cache() -> Path:
    return platformdirs.user_cache_path("landproof") / "accelerator.json"


def _recall() -> _Remembered | None:
    if (kept := _unwritten.get(_cache())) is not None:
        return kept
    if files.why_not_ours(_cache().parent):
        return None
    try:
        return msgspec.json.decode(_cache().read_bytes(), type=_Remembered)
    except (OSError, msgspec.DecodeError):
        return None


def _remember(outcome: _Remembered) -> None:
    """Write a trial's outcome down; if that fails, each process makes a trial of its own."""
    cache = _cache()
    try:
        files.make_folder(cache.parent)
        files.write(cache, msgspec.json.encode(outcome))
    except OSError:
        _unwritten[cache] = outcome


__all__ = [
    "KVM_DEVICE", "TRIAL_DEADLINE_S", "Accelerator", "Choice", "choose",
    "decide", "foreknown",
]  # fmt: skip
