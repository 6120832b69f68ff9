# SPDX-License-Identifier: MIT
"""Filters, security modules, and keyrings.

Source: kernel/seccomp.c, security/lsm_syscalls.c, security/keys/keyctl.c.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import replace

from suite.kernel import seccomp
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.identity import commit, replace_credentials
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, Pointer, call
from suite.kernel.tasks import Task
from suite.process.uapi import (
    KEYCTL_JOIN_SESSION_KEYRING,
    KEYCTL_SESSION_TO_PARENT,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO,
    SECCOMP_SET_MODE_FILTER,
)

_CAPABILITY, _LANDLOCK = 100, 110
"""LSM_ID_*."""
_LEAST_ATTRIBUTE, _LAST_ATTRIBUTE = 100, 105
_ACTIONS = {
    seccomp.RET_KILL_THREAD,
    seccomp.RET_KILL_PROCESS,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_ALLOW,
}


@call("seccomp")
def seccomp_of(kernel: Kernel, task: Task, operation: CUint, flags: CUint, data: Pointer) -> int:
    """seccomp(2)."""
    if operation == SECCOMP_SET_MODE_FILTER:
        return seccomp.install(kernel, task, flags, data)
    if operation == SECCOMP_GET_ACTION_AVAIL:
        if flags:
            raise Errno(errno.EINVAL)
        if task.memory.integer(data, 4) not in _ACTIONS:
            raise Errno(errno.EOPNOTSUPP)
        return 0
    raise NotModelled("seccomp: operations")


# Security modules


@call("lsm_list_modules")
def lsm_list_modules(kernel: Kernel, task: Task, ids: Pointer, size: Pointer, flags: CUint) -> int:
    """lsm_list_modules(2): capabilities, and Landlock if there is one."""
    if flags:
        raise Errno(errno.EINVAL)
    known = [_CAPABILITY] + [_LANDLOCK] * bool(kernel.model.abi)
    room = task.memory.integer(size, 4)
    task.memory.put(size, 8 * len(known), 4)
    if room < 8 * len(known):
        raise Errno(errno.E2BIG)
    task.memory.write(ids, struct.pack(f"<{len(known)}Q", *known))
    return len(known)


@call("lsm_get_self_attr")
def lsm_get_self_attr(
    kernel: Kernel, task: Task, attribute: CUint, contexts: Pointer, size: Pointer, flags: CUint
) -> int:
    """lsm_get_self_attr(2): no module that is here has any.

    Source: security_getselfattr() in security/security.c.
    """
    if not attribute or not size:
        raise Errno(errno.EINVAL)
    task.memory.integer(size, 4)
    if flags:
        raise NotModelled("security: flags of attributes")
    task.memory.put(size, 0, 4)
    raise Errno(errno.EOPNOTSUPP)


# Keyrings


@call("keyctl")
def keyctl(kernel: Kernel, task: Task, command: CInt, argument: Pointer) -> int:
    """keyctl(2): session keyrings, of which nothing but identity is known."""
    if command == KEYCTL_JOIN_SESSION_KEYRING:
        name = task.memory.string(argument) if argument else ""
        number = _keyring(kernel, name)
        commit(kernel, task, replace(task.credentials, keyring=number))
        return number
    if command == KEYCTL_SESSION_TO_PARENT:
        _give_to_parent(kernel, task)
        return 0
    raise NotModelled("keys: commands of keyctl")


def _keyring(kernel: Kernel, name: str) -> int:
    """The number of the keyring of a name, or of a new one without a name."""
    known = kernel.extra.setdefault("keyrings", {})
    assert isinstance(known, dict)  # noqa: S101 (by the line above)
    number = len(known) + 1
    return int(known.setdefault(name or number, number))


def _give_to_parent(kernel: Kernel, task: Task) -> None:
    """Source: keyctl_session_to_parent() and key_change_session_keyring()."""
    parent, mine = task.group.parent, task.credentials
    if parent is None or parent.number <= 1 or len(parent.group.threads) > 1:
        raise Errno(errno.EPERM)
    old = parent.credentials
    if mine.keyring == old.keyring:
        return
    if {old.uid, old.euid, old.suid} != {mine.euid} or {old.gid, old.egid, old.sgid} != {mine.egid}:
        raise Errno(errno.EPERM)
    replace_credentials(parent, kernel.hooks.cred_transfer(old, replace(old, keyring=mine.keyring)))
