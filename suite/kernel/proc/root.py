# SPDX-License-Identifier: MIT
"""/proc as it is mounted: its root, the files about the system, the settings in /proc/sys.

Source: proc(5), proc_sys(5), sysctl_fs(5) and its like.
"""

from __future__ import annotations

import errno
import stat

from suite.kernel.errors import Errno, NotModelled
from suite.kernel.filesystems import KINDS, Kind, register
from suite.kernel.inodes import Dentry, Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import add
from suite.kernel.open_files import File
from suite.kernel.proc.processes import (
    INVISIBLE,
    NO_ACCESS,
    NOT_PTRACEABLE,
    Root,
    SelfLink,
    View,
)
from suite.kernel.proc.texts import Folder, Text, fixed
from suite.kernel.tasks import PidNamespace, Task

_HIDES = {"": 0, "0": 0, "off": 0, "1": NO_ACCESS, "noaccess": NO_ACCESS, "2": INVISIBLE,
          "invisible": INVISIBLE, "4": NOT_PTRACEABLE, "ptraceable": NOT_PTRACEABLE}  # fmt: skip
_FOLDER, _FILE, _LINK = stat.S_IFDIR | 0o555, stat.S_IFREG | 0o444, stat.S_IFLNK | 0o777
_SETTING = stat.S_IFREG | 0o644
NO_DEVICE = ("ext", "vfat", "btrfs", "xfs", "f2fs")
SETTINGS = {
    "fs/leases-enable": "1",
    "fs/protected_fifos": "1",
    "fs/protected_hardlinks": "1",
    "fs/protected_regular": "2",
    "fs/protected_symlinks": "1",
    "fs/suid_dumpable": "0",
    "kernel/core_pattern": "core",
    "kernel/core_pipe_limit": "0",
    "kernel/core_uses_pid": "0",
    "kernel/pid_max": "4194304",
    "kernel/io_uring_disabled": "0",
    "kernel/ostype": "Linux",
    "kernel/overflowuid": "65534",
    "kernel/overflowgid": "65534",
    "kernel/printk_ratelimit": "5",
    "user/max_mnt_namespaces": "64000",
    "user/max_net_namespaces": "64000",
    "user/max_pid_namespaces": "64000",
    "user/max_user_namespaces": "64000",
    "vm/drop_caches": "0",
}
"""What can be read in /proc/sys of the whole system, as this kernel has it."""
_WITHOUT_EFFECT = {"vm/drop_caches"}
"""Of these, what can be written into without a difference to anybody here."""
OF_NETWORKS = {
    "net/ipv4/ip_local_port_range": "32768\t60999",
    "net/ipv4/ip_unprivileged_port_start": "1024",
    "net/ipv4/ping_group_range": "1\t0",
}
"""And of each network namespace: those of who reads or writes it."""


def _fill(kernel: Kernel, task: Task, made: Superblock) -> None:
    pids = made.user and task.namespaces.pids
    assert isinstance(pids, PidNamespace)  # noqa: S101 (for mypy)
    view = View(pids, _hides(made.options.get("hidepid", "")), int(made.options.get("gid") or 0))
    root = made.root
    root.inode.node = Root(view)
    add(root, "self", _LINK, SelfLink(view, of_thread=False))
    add(root, "thread-self", _LINK, SelfLink(view, of_thread=True))
    add(root, "filesystems", _FILE, Text(_filesystems))
    add(root, "version", _FILE, Text(_version))
    add(root, "mounts", _LINK).inode.data += b"self/mounts"
    add(root, "net", _LINK).inode.data += b"self/net"
    add(root, "cmdline", _FILE, fixed("landproof\n"))
    add(root, "uptime", _FILE, Text(lambda it, _task: f"{it.clock:.2f} {it.clock:.2f}\n"))
    shm = add(
        add(root, "sysvipc", _FOLDER, Folder()),
        "shm",
        _FILE,
        fixed("       key      shmid perms\n"),
    )
    shm.inode.links = 1
    for path, value in SETTINGS.items():
        _put(root, f"sys/{path}", _setting(path, value))
    for path, value in OF_NETWORKS.items():
        _put(root, f"sys/{path}", _of_network(path, value))


def _hides(word: str) -> int:
    if word not in _HIDES:
        raise Errno(errno.EINVAL)
    return _HIDES[word]


def _put(root: Dentry, path: str, node: Text) -> None:
    *folders, name = path.split("/")
    at = root
    for folder in folders:
        at = at.children.get(folder) or add(at, folder, _FOLDER, Folder())
    add(at, name, _SETTING, node)


def _setting(name: str, value: str) -> Text:
    """One of the whole system, which stays as it is."""

    def store(_kernel: Kernel, _file: File, data: bytes) -> None:
        if name not in _WITHOUT_EFFECT and data.strip() != value.encode():
            raise NotModelled(f"proc: sys/{name}")

    return fixed(f"{value}\n", store)


def _of_network(name: str, default: str) -> Text:
    key = name.removeprefix("net/").replace("/", ".")

    def store(kernel: Kernel, _file: File, data: bytes) -> None:
        words = data.decode(errors="replace").split()
        if not words or not all(word.isdigit() for word in words):
            raise Errno(errno.EINVAL)
        kernel.current.namespaces.net.sysctls[key] = "\t".join(words)

    def content(_kernel: Kernel, task: Task) -> str:
        return task.namespaces.net.sysctls.get(key, default) + "\n"

    return Text(content, store)


def _filesystems(_kernel: Kernel, _task: Task) -> str:
    return "".join(f"nodev\t{name}\n" for name in KINDS)


def _version(kernel: Kernel, _task: Task) -> str:
    return f"Linux version {kernel.release} (landproof) #1\n"


register(
    Kind(
        "proc",
        0o555,
        _fill,
        frozenset({"hidepid", "gid", "subset"}),
        namespace=lambda task: task.namespaces.pids,
    )
)
