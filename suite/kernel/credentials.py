# SPDX-License-Identifier: MIT
"""Who a task is, and what it is allowed to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from suite.model.landlock import NO_SUBJECT, Subject, nobody

ALL_CAPABILITIES = (1 << 41) - 1
NOBODY = 65534
"""What an id is shown as that has no number in a namespace (overflowuid, overflowgid)."""
Map: TypeAlias = "list[tuple[int, int, int]]"
"""Of ids: (first inside, first outside, how many)."""


@dataclass(slots=True, eq=False, repr=False)
class Namespace:
    """One of a kind of which nothing but identity matters, or what its subclass has."""

    kind: str
    """As in /proc/PID/ns: ``ipc``, ``uts``, ``cgroup``, ``time``."""
    number: int
    """Of its inode."""
    owner: UserNamespace | None = None


@dataclass(slots=True, eq=False, repr=False)
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
    parent_could_setfcap: bool = True
    """Whether who made it had CAP_SETFCAP: without it, root outside can't be mapped by itself."""
    capable: Callable[[Capability], object] = nobody
    """Of the initial one: Landlock's hook, which may deny what somebody is capable of."""

    def up(self) -> Iterator[UserNamespace]:
        """Itself, its parent, and so on up to the initial one."""
        it: UserNamespace | None = self
        while it is not None:
            yield it
            it = it.parent


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability that somebody would use."""

    subject: Subject
    number: int
    audit: bool = True
    """Without CAP_OPT_NOAUDIT: a denial is told."""


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
