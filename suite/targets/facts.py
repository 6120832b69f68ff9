# SPDX-License-Identifier: MIT
"""Probe what a target is, once, through its agent."""

from __future__ import annotations

import re
import socket

from suite.judge.records import Facts
from suite.judge.standing import KILLS
from suite.landlock.abi import CREATE
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.uapi import CLONE_NEWUSER
from suite.targets.base import SUPERVISOR
from suite.targets.standing import namespaces, read_files, stand, tried
from suite.values import Out

_NETLINK_AUDIT = 9
_UTS_FIELD = 65
_SECURITYFS = "/sys/kernel/security"


def probe(process: Process, *, private: bool) -> Facts:
    """The facts of the target that a process lives on.

    Nothing is mounted unless mounts are ``private``: else the host would keep them.
    """
    standing = stand(process.session)
    filter_says = standing.filtered.get("landlock_create_ruleset")
    uts = process.syscall("uname", Out(6 * _UTS_FIELD))
    claims = (None, None) if filter_says == KILLS else _claims(process)
    ipv6 = tried(process, lambda p: p.socket(socket.AF_INET6, socket.SOCK_STREAM))
    audit = tried(process, lambda p: p.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT))
    with process.session.in_mode(Mode.OBSERVED):
        child = process.fork(CLONE_NEWUSER)
    fields = [uts.data[at : at + _UTS_FIELD] for at in range(0, 6 * _UTS_FIELD, _UTS_FIELD)]
    release, kernel_version, machine = (f.rstrip(b"\0").decode() for f in fields[2:5])
    filesystems = _read(process, "/proc/filesystems")
    status = _read(process, "/proc/self/status")
    capabilities = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    facts = Facts(
        release=release,
        version=kernel_version,
        machine=machine,
        abi=_said(claims[0]) or 0,
        errata=_said(claims[1]),
        missing=claims[0].failure if claims[0] else KILLS,
        lsm=_lsm(process, private=private),
        security_modules=_has_security(process) if status else None,
        uid=_uid(process, status),
        capabilities=int(capabilities[1], 16) if capabilities else 0,
        in_user_namespace="user" in namespaces(process),
        user_namespaces=child.pid is not None and child.pid.failure is None,
        filesystems=sorted(line.split()[-1] for line in filesystems.splitlines() if line),
        ipv6=ipv6.failure is None,
        audit=audit.failure is None,
        tracefs="tracefs" in filesystems,
        standing=standing,
    )
    process.session.kill(child.id)
    return facts


def claimed(process: Process) -> tuple[int, int | None]:
    """The ABI version that the kernel claims, 0 without Landlock; its mask of errata, if any."""
    version, errata = map(_said, _claims(process))
    return version or 0, errata


def _claims(process: Process) -> tuple[Call, Call]:
    version = tried(process, lambda p: p.create_ruleset(0, 0, CREATE.VERSION))
    return version, tried(process, lambda p: p.create_ruleset(0, 0, CREATE.ERRATA))


def _said(call: Call | None) -> int | None:
    return call.value if call and call.failure is None else None


def _uid(process: Process, status: str) -> int:
    """The user as seen from outside of the target's user namespace."""
    uids = re.search(r"^Uid:\s*(\d+)", status, re.MULTILINE)
    if uids is None:  # no /proc, and no map of ids: one who is outside of our namespaces knows
        outer = Process(process.session, SUPERVISOR).fork()
        uid = outer.syscall("geteuid").value
        process.session.kill(outer.id)
        return uid
    for line in _read(process, "/proc/self/uid_map").splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= int(uids[1]) < inside + count:
            return outside + int(uids[1]) - inside
    return int(uids[1])


def _read(process: Process, path: str) -> str:
    return read_files(process, path)[path]


def _has_security(process: Process) -> bool:
    """Source: fs/proc/base.c has the folder in a kernel of CONFIG_SECURITY only."""
    return tried(process, lambda p: p.stat("/proc/self/attr")).failure is None


def _lsm(process: Process, *, private: bool) -> list[str]:
    """The active LSMs; securityfs is mounted for it where it isn't and mounts are ours alone."""
    names = _read(process, f"{_SECURITYFS}/lsm")
    if not names and private:
        process.observe(Process.mount, "securityfs", _SECURITYFS, "securityfs")
        names = _read(process, f"{_SECURITYFS}/lsm")
    return names.split(",") if names else []
