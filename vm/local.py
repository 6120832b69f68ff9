# SPDX-License-Identifier: MIT
"""The sources of kernels that are on this machine: ``host`` and ``path:…``.

A path is that of an image, a folder or a build tree, which are used where they are, or of packages
(``A+B``), which are unpacked into the store.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from suite.judge import labels
from suite.judge.records import KernelBuild
from vm import bundle, catalogue, tree, unpack
from vm.architecture import Architecture
from vm.catalogue import MODULES, Build, Package, Wish
from vm.channel import refuse_without
from vm.commit import commit
from vm.identity import identify
from vm.kernel import Kernel, is_release, sha256
from vm.source import LOG, Report, Source
from vm.tools import GoneError


@dataclass(frozen=True, slots=True)
class _Found:
    vmlinuz: Path
    release: str
    version: str
    arch: Architecture


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

    def in_place(self, name: str) -> Kernel | None:
        """Return the kernel in a folder, or of a file; None for packages, and for stored ones."""
        return None if self._packages(name) or self._stored(name) else path_kernel(name)

    def wish(self, name: str) -> Wish:
        """Read a name: what packages are made of, or ``path:RELEASE`` of what is stored."""
        if packages := self._packages(name):
            return Wish(name, self.scheme, "", "", frozenset(map(sha256, packages)))
        if (version := self._text(name)) and "/" not in version and is_release(version):
            return Wish(name, self.scheme, version, "")
        raise catalogue.not_a_name(name)

    def resolve(self, name: str, *, refresh: bool = False, report: Report | None = None) -> Build:
        """Return the build that packages are."""
        del refresh, report
        packages = self._packages(name)
        if not packages:
            raise _missing(Path(self._text(name)).expanduser().absolute())
        found = bundle.look_into(packages)
        made_of = tuple(
            Package(path.name, "", sha256(path), path.stat().st_size) for path in packages
        )
        return Build(
            found.release, found.release, "", "+".join(map(str, packages)), made_of,
            scheme=self.scheme, machine=found.arch.machine,
        )  # fmt: skip

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Unpack packages."""
        packages = bundle.parts(build.suite)
        try:
            made_of = {sha256(path) for path in packages}
        except FileNotFoundError as error:
            raise GoneError(f"{error.filename} is gone") from error
        if made_of != {package.sha256 for package in build.packages}:
            raise GoneError(f"{build.suite} has changed meanwhile")
        unpack.unpack(
            packages,
            work,
            build.release,
            MODULES,
            lambda done: report("unpack", min(done, build.size), build.size),
            image=bundle.look_into(packages).image,
        )
        return work

    def _packages(self, name: str) -> list[Path]:
        """The packages that a name means; none if it means something else."""
        paths = bundle.parts(self._text(name))
        return paths if bundle.are_packages(paths) else []

    def _stored(self, name: str) -> bool:
        """Whether a name can only be that of a stored kernel, as lists of kernels write it."""
        text = self._text(name)
        return "/" not in text and is_release(text) and not Path(text).exists()

    def _text(self, name: str) -> str:
        return name.removeprefix(self.scheme)


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
        UsageError: There is no kernel, or more than one, it is no image of a kernel, or it could
            not be spoken with.
    """
    path = Path(name.removeprefix(OwnPath.scheme)).expanduser().absolute()
    found = _identify(_image(path))
    parent = found.vmlinuz.parent
    near = [parent, parent.parent] if path.is_file() else [path, parent, parent.parent]
    # Of a build tree, whose images lie in arch/ARCH/boot.
    near += [it for it in found.vmlinuz.parents[3:4] if tree.is_tree(it)]
    return _kernel(found, near, name, f"{OwnPath.scheme}{path}")


def _kernel(found: _Found, near: list[Path], name: str, source: str) -> Kernel:
    modules, config = _modules(found, near), _config(found, near)
    if modules is None and config is not None:
        text = config.read_text(encoding="utf-8", errors="replace")
        how = f"put lib/modules/{found.release} beside the image"
        refuse_without(found.release, text, how, found.arch)
    build = KernelBuild(
        name=name,
        release=found.release,
        version=found.version,
        source=source,
        sha256=sha256(found.vmlinuz),
        commit=commit(found.release, near),
    )
    return Kernel(build, found.vmlinuz, modules, config, found.arch)


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
        raise _missing(path)
    patterns = (
        "vmlinuz", "bzImage", "Image", "Image.gz", "arch/x86/boot/bzImage",
        "arch/arm64/boot/Image", "arch/arm64/boot/Image.gz", "arch/riscv/boot/Image",
        "arch/riscv/boot/Image.gz", "arch/s390/boot/bzImage", "vmlinuz-*", "boot/vmlinuz-*",
        "boot/vmlinux-*", "boot/vmlinuz", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz",
    )  # fmt: skip
    for pattern in patterns:
        found = [p for p in sorted(path.glob(pattern)) if p.is_file()]
        if len(found) > 1:
            names = ", ".join(str(p.relative_to(path)) for p in found)
            raise UsageError(f"{path} holds {len(found)} kernels ({names}); name one of the files")
        if found:
            return found[0]
    held = sorted(p.name for p in path.iterdir() if p.suffix in (".deb", ".rpm", ".apk", ".zst"))
    if held:
        raise UsageError(
            f"{path} holds packages and no kernel; name those of one kernel, joined by +, such as"
            f" {path}/{held[0]}"
        )
    raise UsageError(f"{path} holds no vmlinuz or bzImage; name the file itself")


def _missing(path: Path) -> UsageError:
    if path.exists():
        return UsageError(
            f"{path} is neither a file nor a folder; give path: a vmlinuz or a package"
        )
    return UsageError(
        f"{path} does not exist; give path: a vmlinuz, a package or a folder that holds a kernel"
    )


def _identify(vmlinuz: Path) -> _Found:
    with vmlinuz.open("rb") as file:
        found = identify(file, vmlinuz)
    return _Found(vmlinuz, found.release, found.version, found.arch)


def _modules(found: _Found, near: list[Path]) -> Path | None:
    for folder in near:
        for name in ("lib/modules", "usr/lib/modules"):
            modules = folder / name / found.release
            if (modules / "kernel").is_dir():
                return modules
        if tree.is_tree(folder):
            return folder if _is_of(folder, found.release) and tree.modules(folder) else None
        if (folder / "modules.order").exists() and (folder / "kernel").is_dir():
            return folder
    return None


def _is_of(build_tree: Path, release: str) -> bool:
    """Whether the modules of a tree are of a release, which a changed configuration may change."""
    named = build_tree / "include/config/kernel.release"
    now = named.read_text(encoding="utf-8").strip() if named.is_file() else release
    if now != release:
        LOG.warning(
            "%s: the modules are of %s, and the image of %s: they are left out; build both",
            build_tree, now, release,
        )  # fmt: skip
    return now == release


def _config(found: _Found, near: list[Path]) -> Path | None:
    names = (
        f"config-{found.release}", f"boot/config-{found.release}", "config", ".config",
        f"lib/modules/{found.release}/config", f"usr/lib/modules/{found.release}/config",
    )  # fmt: skip
    places = (folder / name for folder in near for name in names)
    return next((place for place in places if place.is_file()), None)
