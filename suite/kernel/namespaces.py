# SPDX-License-Identifier: MIT
"""New namespaces, as clone(2) and unshare(2) make them."""

from __future__ import annotations

import errno
from dataclasses import replace

from suite.kernel.capabilities import BITS, require
from suite.kernel.credentials import (
    ALL_CAPABILITIES,
    NOBODY,
    Credentials,
    Namespace,
    UserNamespace,
    inside,
)
from suite.kernel.errors import Errno
from suite.kernel.inodes import Path
from suite.kernel.kernel import Kernel
from suite.kernel.mount_copies import copy_namespace
from suite.kernel.tasks import FsContext, Namespaces, NetNamespace, PidNamespace, Task
from suite.process.uapi import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)

PLAIN = {
    CLONE_NEWIPC: "ipc",
    CLONE_NEWUTS: "uts",
    CLONE_NEWCGROUP: "cgroup",
    CLONE_NEWTIME: "time",
}
"""Those of which nothing but identity matters: their field in ``Namespaces``."""
NEW = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | sum(PLAIN)
"""All but that of users."""
_MOST_LEVELS = 32


def is_chrooted(task: Task) -> bool:
    """Whether its root is another than that of its mount namespace.

    Source: current_chrooted() in fs/namespace.c.
    """
    mount = task.namespaces.mounts.root
    while (over := mount.on(mount.root)) is not None:
        mount = over
    return task.fs.root != Path(mount, mount.root)


def in_new_user_namespace(kernel: Kernel, task: Task, was: Credentials) -> Credentials:
    """Credentials of a task, in a new user namespace below its own, with all capabilities.

    Source: create_user_ns() and set_cred_user_ns() in kernel/user_namespace.c.

    Raises:
        Errno: ENOSPC, EPERM.
    """
    if was.user.level > _MOST_LEVELS:
        raise Errno(errno.ENOSPC)
    if is_chrooted(task):
        raise Errno(errno.EPERM)
    if NOBODY in (inside(was.user.uid_map, was.euid), inside(was.user.gid_map, was.egid)):
        raise Errno(errno.EPERM)
    kernel.hooks.namespace(task, CLONE_NEWUSER)
    made = UserNamespace(
        "user",
        next(kernel.namespace_numbers),
        was.user,
        parent=was.user,
        owner_uid=was.euid,
        owner_gid=was.egid,
        setgroups=was.user.setgroups,
        level=was.user.level + 1,
        parent_could_setfcap=bool(was.effective & BITS["SETFCAP"]),
    )
    return in_user_namespace(was, made)


def in_user_namespace(was: Credentials, namespace: UserNamespace) -> Credentials:
    """Credentials as who enters a user namespace has them."""
    return replace(
        was,
        user=namespace,
        securebits=0,
        inheritable=0,
        permitted=ALL_CAPABILITIES,
        effective=ALL_CAPABILITIES,
        ambient=0,
        bounding=ALL_CAPABILITIES,
    )


def fresh(
    kernel: Kernel, task: Task, credentials: Credentials, flags: int, fs: FsContext
) -> Namespaces:
    """The namespaces of a task, with new ones for these CLONE_NEW* flags; ``fs`` moves along.

    Args:
        kernel: The system.
        task: Who makes them.
        credentials: Of who will be in them.
        flags: CLONE_NEW*; others do nothing.
        fs: Where who will be in them stands.

    Source: create_new_namespaces() in kernel/nsproxy.c.

    Raises:
        Errno: EPERM without CAP_SYS_ADMIN, or by Landlock.
    """
    if not flags & NEW:
        return task.namespaces
    owner = credentials.user
    require(credentials, "SYS_ADMIN", owner)
    for flag in (CLONE_NEWNS, *PLAIN, CLONE_NEWPID, CLONE_NEWNET):
        if flags & flag:
            kernel.hooks.namespace(task, flag)
    spaces = task.namespaces.copy()
    if flags & CLONE_NEWNS:
        spaces.mounts = copy_namespace(kernel, task.namespaces.mounts, owner, fs)
    for flag, name in PLAIN.items():
        if flags & flag:
            made = Namespace(name, next(kernel.namespace_numbers), owner)
            setattr(spaces, "time_for_children" if name == "time" else name, made)
    if flags & CLONE_NEWPID:
        parent = spaces.pids_for_children
        spaces.pids_for_children = PidNamespace(
            "pid", next(kernel.namespace_numbers), owner, parent=parent
        )
    if flags & CLONE_NEWNET:
        spaces.net = NetNamespace("net", next(kernel.namespace_numbers), owner)
    return spaces
