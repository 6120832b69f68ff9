# SPDX-License-Identifier: MIT
"""Which ids a user namespace has: uid_map, gid_map, setgroups.

Source: user_namespaces(7); kernel/user_namespace.c, the functions that are named below.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from suite.kernel.capabilities import capable
from suite.kernel.credentials import Map, UserNamespace, outside
from suite.kernel.errors import Errno
from suite.kernel.kernel import Kernel
from suite.kernel.memory import PAGE
from suite.kernel.nodes import Node
from suite.kernel.open_files import File
from suite.kernel.proc.fields import id_map
from suite.kernel.proc.texts import Text
from suite.kernel.tasks import Task

_MOST_LINES = 340
_MOST_IDS = 1 << 32


@dataclass(frozen=True, slots=True)
class _Kind:
    field: str
    """Of ``UserNamespace``."""
    capability: str
    is_of_groups: bool = False


_USERS = _Kind("uid_map", "SETUID")
_GROUPS = _Kind("gid_map", "SETGID", is_of_groups=True)


def users(target: Task) -> Node:
    """Make the file uid_map."""
    return _node(target, _USERS)


def groups(target: Task) -> Node:
    """Make the file gid_map."""
    return _node(target, _GROUPS)


def set_groups(target: Task) -> Node:
    """Make the file setgroups."""

    def check(_kernel: Kernel, task: Task, flags: int) -> None:
        if flags & 3 and not capable(task.credentials, "SYS_ADMIN", target.credentials.user):
            raise Errno(errno.EACCES)

    def store(_kernel: Kernel, file: File, data: bytes) -> None:
        """proc_setgroups_write."""
        space = target.credentials.user
        word = data.decode(errors="replace").rstrip()
        if len(data) > 7 or file.position or word not in ("allow", "deny"):
            raise Errno(errno.EINVAL)
        if word == "allow" and space.setgroups == "deny":
            raise Errno(errno.EPERM)
        if word == "deny" and space.gid_map and space.setgroups == "allow":
            raise Errno(errno.EPERM)
        space.setgroups = word

    return Text(lambda _kernel, _task: f"{target.credentials.user.setgroups}\n", store, check)


def _node(target: Task, kind: _Kind) -> Node:
    def content(_kernel: Kernel, task: Task) -> str:
        outer = task.credentials.user
        if outer is target.credentials.user and outer.parent is not None:
            outer = outer.parent
        return id_map(getattr(target.credentials.user, kind.field), getattr(outer, kind.field))

    def store(kernel: Kernel, file: File, data: bytes) -> None:
        space = target.credentials.user
        setattr(space, kind.field, _written(kernel, file, data, space, kind))

    return Text(content, store)


def _written(kernel: Kernel, file: File, data: bytes, space: UserNamespace, kind: _Kind) -> Map:
    """The map that was written, as ids of the initial namespace (map_write).

    Raises:
        Errno: EPERM, EINVAL.
    """
    opener = file.credentials
    if space.parent is None or opener.user not in (space, space.parent):
        raise Errno(errno.EPERM)
    if file.position or len(data) >= PAGE:
        raise Errno(errno.EINVAL)
    if getattr(space, kind.field) or not capable(opener, "SYS_ADMIN", space):
        raise Errno(errno.EPERM)
    rows = _parsed(data)
    if not _is_permitted(kernel, file, rows, space, kind):
        raise Errno(errno.EPERM)
    made: Map = []
    for first, lower, count in rows:
        there = outside(getattr(space.parent, kind.field), lower)
        if there is None or outside(getattr(space.parent, kind.field), lower + count - 1) is None:
            raise Errno(errno.EPERM)
        made.append((first, there, count))
    return made


def _parsed(data: bytes) -> Map:
    rows: Map = []
    for line in data.decode(errors="replace").rstrip("\0").splitlines():
        words = line.split()
        if len(words) != 3 or not all(word.isdigit() for word in words):
            raise Errno(errno.EINVAL)
        first, lower, count = map(int, words)
        if not count or first + count > _MOST_IDS or lower + count > _MOST_IDS:
            raise Errno(errno.EINVAL)
        if any(
            (first < other + size and other < first + count)
            or (lower < there + size and there < lower + count)
            for other, there, size in rows
        ):
            raise Errno(errno.EINVAL)
        rows.append((first, lower, count))
    if not 0 < len(rows) <= _MOST_LINES:
        raise Errno(errno.EINVAL)
    return rows


def _is_permitted(kernel: Kernel, file: File, rows: Map, space: UserNamespace, kind: _Kind) -> bool:
    """Whether who writes may give these ids away (new_idmap_permitted)."""
    opener, parent = file.credentials, space.parent
    assert parent is not None  # noqa: S101 (the caller has checked it)
    if kind is _USERS and any(lower == 0 for _, lower, _ in rows):
        may_setfcap = (
            space.parent_could_setfcap
            if opener.user is space
            else capable(opener, "SETFCAP", parent)
        )
        if not may_setfcap:
            return False
    if len(rows) == 1 and rows[0][2] == 1 and space.owner_uid == opener.euid:
        there = outside(getattr(parent, kind.field), rows[0][1])
        if not kind.is_of_groups and there == opener.euid:
            return True
        if kind.is_of_groups and space.setgroups == "deny" and there == opener.egid:
            return True
    writer = kernel.current.credentials
    return capable(writer, kind.capability, parent) and capable(opener, kind.capability, parent)
