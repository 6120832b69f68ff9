# SPDX-License-Identifier: MIT
"""sysfs, securityfs and cgroup2, as far as they are looked at."""

from __future__ import annotations

import stat

from suite.kernel.errors import NotModelled
from suite.kernel.filesystems import Kind, register
from suite.kernel.inodes import Dentry, Inode, Superblock
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


class Group(Node):
    """A control group without controllers: the root, in which all processes are and stay."""

    def __init__(self) -> None:
        self._files: dict[str, Dentry] = {}

    def lookup(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> Dentry | None:
        """A group in it, or a file about it, which does not keep it from being removed."""
        if name in _GROUP_FILES and name not in self._files:
            mode = _GROUP_FILES[name]
            node = Text(lambda _kernel, _task: "", None if mode == 0o444 else _forget)
            made = Dentry(
                name, Inode(folder.superblock, stat.S_IFREG | mode, node=node), folder.superblock
            )
            made.parent = folder
            self._files[name] = made
        if name.startswith("cgroup.") and name not in _GROUP_FILES:
            raise NotModelled("files: control groups")
        return self._files.get(name) or folder.children.get(name)

    def names(self, kernel: Kernel, task: Task, folder: Dentry) -> list[str]:
        """The files and the groups."""
        return [*_GROUP_FILES, *folder.children]

    def make_folder(self, kernel: Kernel, task: Task, folder: Dentry, name: str) -> None:
        """Make a group (cgroup_mkdir)."""
        add(folder, name, _FOLDER, Group())


def _groups(_kernel: Kernel, _task: Task, made: Superblock) -> None:
    made.root.inode.node = Group()


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
