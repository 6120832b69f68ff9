# SPDX-License-Identifier: MIT
"""Who a task is: ids, groups, capabilities, and what prctl(2) says of it.

Source: kernel/sys.c, kernel/capability.c, kernel/cred.c, security/commoncap.c.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace

from suite.kernel import seccomp
from suite.kernel.capabilities import capable
from suite.kernel.credentials import ALL_CAPABILITIES, Credentials, Map, inside, outside
from suite.kernel.errors import Errno, NotModelled
from suite.kernel.identity import commit
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CInt, CUint, CUlong, Pointer, call
from suite.kernel.signals import LAST, numbered
from suite.kernel.tasks import Task
from suite.process.uapi import (
    PR_GET_NO_NEW_PRIVS,
    PR_SCHED_CORE,
    PR_SET_DUMPABLE,
    PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PR_SET_PTRACER,
    PR_SET_SECCOMP,
    SECCOMP_MODE_FILTER,
)

PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_NAME, PR_GET_SECCOMP = 2, 3, 16, 21
PR_CAPBSET_READ, PR_SET_CHILD_SUBREAPER = 23, 36
_LAST_CAPABILITY = 40
_NO_SETUID_FIXUP, _KEEP_CAPS = 1 << 2, 1 << 4
"""Bits of ``Credentials.securebits``."""
_SAME = 2**32 - 1
"""-1: an id that stays."""
_NAME = 16
"""TASK_COMM_LEN."""
_CAPABILITIES_3 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3."""
_LOW = (1 << 32) - 1


# Ids


@call("getuid")
def getuid(kernel: Kernel, task: Task) -> int:
    """getuid(2)."""
    return inside(task.credentials.user.uid_map, task.credentials.uid)


@call("geteuid")
def geteuid(kernel: Kernel, task: Task) -> int:
    """geteuid(2)."""
    return inside(task.credentials.user.uid_map, task.credentials.euid)


@call("getgid")
def getgid(kernel: Kernel, task: Task) -> int:
    """getgid(2)."""
    return inside(task.credentials.user.gid_map, task.credentials.gid)


@call("getegid")
def getegid(kernel: Kernel, task: Task) -> int:
    """getegid(2)."""
    return inside(task.credentials.user.gid_map, task.credentials.egid)


@call("setuid")
def setuid(kernel: Kernel, task: Task, uid: CUint) -> int:
    """setuid(2)."""
    old = task.credentials
    new = outside(old.user.uid_map, uid)
    if new is None:
        raise Errno(errno.EINVAL)
    if capable(old, "SETUID", old.user):
        commit(kernel, task, _fixed(old, replace(old, uid=new, euid=new, suid=new, fsuid=new)))
    elif new in (old.uid, old.suid):
        commit(kernel, task, _fixed(old, replace(old, euid=new, fsuid=new)))
    else:
        raise Errno(errno.EPERM)
    return 0


@call("setresuid")
def setresuid(kernel: Kernel, task: Task, real: CUint, effective: CUint, saved: CUint) -> int:
    """setresuid(2)."""
    old = task.credentials
    has = (old.uid, old.euid, old.suid)
    asked = (real, effective, saved)
    uid, euid, suid = _three(asked, has, old.user.uid_map, may=capable(old, "SETUID", old.user))
    commit(kernel, task, _fixed(old, replace(old, uid=uid, euid=euid, suid=suid, fsuid=euid)))
    return 0


@call("setresgid")
def setresgid(kernel: Kernel, task: Task, real: CUint, effective: CUint, saved: CUint) -> int:
    """setresgid(2)."""
    old = task.credentials
    has = (old.gid, old.egid, old.sgid)
    asked = (real, effective, saved)
    gid, egid, sgid = _three(asked, has, old.user.gid_map, may=capable(old, "SETGID", old.user))
    commit(kernel, task, replace(old, gid=gid, egid=egid, sgid=sgid, fsgid=egid))
    return 0


def _three(
    asked: tuple[int, int, int], has: tuple[int, int, int], ids: Map, *, may: bool
) -> Iterator[int]:
    """The real, effective and saved id that are asked for; who may not can only exchange its own.

    Raises:
        Errno: EINVAL for one that has no number in the user namespace, EPERM.
    """
    new = [was if it == _SAME else outside(ids, it) for it, was in zip(asked, has, strict=True)]
    if None in new:
        raise Errno(errno.EINVAL)
    if not may and not {*new} <= {*has}:
        raise Errno(errno.EPERM)
    return (it for it in new if it is not None)


@call("setgroups")
def setgroups(kernel: Kernel, task: Task, count: CInt, groups: Pointer) -> int:
    """setgroups(2)."""
    old = task.credentials
    if not capable(old, "SETGID", old.user) or not old.user.gid_map or old.user.setgroups == "deny":
        raise Errno(errno.EPERM)
    if not 0 <= count <= 65536:
        raise Errno(errno.EINVAL)
    asked = [task.memory.integer(groups + 4 * it, 4) for it in range(count)]
    ids = [outside(old.user.gid_map, it) for it in asked]
    if None in ids:
        raise Errno(errno.EINVAL)
    groups_of = tuple(sorted(it for it in ids if it is not None))
    commit(kernel, task, replace(old, groups=groups_of))
    return 0


def _fixed(old: Credentials, new: Credentials) -> Credentials:
    """Capabilities go when nobody is root any more. Source: cap_emulate_setxuid()."""
    if old.securebits & _NO_SETUID_FIXUP:
        return new
    root = outside(new.user.uid_map, 0)
    if root in (old.uid, old.euid, old.suid) and root not in (new.uid, new.euid, new.suid):
        if not old.securebits & _KEEP_CAPS:
            new = replace(new, permitted=0, effective=0)
        new = replace(new, ambient=0)
    if old.euid == root != new.euid:
        new = replace(new, effective=0)
    if old.euid != root == new.euid:
        new = replace(new, effective=new.permitted)
    return new


# Capabilities


@call("capget")
def capget(kernel: Kernel, task: Task, header: Pointer, data: Pointer) -> int:
    """capget(2), of version 3."""
    pid = _of_version_3(task, header)
    if pid < 0:
        raise Errno(errno.EINVAL)
    asked = numbered(task.namespaces.pids, pid) if pid else task
    if data:
        it = asked.credentials
        for half in (0, 1):
            for place, mask in enumerate((it.effective, it.permitted, it.inheritable)):
                task.memory.put(data + 12 * half + 4 * place, mask >> 32 * half & _LOW, 4)
    return 0


@call("capset")
def capset(kernel: Kernel, task: Task, header: Pointer, data: Pointer) -> int:
    """capset(2), of version 3. Source: cap_capset() in security/commoncap.c."""
    pid = _of_version_3(task, header)
    if pid not in (0, task.number_in(task.namespaces.pids)):
        raise Errno(errno.EPERM)
    raw = task.memory.read(data, 24)
    words = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, 24, 4)]
    effective, permitted, inheritable = (
        (words[it] | words[it + 3] << 32) & ALL_CAPABILITIES for it in range(3)
    )
    old = task.credentials
    if not capable(old, "SETPCAP", old.user) and inheritable & ~(old.inheritable | old.permitted):
        raise Errno(errno.EPERM)
    if (
        inheritable & ~(old.inheritable | old.bounding)
        or permitted & ~old.permitted
        or effective & ~permitted
    ):
        raise Errno(errno.EPERM)
    new = replace(
        old,
        effective=effective,
        permitted=permitted,
        inheritable=inheritable,
        ambient=old.ambient & permitted & inheritable,
    )
    commit(kernel, task, new)
    return 0


def _of_version_3(task: Task, header: int) -> int:
    """The process that a header is about."""
    version = task.memory.integer(header, 4)
    if version != _CAPABILITIES_3:
        raise NotModelled("credentials: old versions of capget and capset")
    return task.memory.integer(header + 4, 4, signed=True)


# What prctl(2) says


@call("prctl")
def prctl(
    kernel: Kernel, task: Task, option: CInt, a: CUlong, b: CUlong, c: CUlong, d: CUlong
) -> int:
    """prctl(2)."""
    match option:
        case value if value == PR_SET_NO_NEW_PRIVS:
            if (a, b, c, d) != (1, 0, 0, 0):
                raise Errno(errno.EINVAL)
            task.no_new_privs = True
            return 0
        case value if value == PR_GET_NO_NEW_PRIVS:
            if a or b or c or d:
                raise Errno(errno.EINVAL)
            return int(task.no_new_privs)
        case value if value in (PR_SET_PTRACER, PR_SCHED_CORE):
            raise Errno(errno.EINVAL)  # there is neither Yama nor CONFIG_SCHED_CORE
        case value if value == PR_CAPBSET_READ:
            if a > _LAST_CAPABILITY:
                raise Errno(errno.EINVAL)
            return task.credentials.bounding >> a & 1
        case value if value == PR_GET_SECCOMP:
            return SECCOMP_MODE_FILTER if seccomp.filters(task) else 0
        case value if value == PR_SET_SECCOMP:
            if a != SECCOMP_MODE_FILTER:
                raise NotModelled("seccomp: strict mode")
            return seccomp.install(kernel, task, 0, b)
        case _:
            return _of_process(kernel, task, option, a)


def _of_process(kernel: Kernel, task: Task, option: int, value: int) -> int:
    group = task.group
    if option == PR_SET_PDEATHSIG:
        if value > LAST:
            raise Errno(errno.EINVAL)
        task.death_signal = value
    elif option == PR_GET_PDEATHSIG:
        task.memory.put(value, task.death_signal, 4)
    elif option == PR_SET_DUMPABLE:
        if value > 1:
            raise Errno(errno.EINVAL)
        group.dumpable = value
    elif option == PR_GET_DUMPABLE:
        return group.dumpable
    elif option == PR_SET_NAME:
        task.name = _string(task, value)
    elif option == PR_GET_NAME:
        name = task.name.encode("utf-8", "surrogateescape")
        task.memory.write(value, name.ljust(_NAME, b"\0"))
    elif option == PR_SET_CHILD_SUBREAPER:
        group.is_subreaper = bool(value)
    else:
        raise NotModelled(f"processes: prctl {option}")
    return 0


def _string(task: Task, address: int) -> str:
    """Up to 15 bytes: a longer name is cut."""
    data = bytearray()
    while len(data) < _NAME - 1 and (byte := task.memory.read(address + len(data), 1)) != b"\0":
        data += byte
    return data.decode("utf-8", "surrogateescape")
