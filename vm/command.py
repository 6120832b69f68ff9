# SPDX-License-Identifier: MIT
"""The QEMU command line of a machine, as virtme-ng composes it.

virtme-ng is asked once (``vng --dry-run``, 0.2 s), as QEMU is for its sandbox, and the answer is
kept: it does not depend on the kernel. QEMU is then our own child and not the grandchild of two
Python programs, so it can be watched and killed by its process id.
"""

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import platformdirs

from suite import files
from suite.distribution import lacking
from suite.errors import InfrastructureError
from suite.judge import labels
from suite.targets.scratch import Scratch
from vm.architecture import DEFAULT, Architecture, is_foreign, of_name
from vm.confine import SANDBOX, sandbox

VNG_DEADLINE_S = 30.0

_KERNEL = "/dev/null"
"""What stands for the kernel's path in a kept answer: any existing path will do."""

# virtme-ng's root folder, its guest tools and its second console are for its own userspace. Our
# guest has none of it: without these devices nothing of the host can be reached from the guest.
_DROPPED_OPTIONS = (
    ("-fsdev", ""),
    ("-device", "virtio-9p-"),
    ("-chardev", "file,path=/proc/self/fd/2"),
    ("-device", "virtio-serial-"),
    ("-device", "virtconsole"),
)
_DROPPED_PARAMETERS = (
    "virtme", "nr_open=", "rootfstype=", "rootflags=", "root=", "raid=", "console=hvc", "TERM=",
    "quiet", "loglevel=",
)  # fmt: skip

# QEMU 7.2, of Debian 12, emulates CMPXCHG16B with the flags of an earlier instruction. The kernel
# allocates by it; an interrupt just after it returns with garbage in RFLAGS, and now and then the
# guest dies of a double fault. Without CX16, kernels have code of their own for it.
# Repeated string instructions take their time byte by byte: where they are told to be fast, kernels
# clear and copy pages with 4096 steps instead of 64 or 512.
#
# QEMU 7.2 sums wrongly by the vector instructions of s390x, by which kernels compute checksums:
# no TCP reset was taken for one, so that connections to nobody were never refused.
#
# The Cortex-A57, which virtme-ng takes, has no pages of 16 KiB: kernels with such never say a word.
_EMULATED_CPU = {
    "aarch64": ("-cpu", "neoverse-n1"),
    "x86_64": ("-cpu", "max,-cx16,-erms,-fsrm"),
    "s390x": ("-cpu", "qemu,vx=off,vxeh=off"),
}
"""By machine; of others virtme-ng's choice stays."""


class Accelerator(StrEnum):
    """How QEMU runs the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"


def command(
    image: str,
    accel: Accelerator,
    *,
    memory_mib: int,
    parameters: Sequence[str],
    arch: Architecture = DEFAULT,
) -> list[str]:
    """The argv of QEMU for a kernel image, with parameters; no initramfs, no channel yet.

    Raises:
        InfrastructureError: QEMU or virtme-ng is not installed or does not answer.
    """
    argv = list(_kept_answer(find_qemu(arch), accel, memory_mib, arch))
    argv[argv.index("-kernel") + 1] = image
    append = argv.index("-append") + 1
    argv[append] = " ".join([argv[append], *parameters]).strip()
    return [*argv, *_EMULATED_CPU.get(arch.machine, ())] if accel is Accelerator.TCG else argv


def without_kernel(argv: Sequence[str]) -> list[str]:
    """QEMU's argv for a machine that is restored: what it was booted with is in its memory."""
    words = list(argv)
    for option in ("-kernel", "-append"):
        at = words.index(option)
        del words[at : at + 2]
    return words


def find_qemu(arch: Architecture = DEFAULT) -> Path:
    """Where the QEMU is that runs an architecture's kernels.

    Raises:
        InfrastructureError: It is not installed.
    """
    found = shutil.which(arch.qemu)
    if found is None:
        raise InfrastructureError(lacking(arch.qemu))
    return Path(found)


def find_emulators(names: Iterable[str]) -> None:
    """Look for what runs kernels: of their architectures, and of no other.

    Args:
        names: Of the kernels. Of a path nothing is known before it is read.

    Raises:
        InfrastructureError: One is not installed.
    """
    for arch in dict.fromkeys(of_name(name) for name in names if not name.startswith(labels.PATH)):
        find_qemu(arch)


def find_vng() -> str:
    """Where virtme-ng's command is.

    Raises:
        InfrastructureError: Nowhere.
    """
    vng = shutil.which("vng", path=_vng_path())
    if vng is None:
        raise InfrastructureError("vng is not on PATH: pip install --force-reinstall virtme-ng")
    return vng


def _vng_path() -> str:
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def _kept_answer(qemu: Path, accel: Accelerator, memory_mib: int, arch: Architecture) -> list[str]:
    """virtme-ng's argv from the user's cache, or asked for and put there."""
    stat = qemu.stat()
    key = (
        f"{_virtme_ng_version()} {qemu} {stat.st_size} {stat.st_mtime_ns} {accel} {memory_mib}"
        f" {_DROPPED_OPTIONS} {_DROPPED_PARAMETERS} {SANDBOX}"
    )
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    kept = platformdirs.user_cache_path("landproof") / "vng" / f"{name}.json"
    # A cache that can't be read or written costs 0.2 s and nothing else.
    with contextlib.suppress(OSError, ValueError):
        argv = json.loads(kept.read_text())
        ours = not files.why_not_ours(kept.parent)
        if ours and isinstance(argv, list) and all(isinstance(word, str) for word in argv):
            return argv
    argv = [*_trimmed(_ask_virtme_ng(qemu, accel, memory_mib, arch)), *sandbox(qemu)]
    with contextlib.suppress(OSError):
        files.make_folder(kept.parent)
        files.write(kept, json.dumps(argv).encode())
    return argv


def _virtme_ng_version() -> str:
    try:
        return metadata.version("virtme-ng")
    except metadata.PackageNotFoundError as error:
        raise InfrastructureError(
            "virtme-ng is not installed; run: pip install virtme-ng"
        ) from error


def _ask_virtme_ng(
    qemu: Path, accel: Accelerator, memory_mib: int, arch: Architecture
) -> list[str]:
    """Run ``vng --dry-run`` and return the argv that it prints."""
    path = _vng_path()
    ask = [
        find_vng(), "--dry-run", "--name", "landproof", "--run", _KERNEL, "--root", ".",
        # Debian 12's virtiofsd is tried several times, in vain, without it.
        "--force-9p",
        # Its own initramfs would need a static busybox; ours replaces it anyway.
        "--skip-modules",
        "--memory", f"{memory_mib}M", "--cpus", "1", "--disable-monitor",
        "--qemu", shlex.quote(str(qemu)),
    ]  # fmt: skip
    if is_foreign(arch.machine):
        ask += ["--arch", arch.debian]
    if accel is Accelerator.TCG:
        ask.append("--disable-kvm")
    with Scratch() as home:
        # HOME: nobody's ~/.config/virtme-ng changes what is measured.
        environment = {**os.environ, "PATH": f"{path}{os.pathsep}{home}", "HOME": str(home)}
        # It looks into the kernel with tools that a fresh Debian lacks, and ends with a traceback
        # there. What they find in our stand-in does not matter.
        for name in ("file", "strings"):
            (home / name).symlink_to(shutil.which("true", path=path) or "/bin/true")
        code, out, err = _run(ask, cwd=home, environment=environment)
    lines = [line for line in out.splitlines() if line.startswith(str(qemu))]
    if code != 0 or not lines:
        last = (err or out).strip().splitlines()[-1:] or ["no output"]
        raise InfrastructureError(f"virtme-ng failed: {last[0]}\n{shlex.join(ask)}")
    argv = shlex.split(lines[-1])
    if accel is Accelerator.KVM:
        # virtme-ng says kvm:tcg; a fallback would pass emulation off as KVM.
        argv += ["-machine", "accel=kvm"]
    return argv


def _run(argv: list[str], *, cwd: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run to the end under a deadline; vng starts a shell, so its whole group is ended."""
    with subprocess.Popen(  # noqa: S603 - an argv list, no shell
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=VNG_DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(
                f"virtme-ng did not answer within {VNG_DEADLINE_S:.0f} s: {shlex.join(argv)}"
            ) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def _trimmed(argv: list[str]) -> list[str]:
    """virtme-ng's argv without what serves its own userspace."""
    append = argv.index("-append") + 1
    argv[append] = " ".join(_trimmed_parameters(argv[append]))
    return [*_trimmed_options(argv), "-no-reboot"]


def _trimmed_parameters(append: str) -> Iterator[str]:
    for word in shlex.split(append):
        if word.startswith("init="):
            return  # it and all after it are virtme-ng's init and its arguments
        if not word.startswith(_DROPPED_PARAMETERS):
            yield word


def _trimmed_options(argv: list[str]) -> Iterator[str]:
    words = iter(argv)
    for word in words:
        prefixes = tuple(prefix for option, prefix in _DROPPED_OPTIONS if option == word)
        if not prefixes:
            yield word
            continue
        value = next(words)
        if not value.startswith(prefixes):
            yield from (word, value)
