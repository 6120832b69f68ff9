# SPDX-License-Identifier: MIT
"""Who has which capability where. Source: capabilities(7), user_namespaces(7)."""

from __future__ import annotations

import errno

from suite.judge.standing import CAPABILITIES
from suite.kernel.credentials import Capability, Credentials, UserNamespace
from suite.kernel.errors import Errno
from suite.kernel.inodes import Inode

BITS = {name: 1 << number for number, name in enumerate(CAPABILITIES)}
"""Of the masks, by the names without ``CAP_``."""


def capable(
    credentials: Credentials, name: str, user: UserNamespace, *, audit: bool = True
) -> bool:
    """Whether someone has a capability, such as ``FOWNER``, in a user namespace, and may use it.

    ``audit``: not so that nobody is told if Landlock denies it (CAP_OPT_NOAUDIT).

    Source: security/security.c, security_capable(): Landlock is asked last.
    """
    return _has(credentials, name, user) and _may_use(credentials, name, audit=audit)


def _has(credentials: Credentials, name: str, user: UserNamespace) -> bool:
    """Source: security/commoncap.c, cap_capable(): who made a namespace has all of them in it."""
    it: UserNamespace | None = user
    while it is not None:
        if it is credentials.user:
            return bool(credentials.effective & BITS[name])
        if it.parent is credentials.user and it.owner_uid == credentials.euid:
            return True
        it = it.parent
    return False


def _may_use(credentials: Credentials, name: str, *, audit: bool = True) -> bool:
    """Whether Landlock lets someone use a capability that they have; a denial is told."""
    if not credentials.landlock.domain:
        return True
    *_, initial = credentials.user.up()
    try:
        number = BITS[name].bit_length() - 1
        initial.capable(Capability(credentials.landlock, number, audit))
    except Errno:
        return False
    return True


def require(credentials: Credentials, name: str, user: UserNamespace) -> None:
    """Have a capability.

    Raises:
        Errno: EPERM.
    """
    if not capable(credentials, name, user):
        raise Errno(errno.EPERM)


def capable_of(credentials: Credentials, name: str, inode: Inode) -> bool:
    """Whether someone has a capability in their own user namespace, and over the file there.

    Source: kernel/capability.c, capable_wrt_inode_uidgid().
    """
    user = credentials.user
    return (
        bool(credentials.effective & BITS[name])
        and is_mapped(user.uid_map, inode.uid)
        and is_mapped(user.gid_map, inode.gid)
        and _may_use(credentials, name)
    )


def is_mapped(ranges: list[tuple[int, int, int]], outside: int) -> bool:
    """Whether an id of the initial user namespace has one in a user namespace with this map."""
    return any(first <= outside < first + count for _, first, count in ranges)
