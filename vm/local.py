# SPDX-License-Identifier: MIT
"""The sources of kernels that are on this machine: ``host`` and ``path:FOLDER_OR_VMLINUZ``."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from suite.judge import labels
from suite.judge.records import KernelBuild
from vm.commit import commit
from vm.kernel import Kernel, is_release, sha256
from vm.source import Source


@dataclass(frozen=True, slots=True)
class _Found:
    vmlinuz: Path
    release: str
    version: str


class _InPlace(Source):
    """Kernels that are used where they are: whatever they are called, only a look can tell."""

    def check(self, name: str) -> None:
        """Leave it to the machine that has the kernel."""


class Host(_InPlace):
    """The running kernel."""

    name = scheme = "host"

    def in_place(self, name: str) -> Kernel:
        """Return the running kernel."""
        del name
        return host_kernel()


class OwnPath(_InPlace):
    """Kernels that the user has."""

    name = "path"
    scheme = labels.PATH

    def in_place(self, name: str) -> Kernel:
        """Return the kernel in a folder, or of a file."""
        return path_kernel(name)


def host_kernel(root: Path = Path("/")) -> Kernel:
    """Return the running kernel, its modules as they are found.

    Args:
        root: Where its ``boot`` and ``lib/modules`` are.

    Raises:
        InfrastructureError: Its files are not on this machine.
    """
    return _kernel(_host(root), [root], "host", "host")


def path_kernel(name: str) -> Kernel:
    """Return the kernel that ``path:…`` names, its modules as they are found.

    Args:
        name: ``path:FILE``: a bzImage, modules and configuration beside it. ``path:FOLDER``: an
            unpacked package, a build tree or a folder holding one of ``vmlinuz``,
            ``vmlinuz-RELEASE``, ``bzImage``.

    Raises:
        UsageError: There is no kernel, or more than one, or it isn't an x86 kernel image.
    """
    path = Path(name.removeprefix(OwnPath.scheme)).expanduser().absolute()
    found = _identify(_image(path))
    parent = found.vmlinuz.parent
    near = [parent, parent.parent] if path.is_file() else [path, parent, parent.parent]
    return _kernel(found, near, name, f"{OwnPath.scheme}{path}")


def _kernel(found: _Found, near: list[Path], name: str, source: str) -> Kernel:
    build = KernelBuild(
        name=name,
        release=found.release,
        version=found.version,
        source=source,
        sha256=sha256(found.vmlinuz),
        commit=commit(found.release, near),
    )
    return Kernel(build, found.vmlinuz, _modules(found, near), _config(found, near))


def _host(root: Path) -> _Found:
    release = os.uname().release
    places = [root / "boot" / f"vmlinuz-{release}", root / "lib/modules" / release / "vmlinuz"]
    for place in places:
        if place.exists():
            return _identify(place)
    raise InfrastructureError(
        f"the running kernel's image {places[0]} is not on this machine; name its file with"
        " path:VMLINUZ, or choose a version such as 6.12"
    )


def _image(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise UsageError(f"{path} does not exist; give path: a vmlinuz or a folder that holds one")
    patterns = (
        "vmlinuz", "bzImage", "arch/x86/boot/bzImage", "vmlinuz-*", "boot/vmlinuz-*",
        "boot/vmlinuz", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz",
    )  # fmt: skip
    for pattern in patterns:
        found = [p for p in sorted(path.glob(pattern)) if p.is_file()]
        if len(found) > 1:
            names = ", ".join(str(p.relative_to(path)) for p in found)
            raise UsageError(f"{path} holds {len(found)} kernels ({names}); name one of the files")
        if found:
            return found[0]
    raise UsageError(f"{path} holds no vmlinuz or bzImage; name the file itself")


def _identify(vmlinuz: Path) -> _Found:
    """Read release and version from the image itself.

    Source: Documentation/arch/x86/boot.rst, "kernel_version"
    """
    with vmlinuz.open("rb") as file:
        head = file.read(0x10000)
    wrong = UsageError(f"{vmlinuz} is not an x86 kernel image; give a vmlinuz or a bzImage")
    if head[0x202:0x206] != b"HdrS":
        raise wrong
    (offset,) = struct.unpack_from("<H", head, 0x20E)
    text = head[offset + 0x200 :].split(b"\0", 1)[0].decode("ascii", "replace")
    release, _, version = text.partition(" ")
    if not offset or not release:
        raise wrong
    if not is_release(release):
        raise UsageError(f"{vmlinuz} calls itself {release!r}, which is no release of a kernel")
    return _Found(vmlinuz, release, version)


def _modules(found: _Found, near: list[Path]) -> Path | None:
    for folder in near:
        for name in ("lib/modules", "usr/lib/modules"):
            modules = folder / name / found.release
            if (modules / "kernel").is_dir():
                return modules
        if (folder / "modules.order").exists() and (folder / "kernel").is_dir():
            return folder
    return None


def _config(found: _Found, near: list[Path]) -> Path | None:
    names = (
        f"config-{found.release}", f"boot/config-{found.release}", "config", ".config",
        f"lib/modules/{found.release}/config", f"usr/lib/modules/{found.release}/config",
    )  # fmt: skip
    places = (folder / name for folder in near for name in names)
    return next((place for place in places if place.is_file()), None)
