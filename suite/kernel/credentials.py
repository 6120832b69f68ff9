# SPDX-License-Identifier: MIT
"""Who a task is, and what it is allowed to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from suite.model.landlock import NO_SUBJECT, Subject

ALL_CAPABILITIES = (1 << 41) - 1
NOBODY = 65534
"""What an id is shown as that has no number in a namespace (overflowuid, overflowgid)."""
Map: TypeAlias = "list[tuple[int, int, int]]"
"""Of ids: (first inside, first outside, how many)."""


class Cap(IntEnum):
    """The capabilities that the small kernel asks for. Source: include/uapi/linux/capability.h."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_BROADCAST = 11
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    LEASE = 28
    AUDIT_WRITE = 29
    AUDIT_CONTROL = 30
    SETFCAP = 31
    SYSLOG = 34
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


@dataclass(slots=True, eq=False)
class Namespace:
    """One of a kind of which nothing but identity matters, or what its subclass has."""

    kind: str
    """As in /proc/PID/ns: ``ipc``, ``uts``, ``cgroup``, ``time``."""
    number: int
    """Of its inode."""
    owner: UserNamespace | None = None


@dataclass(slots=True, eq=False)
class UserNamespace(Namespace):
    """A user namespace; what is outside of the maps are ids of the initial one."""

    parent: UserNamespace | None = None
    owner_uid: int = 0
    owner_gid: int = 0
    uid_map: Map = field(default_factory=list)
    gid_map: Map = field(default_factory=list)
    setgroups: str = "allow"
    level: int = 0
    """How far it is from the initial one."""

    def up(self) -> Iterator[UserNamespace]:
        """Itself, its parent, and so on up to the initial one."""
        it: UserNamespace | None = self
        while it is not None:
            yield it
            it = it.parent


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a task is (struct cred). Never changed: a task gets others in its place.

    Ids are those of the initial user namespace.
    """

    user: UserNamespace
    uid: int = 0
    euid: int = 0
    suid: int = 0
    fsuid: int = 0
    gid: int = 0
    egid: int = 0
    sgid: int = 0
    fsgid: int = 0
    groups: tuple[int, ...] = ()
    permitted: int = ALL_CAPABILITIES
    effective: int = ALL_CAPABILITIES
    inheritable: int = 0
    ambient: int = 0
    bounding: int = ALL_CAPABILITIES
    securebits: int = 0
    landlock: Subject = NO_SUBJECT
    """The domain, and how its denials are logged."""
    keyring: object = None


def capable(credentials: Credentials, namespace: UserNamespace, capability: int) -> bool:
    """Whether one who has these has a capability over what belongs to a user namespace.

    Source: cap_capable() in security/commoncap.c; user_namespaces(7), "Capabilities".
    """
    own = credentials.user
    for it in namespace.up():
        if it is own:
            return bool(credentials.effective >> capability & 1)
        if it.level <= own.level:
            return False
        if it.parent is own and it.owner_uid == credentials.euid:
            return True
    return False


def outside(ids: Map, inside: int) -> int | None:
    """The id of the initial user namespace that one has in this map; None if it has none."""
    for first, there, count in ids:
        if first <= inside < first + count:
            return there + inside - first
    return None


def inside(ids: Map, there: int) -> int:
    """The number by which a map knows an id of the initial user namespace, or ``NOBODY``."""
    for first, begin, count in ids:
        if begin <= there < begin + count:
            return first + there - begin
    return NOBODY
