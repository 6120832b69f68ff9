# SPDX-License-Identifier: MIT
"""File systems as a dimension of cases: each holds the files that a case acts on.

A file system is mounted when the first case asks for it, once per start of a target; each case has
a folder of its own on it. The layers of a mounted overlay must not be changed, so one with files in
the lower layer is mounted with folders for several cases; when they are used up, another is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from suite.errors import InfrastructureError
from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.process.promise import Call, SetupError
from suite.targets.base import Ground, Target
from suite.targets.disks import MissingError, Mkfs, attached
from suite.targets.ecryptfs import mount_encrypted
from suite.targets.fuse import serve
from suite.targets.modules import load_modules
from suite.targets.nfs import mount_loopback
from suite.targets.tree import Tree, lay_on_host

FIXED = "tree"
"""The folder of all cases on a file system that nobody changes."""
_MOST_PROGRAM = 1 << 19
"""Bytes that the agent is shorter than."""
_AHEAD = tuple(f"tree{number}" for number in range(16))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file system needs."""

    type: str
    """Its name for mount(2)."""
    option: str
    """The options of the kernel's configuration that bring it, told to users."""
    modules: tuple[str, ...] = ()
    """The modules that it may be in, and those that the kernel would ask for by itself later on."""
    mkfs: Mkfs | None = None
    """How to make it, if it needs a block device."""
    data: str | None = None
    """Mount options."""
    mount: Callable[[Process, str, str], str] | None = None
    """If it takes more than mount(2): given a folder and the agent, mounts it and tells where."""
    harms: bool = False
    """Whether more of the machine is used than goes with its mounts: only a machine of ours."""
    keeps_credentials: bool = False
    """Whether it keeps those of who opened a file, and the domain, for a time: get_cred() in
    nfs4_alloc_state_owner(), fs/nfs/nfs4state.c."""
    lay: Callable[[Process, str, str], list[str]] | None = None
    """If files have to be there before the mount: makes all of it in a folder; gives the trees."""


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
    """An empty overlay: what is made through it lies in the upper layer."""
    overlay = Overlay(place)
    overlay.make(process)
    overlay.mount(process)
    return overlay.merged


def _lower(process: Process, place: str, agent: str) -> list[str]:
    """An overlay whose files and directories all lie in the lower layer."""
    overlay = Overlay(place)
    overlay.make(process)
    for name in _AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in _AHEAD]


def _merged(process: Process, place: str, agent: str) -> list[str]:
    """An overlay whose directories are in both layers, and its files in the lower one."""
    overlay = Overlay(place)
    overlay.make(process)
    for name in _AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
        for folder in (name, f"{name}/d1", f"{name}/d1/sub", f"{name}/d2"):
            process.mkdir(f"{overlay.upper}/{folder}")
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in _AHEAD]


def _bind(process: Process, place: str, _agent: str) -> str:
    """A folder, mounted at another place of the same file system."""
    for folder in (place, f"{place}/source", f"{place}/mount"):
        process.mkdir(folder)
    process.bind_mount(f"{place}/source", f"{place}/mount")
    return f"{place}/mount"


def _fuse(process: Process, place: str, agent: str) -> str:
    """A FUSE mount: the agent serves what is in another folder."""
    for folder in (place, f"{place}.folder"):
        process.mkdir(folder)
    serve(process, place, f"{place}.folder", agent)
    return place


def _nfs(process: Process, place: str, _agent: str) -> str:
    """A folder that the kernel serves to itself."""
    for folder in (place, f"{place}.folder"):
        process.mkdir(folder)
    mount_loopback(process, place, f"{place}.folder")
    return place


def _encrypted(process: Process, place: str, _agent: str) -> str:
    """What lies encrypted in another folder."""
    for folder in (place, f"{place}.folder"):
        process.mkdir(folder)
    mount_encrypted(process, place, f"{place}.folder")
    return place


class FileSystem(Enum):
    """The file systems of ``@filesystems``; their names, in lower case, are part of case ids."""

    TMPFS = Kind("tmpfs", "CONFIG_TMPFS")
    RAMFS = Kind("ramfs", "every kernel")
    EXT4 = Kind(
        "ext4",
        "CONFIG_EXT4_FS",
        modules=("ext4",),
        mkfs=Mkfs("mkfs.ext4", 32, (("-q", "-E", "lazy_itable_init=0,nodiscard"),)),
    )
    BTRFS = Kind(
        "btrfs",
        "CONFIG_BTRFS_FS",
        # All are named, for modprobe lists only the first of several soft dependencies.
        modules=("crypto-crc32c", "crypto-xxhash64", "crypto-sha256", "btrfs"),
        # With nodes of the default size, each of the first dozens of cases waits for room, which
        # btrfs gains by writing back what it holds.
        mkfs=Mkfs(
            "mkfs.btrfs",
            128,
            (("-q", "-m", "single", "-n", "4096"), ("-q", "-m", "single")),
        ),
    )
    XFS = Kind(
        "xfs",
        "CONFIG_XFS_FS",
        modules=("xfs",),
        # Older kernels don't mount what newer tools turn on by default. Debian 12's file of options
        # for such kernels has an error, so the second try gives them one by one.
        mkfs=Mkfs(
            "mkfs.xfs",
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
        mkfs=Mkfs("mkfs.f2fs", 64, (("-q",),)),
    )
    EXFAT = Kind(
        "exfat", "CONFIG_EXFAT_FS", modules=("exfat",), mkfs=Mkfs("mkfs.exfat", 16, (("-q",), ()))
    )
    NTFS3 = Kind(
        "ntfs3",
        "CONFIG_NTFS3_FS",
        modules=("ntfs3",),
        mkfs=Mkfs("mkfs.ntfs", 16, (("-F", "-Q", "-q"),)),
    )
    # Nobody writes on these: they are made with the files of one tree, which all cases look at.
    EROFS = Kind(
        "erofs",
        "CONFIG_EROFS_FS",
        modules=("erofs",),
        mkfs=Mkfs("mkfs.erofs", 8, (("{image}", "{folder}"),), of_folder=True),
    )
    SQUASHFS = Kind(
        "squashfs",
        "CONFIG_SQUASHFS, CONFIG_SQUASHFS_ZLIB",
        modules=("squashfs",),
        mkfs=Mkfs(
            "mksquashfs", 8, (("{folder}", "{image}", "-noappend", "-no-progress"),), of_folder=True
        ),
    )
    VFAT = Kind(
        "vfat",
        "CONFIG_VFAT_FS, CONFIG_NLS_CODEPAGE_437, CONFIG_NLS_ASCII",
        modules=("vfat", "nls_cp437", "nls_ascii"),
        mkfs=Mkfs("mkfs.vfat", 16),
        data="codepage=437,iocharset=ascii",
    )
    OVERLAY = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), mount=_overlay)
    OVERLAY_LOWER = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), lay=_lower)
    OVERLAY_MERGED = Kind("overlay", "CONFIG_OVERLAY_FS", modules=("overlay",), lay=_merged)
    BIND = Kind("tmpfs", "CONFIG_TMPFS", mount=_bind)
    FUSE = Kind("fuse", "CONFIG_FUSE_FS", modules=("fuse",), mount=_fuse)
    NFS = Kind(
        "nfs4",
        "CONFIG_NFS_V4_2, CONFIG_NFSD_V4",
        modules=("nfsd", "nfsv4"),
        mount=_nfs,
        harms=True,
        keeps_credentials=True,
    )
    ECRYPTFS = Kind(
        "ecryptfs",
        "CONFIG_ECRYPT_FS",
        modules=("md5", "ecb", "cbc", "aes_generic", "ecryptfs"),
        mount=_encrypted,
        harms=True,
    )
    # Their ids are the names by which QEMU serves them: vm/share.py.
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
        """The name as it stands in the ids of cases."""
        return self.name.lower().replace("_", "-")


class _Mounted(dict[str, "str | Exception"]):
    """By the id of a file system: where it is mounted, or why it could not be."""


class _Laid(dict[str, list[str]]):
    """By the id of a file system: the trees that were laid on it for cases to come."""


@dataclass(slots=True)
class Making:
    """How a file system came about, for who writes down all that a case builds on."""

    calls: list[Call]
    """Those that mounted it; with the files on it, if these had to be there before."""
    commands: tuple[str, ...] = ()
    """In place of its calls: what a shell has to do, where an image is made by tools of its own."""

    def of(self, tree: str) -> list[Call]:
        """The calls without those that made the trees of other cases, by the name of the tree."""
        others = [f"/{name}" for name in _AHEAD if name != tree]
        kept: list[Call] = []
        left_out: set[int] = set()
        for call in self.calls:
            paths = [it for it in call.arguments if isinstance(it, str)]
            about_others = any(f"{it}/".find(f"{other}/") >= 0 for it in paths for other in others)
            if about_others or any(id(it) in left_out for it in call.arguments):
                left_out.add(id(call))
            else:
                kept.append(call)
        return kept


class _Makings(dict[str, Making]):
    """By the id of a file system."""


def making(fs: FileSystem, ground: Ground) -> Making:
    """How a file system that is ``mounted``, and on which the last tree was laid, came about."""
    return ground.session.notes.of(_Makings)[fs.id]


def mounted(fs: FileSystem, ground: Ground, target: Target) -> str:
    """Mount a file system unless it is mounted; return where, or "" if ``lay_tree`` mounts it.

    Raises:
        MissingError: The target has no such file system, or does not let us mount it.
        InfrastructureError: Mounting failed for another reason.
        SetupError: What has to be there first could not be made.
    """
    places = ground.session.notes.of(_Mounted)
    known = places.get(fs.id)
    if known is None:
        try:
            with ground.session.block() as calls:
                known = _mount(fs, ground, target)
            on_disk = fs.value.mkfs and not fs.value.mkfs.of_folder
            made = Making(calls, _commands(fs, known) if on_disk else ())
            ground.session.notes.of(_Makings)[fs.id] = made
        except (MissingError, InfrastructureError, SetupError) as error:
            known = error  # what is left of this attempt would stand in the way of another
        places[fs.id] = known
    if isinstance(known, Exception):
        raise known
    return known


def lay_tree(fs: FileSystem, process: Process, ground: Ground, name: str) -> Tree:
    """The case's files, on a file system that is ``mounted``."""
    if fs.value.lay:
        laid = ground.session.notes.of(_Laid).setdefault(fs.id, [])
        if not laid:
            with ground.session.block() as calls:
                laid += fs.value.lay(ground.root, f"{ground.place}/{fs.id}-{name}", ground.agent)
            ground.session.notes.of(_Makings)[fs.id] = Making(calls)
        return Tree(process, laid.pop(0), ground.agent, fresh=False, copies=True)
    place = ground.session.notes.of(_Mounted)[fs.id]
    if fs.value.mkfs and fs.value.mkfs.of_folder:
        return Tree(process, f"{place}/{FIXED}", ground.agent, fresh=False, fixed=True)
    return Tree(process, f"{place}/{name}", ground.agent, copies=True)


def _commands(fs: FileSystem, point: str) -> tuple[str, ...]:
    """What a shell has to do to mount a file system that lies on a disk."""
    mkfs, image = fs.value.mkfs, f"{point}.image"
    assert mkfs is not None  # noqa: S101 (or it lies on no disk)
    ways = " || ".join(f"{mkfs.tool} {' '.join(mkfs.words(it, image))}" for it in mkfs.options)
    options = f"loop,{fs.value.data}" if fs.value.data else "loop"
    return (
        f"mkdir {point} && truncate -s {mkfs.size}M {image}",
        f"PATH=$PATH:/usr/sbin:/sbin; ({ways}) > /dev/null 2>&1",
        f"mount -t {fs.value.type} -o {options} {image} {point}",
    )


def _mount(fs: FileSystem, ground: Ground, target: Target) -> str:
    kind = fs.value
    if not ground.private:
        raise MissingError("needs a mount namespace of its own (root or user namespaces)")
    if kind.harms and not target.disposable:
        raise MissingError(f"{kind.type} could change the machine: runs in virtual machines only")
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
        _mount_at(ground.root, fs.id, point, kind)  # only 9P looks for a source of this name
    else:
        load_modules(("loop",), ground, target)
        fill = partial(_fill, ground) if kind.mkfs.of_folder else None
        with attached(ground.root, kind.mkfs, f"{point}.image", fill) as device:
            _mount_at(ground.root, device, point, kind)
    return point


def _fill(ground: Ground, folder: Path) -> None:
    """What a file system is made of that nobody changes."""
    lay_on_host(folder / FIXED, ground.root.read_file(ground.agent, _MOST_PROGRAM))


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
