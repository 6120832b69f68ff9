# SPDX-License-Identifier: MIT
"""The small kernel as it is after boot: an initramfs, and the supervisor as its first process."""

from __future__ import annotations

import os
import resource
import stat
from signal import SIGCHLD, SIGPIPE

from suite.kernel import filesystems, landlock_events, landlock_log, mounts
from suite.kernel.credentials import Credentials, Namespace, UserNamespace
from suite.kernel.executing import AGENT
from suite.kernel.inodes import Dentry, Inode, Mount, MountNamespace, Path
from suite.kernel.kernel import Kernel
from suite.kernel.memory import Memory
from suite.kernel.nodes import put
from suite.kernel.open_files import FileTable
from suite.kernel.opening import open_path
from suite.kernel.tasks import (
    FsContext,
    Group,
    Namespaces,
    NetNamespace,
    PidNamespace,
    Task,
)
from suite.model.landlock import Model

INITIAL = {"ipc": 0xEFFFFFFF, "uts": 0xEFFFFFFE, "user": 0xEFFFFFFD, "pid": 0xEFFFFFFC}
"""The numbers of the initial namespaces. Source: include/linux/proc_ns.h."""
_INFINITE = (1 << 64) - 1
LIMITS = dict.fromkeys(range(16), (_INFINITE, _INFINITE)) | {
    resource.RLIMIT_STACK: (8 << 20, _INFINITE),
    resource.RLIMIT_CORE: (0, _INFINITE),
    resource.RLIMIT_NPROC: (7823, 7823),
    resource.RLIMIT_NOFILE: (1024, 4096),
    resource.RLIMIT_MEMLOCK: (8 << 20, 8 << 20),
    resource.RLIMIT_SIGPENDING: (7823, 7823),
    resource.RLIMIT_MSGQUEUE: (819200, 819200),
    resource.RLIMIT_NICE: (0, 0),
    resource.RLIMIT_RTPRIO: (0, 0),
}
"""Those of the first process, as a guest of 2 GiB has them.

Source: INIT_RLIMITS in include/asm-generic/resource.h; fork_init() in kernel/fork.c.
"""
IGNORE = b"\1".ljust(32, b"\0")
"""A struct sigaction with SIG_IGN."""
KTHREADD = 2
"""The number of who makes the kernel's own threads, none of which are here."""
FOLDERS = ("proc", "sys", "dev", "tmp", "etc", "run")


def booted(model: Model) -> Kernel:
    """A new system."""
    kernel = Kernel(model)
    others = kernel.namespace_numbers
    kernel.user = UserNamespace(
        "user", INITIAL["user"], uid_map=[(0, 0, 2**32 - 1)], capable=kernel.hooks.capable
    )
    kernel.user.gid_map = [(0, 0, 2**32 - 1)]
    kernel.pids = PidNamespace("pid", INITIAL["pid"], kernel.user)
    kernel.net = NetNamespace("net", next(others), kernel.user)
    kernel.mounts = MountNamespace("mnt", next(others), kernel.user)
    rootfs = kernel.superblock("rootfs", stat.S_IFDIR | 0o755)
    root = kernel.mounts.root = Mount(rootfs.root, source="rootfs", namespace=kernel.mounts)
    for name in FOLDERS:
        folder = Dentry(name, Inode(rootfs, stat.S_IFDIR | 0o755, links=2), rootfs)
        folder.parent = rootfs.root
        rootfs.root.children[name] = folder
    time = Namespace("time", next(others), kernel.user)
    namespaces = Namespaces(
        kernel.mounts,
        kernel.pids,
        kernel.net,
        Namespace("ipc", INITIAL["ipc"], kernel.user),
        Namespace("uts", INITIAL["uts"], kernel.user),
        Namespace("cgroup", next(others), kernel.user),
        time,
        kernel.pids,
        time,
    )
    top = Path(root, rootfs.root)
    group = Group()
    image = Inode(rootfs, stat.S_IFREG | 0o755, data=bytearray(AGENT))
    init = put(rootfs.root, "init", image)
    supervisor = Task(
        0,
        1,
        group,
        Credentials(kernel.user),
        FileTable(),
        FsContext(top, top),
        Memory(),
        namespaces,
        "init",
        executable=Path(root, init),
    )
    group.leader = supervisor
    group.threads.append(supervisor)
    group.process_group = group.session = 1
    group.handlers = dict.fromkeys((SIGCHLD, SIGPIPE), IGNORE)
    group.limits = dict(LIMITS)
    supervisor.numbers[kernel.pids.number] = 1
    kernel.pids.tasks[1] = supervisor
    kernel.pids.last = KTHREADD
    kernel.tasks[0] = supervisor
    kernel.current = supervisor
    for name, point in (("devtmpfs", "dev"), ("sysfs", "sys")):
        made = filesystems.made(kernel, supervisor, filesystems.kind_of(name), {})
        mounts.attach(Mount(made.root, source=name), root, rootfs.root.children[point])
    landlock_events.watch(kernel)
    landlock_log.watch(kernel)
    for _ in range(3):  # as the agent has them, too
        supervisor.files.add(open_path(kernel, supervisor, "/dev/null", os.O_RDWR))
    return kernel
