# SPDX-License-Identifier: MIT
"""The initramfs of a machine: the agent as ``/init``, and the kernel modules of the channel.

``/modules`` holds the modules of the channel (virtio), which the agent loads before it can speak;
modules for a case come over the channel when the case needs them.
The archive is not compressed: an emulated guest copies 100 KB faster than it decompresses them.
"""

import gzip
import lzma
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from suite.distribution import lacking
from suite.errors import InfrastructureError
from vm import cpio
from vm.kernel import Kernel

MODPROBE_DEADLINE_S = 20.0


def build(kernel: Kernel, agent: Path) -> bytes:
    """Build the initramfs of a kernel, a cpio archive in the new ASCII format.

    Args:
        kernel: Its modules must be indexed (``depmod``).
        agent: A static program, the guest's ``/init``.

    Raises:
        InfrastructureError: The kernel lacks virtio, a module can't be read, or kmod is missing.
    """
    channel: list[Path] = []
    for name in kernel.arch.channel:
        files = module_files(kernel, name)
        if files is None:
            raise InfrastructureError(
                f"{kernel.build.release} has no {name}: use a kernel with virtio (CONFIG_"
                f"{name.upper()})"
            )
        channel += [file for file in files if file not in channel]
    entries = {f"modules/{at:02}-{_bare(file)}.ko": file for at, file in enumerate(channel)}
    return _archive(agent, entries)


def module_files(kernel: Kernel, name: str) -> tuple[Path, ...] | None:
    """The files of a module and of all that it depends on, in load order.

    Empty when the module is built in (or the kernel came without modules); None when the kernel
    does not have it.

    Raises:
        InfrastructureError: kmod is not installed.
    """
    if kernel.modules is None:
        return ()
    modprobe = shutil.which("modprobe", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if modprobe is None:
        raise InfrastructureError(lacking("modprobe"))
    # Ignore this host's /etc/modprobe.d: its blacklists and options are about another kernel.
    run = subprocess.run(  # noqa: S603 - an argv list, no shell
        [
            modprobe, "--config", "/dev/null", "--show-depends", "--dirname",
            str(kernel.modules.parents[2]), "--set-version", kernel.modules.name, name,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=MODPROBE_DEADLINE_S,
    )  # fmt: skip
    if run.returncode != 0:
        return () if _configured(kernel, name) else None
    lines = (line.split(maxsplit=1) for line in run.stdout.splitlines())
    return tuple(Path(words[1].rstrip()) for words in lines if words[0] == "insmod")


def _configured(kernel: Kernel, name: str) -> bool:
    """Whether the Kconfig has a module built in, if the modules folder lacks modules.builtin.

    Without a Kconfig, too, what the channel needs is taken for built in: booting will tell.
    """
    assert kernel.modules is not None  # noqa: S101 - module_files() has looked
    if (kernel.modules / "modules.builtin").exists():
        return False
    if kernel.config is None:
        return name in kernel.arch.channel
    return f"CONFIG_{name.upper()}=y" in kernel.config.read_text(encoding="utf-8").split("\n")


def read_module(file: Path) -> bytes:
    """A module's ELF image, decompressed here because the guest's agent can't.

    Raises:
        InfrastructureError: It can't be read or is compressed in an unknown way.
    """
    try:
        data = file.read_bytes()
        match file.suffix:
            case ".xz":
                data = lzma.decompress(data)
            case ".gz":
                data = gzip.decompress(data)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InfrastructureError(f"cannot read the module {file}: {error}") from error
    if not data.startswith(b"\x7fELF"):
        raise InfrastructureError(f"{file} is not an ELF image: decompress it, then run depmod")
    return data


def _bare(file: Path) -> str:
    return file.name.partition(".ko")[0]


def _archive(agent: Path, modules: Mapping[str, Path]) -> bytes:
    try:
        init = agent.read_bytes()
    except OSError as error:
        raise InfrastructureError(f"cannot read the agent: {error}") from error
    return cpio.archive(
        [
            *(cpio.folder(name) for name in ("dev", "sys", "proc", "modules")),
            cpio.file("init", init, 0o755),
            *(cpio.file(path, read_module(source)) for path, source in modules.items()),
        ]
    )
