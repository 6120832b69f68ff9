# SPDX-License-Identifier: MIT
"""Build the agent: one static binary, with the compiler of the ``ziglang`` package.

No system compiler is needed. ``LANDPROOF_CC`` overrides it with one that can link statically, for
the host's own architecture only: ``LANDPROOF_CC=cc pip install .``

This file stands alone: the build of the wheel runs it before landproof can be imported.
"""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = HERE / "bin"
SOURCES = (
    "main.c",
    "fuse.c",
    "watch.c",
    "liar.c",
    "supervisor.c",
    "channel.c",
    "processes.c",
    "serve.c",
    "tasks.c",
    "program.c",
    "messages.c",
    "journals.c",
    "area.c",
    "leave.c",
)
"""From the top to the bottom: a file calls only into those that stand below it."""
HEADERS = (*(f"{name[:-2]}.h" for name in SOURCES[1:]), "raw.h", "wire.h")
ZIG_TARGETS = {
    "x86_64": "x86_64-linux-musl",
    "i386": "x86-linux-musl",
    "aarch64": "aarch64-linux-musl",
    "riscv64": "riscv64-linux-musl",
    "s390x": "s390x-linux-musl",
}
CPUS = {"s390x": ("-mcpu=arch10",)}
"""The oldest processors that agents run on, where the compiler's choice is too new: s390x guests
have no vector registers (``vm/command.py``)."""
FLAGS = (
    "-static",
    "-Os",
    "-s",
    "-std=gnu17",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Wno-unused-result",
)


class BuildError(Exception):
    """The agent could not be compiled; the message ends with what to do."""


def host_arch() -> str:
    """The architecture of this machine, as a key of ``ZIG_TARGETS``."""
    return arch_of(platform.machine())


def arch_of(machine: str) -> str:
    """The architecture that uname(2) calls ``machine``."""
    return "i386" if machine in {"i486", "i586", "i686"} else machine


def compiler(arch: str) -> list[str]:
    """The compiler's command for an architecture.

    Raises:
        BuildError: There is none for it.
    """
    override = os.environ.get("LANDPROOF_CC")
    if override:
        if arch != host_arch():
            raise BuildError(f"LANDPROOF_CC builds for {host_arch()} only, not {arch}: unset it")
        return shlex.split(override)
    if arch not in ZIG_TARGETS:
        raise BuildError(f"no agent for {arch}: landproof knows {', '.join(ZIG_TARGETS)}")
    return [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        "-target",
        ZIG_TARGETS[arch],
        *CPUS.get(arch, ()),
    ]


def sources_digest() -> str:
    """SHA-256 of all that the binary is made from; file times mean nothing in a wheel."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for name in (*SOURCES, *HEADERS):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def is_built(arch: str, folder: Path = BIN) -> bool:
    """Whether the agent for an architecture was compiled from these very sources."""
    binary = _binary(arch, folder)
    stamp = _stamp(binary)
    return binary.exists() and stamp.exists() and stamp.read_text() == sources_digest()


def _binary(arch: str, folder: Path) -> Path:
    return folder / f"landproof-agent-{arch}"


def _stamp(binary: Path) -> Path:
    return binary.with_name(f"{binary.name}.sources")


def build(arch: str, folder: Path = BIN) -> Path:
    """Compile the agent for an architecture unless that was done from these sources; its path.

    The first compilation for a target takes about 35 s (musl is compiled with it), later ones
    less than one.

    Raises:
        BuildError: The compiler is missing or failed.
    """
    binary = _binary(arch, folder)
    if is_built(arch, folder):
        return binary
    digest = sources_digest()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / "agent"
        command = [*compiler(arch), *FLAGS, "-o", str(made), *(str(HERE / s) for s in SOURCES)]
        try:
            # an argument list of ours, no shell
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        except OSError as error:
            raise BuildError(f"cannot run {command[0]}: {error.strerror}") from error
        if done.returncode:
            raise BuildError(
                f"the agent does not compile for {arch}:\n{done.stderr}\n"
                "Install the compiler with: pip install ziglang (or set LANDPROOF_CC=cc)"
            )
        made.replace(binary)
    _stamp(binary).write_text(digest)
    return binary


def agent(arch: str | None = None) -> Path:
    """The agent's binary: the one of the wheel, or built now in a checkout.

    Raises:
        BuildError: It is neither there nor can it be built.
    """
    arch = arch or host_arch()
    return build(arch)


if __name__ == "__main__":
    for name in sys.argv[1:] or [host_arch()]:
        print(build(name))
