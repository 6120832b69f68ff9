# SPDX-License-Identifier: MIT
"""unshare(2) and setns(2).

Source: ksys_unshare() in kernel/fork.c; kernel/nsproxy.c.
"""

from __future__ import annotations

import errno

from suite.kernel import mounts, namespaces
from suite.kernel.capabilities import require
from suite.kernel.credentials import Namespace, UserNamespace
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.identity import commit
from suite.kernel.inodes import MountNamespace, Path
from suite.kernel.kernel import Kernel
from suite.kernel.namespace_files import NamespaceNode
from suite.kernel.pidfds import PidFile
from suite.kernel.registry import CInt, CUlong, call
from suite.kernel.tasks import PidNamespace, Task
from suite.kernel.tracing import READ, REALCREDS, require_access
from suite.process.uapi import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
)

_THREAD = CLONE_THREAD & ~(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM)
_ALONE = _THREAD | CLONE_SIGHAND | CLONE_VM
_KNOWN = _ALONE | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | namespaces.NEW | CLONE_NEWUSER


@call("unshare")
def unshare(kernel: Kernel, task: Task, flags: CUlong) -> int:
    """unshare(2)."""
    if flags & CLONE_NEWUSER:
        flags |= _THREAD | CLONE_FS
    if flags & CLONE_NEWNS:
        flags |= CLONE_FS
    if flags & ~_KNOWN:
        raise Errno(errno.EINVAL)
    if flags & _ALONE and len(task.group.threads) > 1:
        raise Errno(errno.EINVAL)
    credentials = task.credentials
    if flags & CLONE_NEWUSER:
        credentials = namespaces.in_new_user_namespace(kernel, task, credentials)
    fs = task.fs.copy() if flags & CLONE_FS else task.fs
    spaces = namespaces.fresh(kernel, task, credentials, flags, fs)
    if fs is not task.fs:
        task.fs.users -= 1
    task.fs, task.namespaces = fs, spaces
    if flags & CLONE_FILES and task.files.users > 1:
        task.files.users -= 1
        task.files = task.files.copy()
    if credentials is not task.credentials:
        commit(kernel, task, credentials)
    return 0


# Into those of others

_FIELDS = {
    CLONE_NEWNS: "mounts",
    CLONE_NEWPID: "pids_for_children",
    CLONE_NEWNET: "net",
    **namespaces.PLAIN,
}
_KINDS = {
    "mnt": CLONE_NEWNS,
    "pid": CLONE_NEWPID,
    "net": CLONE_NEWNET,
    "user": CLONE_NEWUSER,
    **{name: flag for flag, name in namespaces.PLAIN.items()},
}
"""By ``Namespace.kind``."""


@call("setns")
def setns(kernel: Kernel, task: Task, fd: CInt, flags: CInt) -> int:
    """setns(2) of a namespace's file, or of a pidfd."""
    file = task.files.get(fd)
    node = file.inode.node
    if isinstance(file, PidFile):
        if not flags or flags & ~(namespaces.NEW | CLONE_NEWUSER):
            raise Errno(errno.EINVAL)
        entered = _of_process(kernel, task, file, flags)
    elif isinstance(node, NamespaceNode):
        if flags and flags != _KINDS[node.namespace.kind]:
            raise Errno(errno.EINVAL)
        entered = [node.namespace]
    else:
        raise Errno(errno.EINVAL)
    if len(entered) > 1:
        raise NotModelled("namespaces: several at once")
    _enter(kernel, task, entered[0])
    return 0


def _of_process(kernel: Kernel, task: Task, file: PidFile, flags: int) -> list[Namespace]:
    """The namespaces of a process. Source: validate_nsset()."""
    target = file.task
    if not target.is_alive:
        raise Errno(errno.ESRCH)
    require_access(kernel, task, target, READ | REALCREDS)
    found: list[Namespace] = []
    if flags & CLONE_NEWUSER:
        found.append(target.credentials.user)
    for flag, name in _FIELDS.items():
        if flags & flag:
            found.append(getattr(target.namespaces, "pids" if flag == CLONE_NEWPID else name))
    return found


def _enter(kernel: Kernel, task: Task, namespace: Namespace) -> None:
    """Source: the ``install`` of each kind, such as mntns_install() in fs/namespace.c."""
    credentials = task.credentials
    if isinstance(namespace, UserNamespace):
        _enter_user(kernel, task, namespace)
        return
    owner = namespace.owner or kernel.user
    require(credentials, "SYS_ADMIN", owner)
    require(credentials, "SYS_ADMIN", credentials.user)
    kernel.hooks.namespace(task, _KINDS[namespace.kind])
    spaces = task.namespaces.copy()
    if isinstance(namespace, MountNamespace):
        require(credentials, "SYS_CHROOT", credentials.user)
        if task.fs.users > 1:
            raise Errno(errno.EINVAL)
        top = mounts.top(Path(namespace.root, namespace.root.root))
        task.fs.root = task.fs.cwd = top
    if isinstance(namespace, PidNamespace) and task.namespaces.pids not in namespace.up():
        raise Errno(errno.EINVAL)
    setattr(spaces, _FIELDS[_KINDS[namespace.kind]], namespace)
    task.namespaces = spaces


def _enter_user(kernel: Kernel, task: Task, namespace: UserNamespace) -> None:
    """Source: userns_install()."""
    if namespace is task.credentials.user:
        raise Errno(errno.EINVAL)
    if len(task.group.threads) > 1 or task.fs.users > 1:
        raise Errno(errno.EINVAL)
    require(task.credentials, "SYS_ADMIN", namespace)
    kernel.hooks.namespace(task, CLONE_NEWUSER)
    commit(kernel, task, namespaces.in_user_namespace(task.credentials, namespace))
