# SPDX-License-Identifier: MIT
"""Who a task is, and what it is allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from suite.model.landlock import NO_SUBJECT, Subject

ALL_CAPABILITIES = (1 << 41) - 1


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
    """A user namespace; the maps are lists of (inside, outside, count)."""

    parent: UserNamespace | None = None
    owner_uid: int = 0
    uid_map: list[tuple[int, int, int]] = field(default_factory=list)
    gid_map: list[tuple[int, int, int]] = field(default_factory=list)
    setgroups: str = "allow"


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
