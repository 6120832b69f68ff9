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

from suite.process.process import Process
from suite.targets.disks import Mkfs
from suite.targets.ecryptfs import mount_encrypted
from suite.targets.fuse import serve
from suite.targets.nfs import mount_loopback
from suite.targets.tree import Tree

AHEAD = tuple(f"tree{number}" for number in range(16))
"""The trees that are laid before a mount, for cases to come."""


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
    for name in AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in AHEAD]


def _merged(process: Process, place: str, agent: str) -> list[str]:
    """An overlay whose directories are in both layers, and its files in the lower one."""
    overlay = Overlay(place)
    overlay.make(process)
    for name in AHEAD:
        Tree(process, f"{overlay.lower}/{name}", agent)
        for folder in (name, f"{name}/d1", f"{name}/d1/sub", f"{name}/d2"):
            process.mkdir(f"{overlay.upper}/{folder}")
    overlay.mount(process)
    return [f"{overlay.merged}/{name}" for name in AHEAD]


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
