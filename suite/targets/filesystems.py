# SPDX-License-Identifier: MIT
"""File systems as a dimension of cases: where the files lie that a case acts on.

A file system is mounted when the first case asks for it, once a started target; each case has a
folder of its own on it. Overlays with files in a lower layer are mounted with such folders for some
cases ahead, for a layer must not be changed from then on; when these are used up, another one is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from suite.errors import InfrastructureError
from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.targets.base import Ground, Target
from suite.targets.disks import MissingError, Mkfs, attached
from suite.targets.fuse import serve
from suite.targets.modules import load_modules
from suite.targets.tree import Tree

_AHEAD = tuple(f"tree{number}" for number in range(16))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file system needs."""

    type: str
    """As mount(2) knows it."""
    option: str
    """Of the kernel's configuration."""
    modules: tuple[str, ...] = ()
    """Of kernels that have it as a module, with what it asks for by itself later on."""
    mkfs: Mkfs | None = None
    """Of those that need a block device."""
    data: str | None = None
    """Mount options."""
    mount: Callable[[Process, str, str], str] | None = None
    """Of those that take more than a call: mount it in a folder, with an agent; tell where."""
    lay: Callable[[Process, str, str], list[str]] | None = None
    """Of those whose files are there before: mount one in a folder, with an agent; the trees."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The folders of an overlay."""

    path: str

    @property
    def lower(self) -> str:
        """The layer that is read only."""
        return f"{self.path}/lower"

    @property
    def upper(self) -> str:
        """The layer that takes what is written."""
        return f"{self.path}/upper"

    @property
    def merged(self) -> str:
        """Where both are seen as one."""
        return f"{self.path}/merged"

    def make(self, process: Process) -> None:
        """Make the folders."""
        for folder in (self.path, self.lower, self.upper, self.merged, f"{self.path}/work"):
            process.mkdir(folder)

    def mount(self, process: Process) -> None:
        """Mount it: the layers must not be changed from then on."""
        layers = f"lowerdir={self.lower},upperdir={self.upper},workdir={self.path}/work"
        _ = process.mount("overlay", self.merged, "overlay", 0, layers).value


def _overlay(process: Process, place: str, _agent: str) -> str:
    """All is made through the overlay: it lies in the upper layer."""
    overlay = Overlay(place)
    overlay.make(process)
    overlay.mount(process)
    return overlay.merged


def _lower(process: Process, place: str, agent: str) -> list[str]:
    """All lies in the lower layer."""
    overlay = Overlay(place)
    overlay.make(process)
    for name in _AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in _AHEAD]


def _merged(process: Process, place: str, agent: str) -> list[str]:
    """Directories are in both layers, files in the lower one."""
    overlay = Overlay(place)
    overlay.make(process)
    for name in _AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
        for folder in (name, f"{name}/d1", f"{name}/d1/sub", f"{name}/d2"):
            process.mkdir(f"{overlay.upper}/{folder}")
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in _AHEAD]


def _bind(process: Process, place: str, _agent: str) -> str:
    """A mount of a folder of the file system that it lies on."""
    for folder in (place, f"{place}/source", f"{place}/mount"):
        process.mkdir(folder)
    process.bind_mount(f"{place}/source", f"{place}/mount")
    return f"{place}/mount"


def _fuse(process: Process, place: str, agent: str) -> str:
    """What is in a folder, served by the agent."""
    for folder in (place, f"{place}.folder"):
        process.mkdir(folder)
    serve(process, place, f"{place}.folder", agent)
    return place


class FileSystem(Enum):
    """What ``@filesystems`` knows; the name, in lower case, is part of the ids of cases."""

    TMPFS = Kind("tmpfs", "CONFIG_TMPFS")
    RAMFS = Kind("ramfs", "every kernel")
    EXT4 = Kind(
        "ext4",
        "CONFIG_EXT4_FS",
        modules=("ext4",),
        mkfs=Mkfs("mkfs.ext4", "e2fsprogs", 32, (("-q", "-E", "lazy_itable_init=0,nodiscard"),)),
    )
    BTRFS = Kind(
        "btrfs",
        "CONFIG_BTRFS_FS",
        # Of several soft dependencies modprobe tells the first alone.
        modules=("crypto-crc32c", "crypto-xxhash64", "crypto-sha256", "btrfs"),
        # With nodes of the default size, the first dozens of cases wait for room: it writes back
        # what it has for each.
        mkfs=Mkfs(
            "mkfs.btrfs",
            "btrfs-progs",
            128,
            (("-q", "-m", "single", "-n", "4096"), ("-q", "-m", "single")),
        ),
    )
    XFS = Kind(
        "xfs",
        "CONFIG_XFS_FS",
        modules=("xfs",),
        # What newer tools turn on by default, older kernels don't mount. Debian 12's own file for
        # them is wrong.
        mkfs=Mkfs(
            "mkfs.xfs",
            "xfsprogs",
            304,
            (
                ("-q", "-c", "options=/usr/share/xfsprogs/mkfs/lts_5.10.conf"),
                ("-q", "-m", "bigtime=0,inobtcount=0,reflink=0", "-i", "nrext64=0"),
            ),
        ),
    )
    F2FS = Kind(
        "f2fs",
        "CONFIG_F2FS_FS",
        modules=("crypto-crc32", "f2fs"),
        mkfs=Mkfs("mkfs.f2fs", "f2fs-tools", 64, (("-q",),)),
    )
    VFAT = Kind(
        "vfat",
        "CONFIG_VFAT_FS, CONFIG_NLS_CODEPAGE_437, CONFIG_NLS_ASCII",
        modules=("vfat", "nls_cp437", "nls_ascii"),
        mkfs=Mkfs("mkfs.vfat", "dosfstools", 16),
        data="codepage=437,iocharset=ascii",
    )
    OVERLAY = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), mount=_overlay)
    OVERLAY_LOWER = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), lay=_lower)
    OVERLAY_MERGED = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), lay=_merged)
    BIND = Kind("tmpfs", "CONFIG_TMPFS", mount=_bind)
    FUSE = Kind("fuse", "CONFIG_FUSE_FS", modules=("fuse",), mount=_fuse)
    # What QEMU serves by these names: vm/share.py.
    VIRTIO_9P = Kind(
        "9p",
        "CONFIG_9P_FS, CONFIG_NET_9P_VIRTIO",
        modules=("9pnet_virtio", "9p"),
        data="trans=virtio,version=9p2000.L,cache=loose",
    )
    VIRTIO_9P_UNCACHED = Kind(
        "9p",
        "CONFIG_9P_FS, CONFIG_NET_9P_VIRTIO",
        modules=("9pnet_virtio", "9p"),
        data="trans=virtio,version=9p2000.L,cache=none",
    )
    PROC = Kind("proc", "CONFIG_PROC_FS")
    SYSFS = Kind("sysfs", "CONFIG_SYSFS")
    CGROUP2 = Kind("cgroup2", "CONFIG_CGROUPS")
    HUGETLBFS = Kind("hugetlbfs", "CONFIG_HUGETLBFS")
    DEVTMPFS = Kind("devtmpfs", "CONFIG_DEVTMPFS")

    @property
    def id(self) -> str:
        """As it stands in the ids of cases."""
        return self.name.lower().replace("_", "-")


class _Mounted(dict[str, "str | Exception"]):
    """Where what is mounted, by the id of the file system, or why it could not be."""


class _Laid(dict[str, list[str]]):
    """The trees that were laid for cases to come, by the id of the file system."""


def mounted(fs: FileSystem, ground: Ground, target: Target) -> str:
    """Where a file system is mounted on a target, now if it was not; empty if ``lay_tree`` does.

    Raises:
        MissingError: The target has no such file system, or does not let us mount it.
        InfrastructureError: It should have been mounted, and was not.
    """
    places = ground.session.notes.of(_Mounted)
    known = places.get(fs.id)
    if known is None:
        try:
            known = _mount(fs, ground, target)
        except (MissingError, InfrastructureError) as error:
            known = error
        places[fs.id] = known
    if isinstance(known, Exception):
        raise known
    return known


def lay_tree(fs: FileSystem, process: Process, ground: Ground, name: str) -> Tree:
    """The case's files, on a file system that is ``mounted``."""
    if fs.value.lay:
        laid = ground.session.notes.of(_Laid).setdefault(fs.id, [])
        if not laid:
            laid += fs.value.lay(ground.root, f"{ground.place}/{fs.id}-{name}", ground.agent)
        return Tree(process, laid.pop(0), ground.agent, fresh=False, copies=True)
    place = ground.session.notes.of(_Mounted)[fs.id]
    return Tree(process, f"{place}/{name}", ground.agent, copies=True)


def _mount(fs: FileSystem, ground: Ground, target: Target) -> str:
    kind = fs.value
    if not ground.private:
        raise MissingError("needs a mount namespace of its own (root or user namespaces)")
    load_modules(kind.modules, ground, target)
    if kind.type not in ground.root.read_file("/proc/filesystems").decode().split():
        raise MissingError(f"needs {kind.type} ({kind.option}, and its module loaded)")
    if kind.lay:
        return ""
    point = f"{ground.place}/{fs.id}"
    if kind.mount:
        return kind.mount(ground.root, point, ground.agent)
    ground.root.mkdir(point)
    if kind.mkfs is None:
        _mount_at(ground.root, fs.id, point, kind)  # a name for most; of 9P, what QEMU serves
    else:
        load_modules(("loop",), ground, target)
        with attached(ground.root, kind.mkfs, f"{point}.image") as device:
            _mount_at(ground.root, device, point, kind)
    return point


def _mount_at(root: Process, source: str, point: str, kind: Kind) -> None:
    match root.observe(Process.mount, source, point, kind.type, 0, kind.data).outcome:
        case Denied("EPERM" | "EACCES"):
            raise MissingError(f"needs root: this user may not mount {kind.type}")
        case Denied("ENOENT"):
            raise MissingError(f"needs a folder that QEMU serves as {source} (virtio-9p-pci)")
        case Denied("EINVAL") if kind.data:
            raise MissingError(f"needs {kind.type} that knows {kind.data} ({kind.option})")
        case Denied(errno):
            raise InfrastructureError(f"{kind.type} can't be mounted: {errno}")
