# SPDX-License-Identifier: MIT
"""Folders of this machine that a guest mounts: served by virtiofsd, or by QEMU itself over 9P.

virtiofsd needs root here, and a kernel with CONFIG_VIRTIO_FS, as Debian's cloud kernels are. 9P
needs a kernel with CONFIG_NET_9P_VIRTIO, which Debian's other kernels have as a module. Files stay
what they are to Landlock either way: inodes are found again by their numbers (9P with
``cache=loose``), so that rules stay on them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from suite.command.tree import Mount
from suite.errors import InfrastructureError
from suite.targets.scratch import Scratch
from vm import initramfs, readonly
from vm.catalogue import DEFAULT_FLAVOUR
from vm.confine import dying_with_us
from vm.kernel import Kernel

_VIRTIOFSD = "virtiofsd"
_PLACES = "/usr/libexec", "/usr/lib", "/usr/lib/qemu"
"""Where distributions keep it, besides PATH: Debian and Fedora, Arch, Debian 12."""
_TRIAL_S = 10.0
_WITH_9P = "amd64"
"""The flavour of Debian's kernels for any machine, which has 9P as a module."""


class Way(StrEnum):
    """How a guest gets the folders; the value is the name of the file system."""

    VIRTIOFS = "virtiofs"
    P9 = "9p"


_MODULES = {Way.VIRTIOFS: ("virtiofs",), Way.P9: ("9pnet_virtio", "9p")}
_KCONFIG = {Way.VIRTIOFS: ("CONFIG_VIRTIO_FS",), Way.P9: ("CONFIG_NET_9P_VIRTIO", "CONFIG_9P_FS")}
_OPTIONS = {
    Way.VIRTIOFS: "",
    Way.P9: "trans=virtio,version=9p2000.L,msize=512000,cache=loose",
}
"""Of the mount."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    source: Path
    path: str
    """Where the guest has it; the first one, with ``/``, is the tree itself."""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """Folders that are being served."""

    options: tuple[str, ...]
    """Of QEMU."""
    descriptors: tuple[int, ...]
    """What QEMU inherits."""
    mounts: tuple[Mount, ...]


def modules(way: Way) -> tuple[str, ...]:
    """The modules that a kernel needs, unless it has them built in."""
    return _MODULES[way]


def ways() -> tuple[Way, ...]:
    """How this machine can serve folders, the better way first."""
    return (Way.VIRTIOFS, Way.P9) if _virtiofsd() else (Way.P9,)


def flavour() -> str:
    """The flavour of Debian's kernels that can be given folders here, of names that say none."""
    return DEFAULT_FLAVOUR if Way.VIRTIOFS in ways() else _WITH_9P


def way_of(kernel: Kernel) -> Way | None:
    """How this kernel gets folders here; None if it can't."""
    return next((way for way in ways() if _can(kernel, way)), None)


@contextmanager
def serving(
    folders: Sequence[Folder], kernel: Kernel, way: Way, memory_mib: int
) -> Iterator[Served]:
    """Serve folders until the end of the block, which is to be after QEMU's end.

    Raises:
        OSError: A server can't be started.
    """
    tags = [f"landproof{number}" for number in range(len(folders))]
    mounts = tuple(
        Mount(tag, way, _OPTIONS[way], it.path, it.writable)
        for tag, it in zip(tags, folders, strict=True)
    )
    bus = kernel.arch.bus
    with ExitStack() as stack:
        if way is Way.P9:
            yield Served(tuple(_of_9p(folders, tags, bus)), (), mounts)
            return
        sockets = [stack.enter_context(_server(folder)) for folder in folders]
        yield Served(
            tuple(_of_virtiofs([it.fileno() for it in sockets], tags, bus, memory_mib)),
            tuple(it.fileno() for it in sockets),
            mounts,
        )


def _can(kernel: Kernel, way: Way) -> bool:
    """Whether a kernel has the file system, as far as its Kconfig and its modules tell.

    If it has come without both, booting it will tell.
    """
    if kernel.config is None and kernel.modules is None:
        return True
    config = kernel.config.read_text(encoding="utf-8").split("\n") if kernel.config else []
    for option, module in zip(_KCONFIG[way], reversed(_MODULES[way]), strict=True):
        if f"{option}=y" in config:
            continue
        if config and f"{option}=m" not in config:
            return False
        if kernel.modules is None or initramfs.module_files(kernel, module) is None:
            return False
    return True


def _of_9p(folders: Sequence[Folder], tags: Sequence[str], bus: str) -> Iterator[str]:
    for folder, tag in zip(folders, tags, strict=True):
        path = str(folder.source).replace(",", ",,")
        readonly_ = "" if folder.writable else ",readonly=on"
        yield "-fsdev"
        yield f"local,id={tag},path={path},security_model=none,multidevs=remap{readonly_}"
        yield from ("-device", f"virtio-9p-{bus},fsdev={tag},mount_tag={tag}")


def _of_virtiofs(
    sockets: Sequence[int], tags: Sequence[str], bus: str, memory_mib: int
) -> Iterator[str]:
    # The server reads and writes the guest's memory.
    yield from ("-object", f"memory-backend-memfd,id=shared,size={memory_mib}M,share=on")
    yield from ("-machine", "memory-backend=shared")
    for fd, tag in zip(sockets, tags, strict=True):
        yield from ("-chardev", f"socket,id={tag},fd={fd}")
        yield from ("-device", f"vhost-user-fs-{bus},chardev={tag},tag={tag}")


@contextmanager
def _server(folder: Folder) -> Iterator[socket.socket]:
    """A connection to a virtiofsd for a folder."""
    program = _virtiofsd()
    assert program is not None  # noqa: S101 (ways() has looked)
    with Scratch() as scratch, ExitStack() as stack:
        path = str(scratch / "socket")
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(path)
        listening.listen(1)
        fd = listening.fileno()
        before = [] if folder.writable else [sys.executable, "-I", "-S", readonly.__file__]
        process = subprocess.Popen(  # noqa: S603 (an argv list, no shell)
            [*dying_with_us(), *before, *program.command(folder, fd)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a pipe that nobody reads would stop it, and the guest
            pass_fds=[fd],
            start_new_session=True,
        )
        stack.callback(_ended, process)
        connection = stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.connect(path)
        yield connection


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@dataclass(frozen=True, slots=True)
class _Virtiofsd:
    """A virtiofsd of this machine."""

    path: str
    in_rust: bool
    """Not the one in C of QEMU up to 7.2."""

    def command(self, folder: Folder, fd: int) -> list[str]:
        """Its command for a folder and a listening socket.

        A namespace of its own for the sandbox is refused to it where the folder is ``/``. What a
        guest can't write to, it need not look at again: a Python starts in a third of the time.
        """
        source, cache = folder.source, "auto" if folder.writable else "always"
        if self.in_rust:
            return [
                *(self.path, f"--fd={fd}", f"--shared-dir={source}", "--sandbox=chroot"),
                *(f"--cache={cache}", "--announce-submounts", "--log-level=error"),
            ]
        return [
            *(self.path, f"--fd={fd}", "-o", f"source={source}", "-o", "sandbox=chroot"),
            *("-o", f"cache={cache}", "-o", "announce_submounts", "-o", "log_level=err"),
        ]


@cache
def _virtiofsd() -> _Virtiofsd | None:
    """The virtiofsd of this machine; None if there is none, or it can't be used."""
    if os.geteuid() != 0:
        return None
    path = shutil.which(_VIRTIOFSD, path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES]))
    if path is None:
        return None
    trial = [sys.executable, "-I", "-S", readonly.__file__, path, "--help"]
    try:
        said = subprocess.run(  # noqa: S603 (an argv list, no shell)
            trial, capture_output=True, timeout=_TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if said.returncode:
        return None
    return _Virtiofsd(path, in_rust=b"--shared-dir" in said.stdout)


def cannot(kernel: Kernel) -> InfrastructureError:
    """Why a kernel gets no folders here, and what to do."""
    release = kernel.build.release
    if Way.VIRTIOFS in ways():
        return InfrastructureError(
            f"{release} can mount no folder of this machine: it has neither virtiofs"
            " (CONFIG_VIRTIO_FS) nor 9P (CONFIG_NET_9P_VIRTIO), or no modules; name another kernel"
        )
    return InfrastructureError(
        f"{release} has no 9P (CONFIG_NET_9P_VIRTIO), or no modules; name a kernel that has it,"
        " such as 6.12+amd64, or run as root with virtiofsd installed"
    )
