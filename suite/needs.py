# SPDX-License-Identifier: MIT
"""What a case may need of a target, and how to tell that it isn't there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from enum import Enum

from suite.agent.build import BuildError
from suite.calls.sockets import IPPROTO_MPTCP
from suite.calls.tasks import CAP_SYS_ADMIN
from suite.outcome import Allowed
from suite.process import Process
from suite.targets.base import Ground, Target
from suite.targets.ground import agent32


class Need(Enum):
    """Something that a target may lack; the value is the reason that reports give."""

    ROOT = "needs root"
    MOUNT = "needs a mount namespace of its own (root or user namespaces)"
    NET = "needs a network namespace of its own (root or user namespaces)"
    IPV6 = "needs IPv6"
    AUDIT = "needs the audit subsystem and CAP_AUDIT_CONTROL"
    ADMIN = "needs CAP_SYS_ADMIN (root or user namespaces)"
    MPTCP = "needs MPTCP"
    USER_NAMESPACES = "needs user namespaces"
    OVERLAY = "needs overlayfs (CONFIG_OVERLAY_FS)"
    BPF = "needs bpf(2) and its file system (CONFIG_BPF_SYSCALL, CAP_BPF)"
    MQUEUE = "needs POSIX message queues (CONFIG_POSIX_MQUEUE)"
    OLD_CALLS = "needs mkdir(2), link(2), rename(2) and the like, which newer architectures lack"
    COMPAT = "needs programs for i386 on x86_64 (CONFIG_IA32_EMULATION), and landproof's own"
    DISPOSABLE = "could change the machine: runs in virtual machines only"


def _has_mptcp(process: Process) -> bool:
    def ask(process: Process) -> None:
        process.close(process.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))

    return process.observe(ask).outcome == Allowed()


def _has_bpf(process: Process) -> bool:
    """Whether a map can be made: the system call may be built, yet kept from us."""

    def ask(process: Process) -> None:
        process.close(process.make_map())

    return process.observe(ask).outcome == Allowed()


def _has_compat(ground: Ground, _: Target) -> bool:
    if ground.facts.machine != "x86_64":
        return False
    try:
        agent = agent32(ground)
    except BuildError:
        return False
    with ground.session.scope():
        return ground.root.fork().observe(Process.exec32, agent).outcome == Allowed()


_PRESENT: dict[Need, Callable[[Ground, Target], bool]] = {
    Need.ROOT: lambda ground, _: ground.facts.uid == 0,
    Need.MOUNT: lambda ground, _: ground.private,
    Need.NET: lambda ground, _: ground.private,
    Need.IPV6: lambda ground, _: ground.facts.ipv6,
    Need.AUDIT: lambda ground, _: ground.facts.audit and ground.facts.uid == 0,
    Need.ADMIN: lambda ground, _: bool(ground.facts.capabilities >> CAP_SYS_ADMIN & 1),
    Need.MPTCP: lambda ground, _: _has_mptcp(ground.root),
    Need.USER_NAMESPACES: lambda ground, _: ground.facts.user_namespaces,
    Need.OVERLAY: lambda ground, _: "overlay" in ground.facts.filesystems and ground.private,
    Need.BPF: lambda ground, _: "bpf" in ground.facts.filesystems and _has_bpf(ground.root),
    Need.MQUEUE: lambda ground, _: "mqueue" in ground.facts.filesystems,
    Need.OLD_CALLS: lambda ground, _: "mkdir" in ground.session.numbers,
    Need.COMPAT: _has_compat,
    Need.DISPOSABLE: lambda _, target: target.disposable,
}


def unmet(needs: Iterable[Need], ground: Ground, target: Target) -> str | None:
    """Why a case can't be shown here: the first need that the target lacks."""
    return next((need.value for need in needs if not _PRESENT[need](ground, target)), None)
