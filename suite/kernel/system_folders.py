# SPDX-License-Identifier: MIT
"""sysfs, securityfs and cgroup2, as far as they are looked at."""

from __future__ import annotations

import stat

from suite.kernel.errors import NotModelled
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Superblock
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node, add
from suite.kernel.open_files import File
from suite.kernel.proc.texts import Text
from suite.kernel.tasks import Task

_GROUP_FILES = {
    "cgroup.controllers": 0o444,
    "cgroup.procs": 0o644,
    "cgroup.subtree_control": 0o644,
    "cgroup.threads": 0o644,
}
_FOLDER = stat.S_IFDIR | 0o755


def _sysfs(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    made.root.inode.node = Node()
    for name in ("block", "bus", "class", "dev", "devices", "firmware", "fs", "module"):
        add(made.root, name, _FOLDER, Node())
    kernel_folder = add(made.root, "kernel", _FOLDER, Node())
    for name in ("security", "debug", "tracing"):
        add(kernel_folder, name, _FOLDER, Node())
    for name in ("bpf", "cgroup"):
        add(made.root.children["fs"], name, _FOLDER, Node())
    parameters = add(
        add(made.root.children["module"], "printk", _FOLDER, Node()), "parameters", _FOLDER, Node()
    )
    time = Text(lambda _kernel, _task: "Y\n", lambda _kernel, _file, _data: None)
    add(parameters, "time", stat.S_IFREG | 0o644, time)
    add(kernel_folder, "uevent_seqnum", stat.S_IFREG | 0o444, Text(lambda _kernel, _task: "1\n"))


def _securityfs(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    made.root.inode.node = Node()
    add(made.root, "lsm", stat.S_IFREG | 0o444, Text(_modules))


def _groups(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    """The root of control groups without controllers: all processes are in it, and stay there."""
    made.root.inode.node = Node()
    for name, mode in _GROUP_FILES.items():
        node = Text(lambda _kernel, _task: "", None if mode == 0o444 else _forget)
        add(made.root, name, stat.S_IFREG | mode, node)


def _forget(_kernel: Kernel, _file: File, data: bytes) -> None:
    if data.strip() != b"0":
        raise NotModelled("files: control groups")


def _modules(kernel: Kernel, _task: Task) -> str:
    return "capability,landlock" if kernel.model.abi else "capability"


register(
    Kind("sysfs", 0o755, _sysfs, namespace=lambda task: task.namespaces.net, is_shared=True),
    Kind("cgroup2", 0o555, _groups, is_shared=True),
    Kind("securityfs", 0o755, _securityfs, in_user_namespaces=False, is_shared=True),
)
