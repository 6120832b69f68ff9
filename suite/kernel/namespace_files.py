# SPDX-License-Identifier: MIT
"""Namespaces as files, to which /proc/PID/ns leads. Source: fs/nsfs.c; namespaces(7)."""

from __future__ import annotations

import stat
from dataclasses import dataclass

from suite.kernel.credentials import Namespace
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.nodes import Node
from suite.kernel.open_files import File
from suite.kernel.tasks import Task

_FIELDS = {
    "mnt": "mounts",
    "pid": "pids",
    "net": "net",
    "ipc": "ipc",
    "uts": "uts",
    "cgroup": "cgroup",
    "time": "time",
    "pid_for_children": "pids_for_children",
    "time_for_children": "time_for_children",
}
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
         "user", "uts")  # fmt: skip
"""The names in /proc/PID/ns."""


@dataclass(eq=False, repr=False)
class NamespaceNode(Node):
    """What stands behind such a file: setns(2) and a bind mount take it."""

    namespace: Namespace

    def open(self, kernel: Kernel, task: Task, path: Path, flags: int) -> File:
        """An open file, which has no content."""
        return File(path, flags, task.credentials)


def namespace_of(task: Task, name: str) -> Namespace:
    """The namespace to which an entry of /proc/PID/ns leads."""
    if name == "user":
        return task.credentials.user
    found = getattr(task.namespaces, _FIELDS[name])
    assert isinstance(found, Namespace)  # noqa: S101 (for mypy: the table has no other fields)
    return found


def path_of(kernel: Kernel, namespace: Namespace) -> Path:
    """The file of a namespace, the same each time."""
    known = kernel.namespace_files.get(namespace)
    if known is None:
        known = kernel.internal(
            "nsfs",
            label(namespace),
            stat.S_IFREG | 0o444,
            NamespaceNode(namespace),
            is_mountable=True,
        )
        known.inode.number = namespace.number
        kernel.namespace_files[namespace] = known
    return known


def label(namespace: Namespace) -> str:
    """What readlink(2) gives of its entry, such as ``mnt:[4026531840]``."""
    return f"{namespace.kind}:[{namespace.number}]"
