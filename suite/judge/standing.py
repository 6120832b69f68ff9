# SPDX-License-Identifier: MIT
"""Where a target's processes stand: what they have inherited, and what that keeps from them.

Nothing of it is the kernel's doing. A call that fails for one of these reasons says nothing about
Landlock, so ``suite.judge.causes`` is asked before a kernel is blamed.
"""

from __future__ import annotations

import msgspec

from suite.landlock.abi import MAX_LAYERS

CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip
"""By number, without the prefix ``CAP_``. Source: include/uapi/linux/capability.h."""
KILLS = "SIGSYS"
"""How a filter is said to answer that kills."""
ALL_CAPABILITIES = (1 << len(CAPABILITIES)) - 1
LEAST = {
    "AS": 1 << 32,
    "DATA": 1 << 32,
    "FSIZE": 1 << 30,
    "MEMLOCK": 1 << 16,
    "NOFILE": 1024,
    "NPROC": 256,
    "SIGPENDING": 256,
}
"""Limits of getrlimit(2) that no case feels, unless it sets lower ones itself."""
_FEW = 6
_UNCONFINED = {"", "unconfined", "kernel", "_"}
"""Labels of AppArmor (with or without a profile's name), SELinux and Smack that confine nobody."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of a target have inherited; asked once, outside of namespaces of ours.

    The defaults are those of a plain root.
    """

    no_new_privs: bool = False
    permitted: int = ALL_CAPABILITIES
    """Capability mask."""
    bounding: int = ALL_CAPABILITIES
    """Capability mask: no program that is executed can give others."""
    namespaces: list[str] = []
    """Those that are not the initial ones, such as ``user`` and ``pid``."""
    seccomp: int = 0
    """The mode of seccomp(2): 2 with filters."""
    filtered: dict[str, str] = {}
    """System calls that a filter answers whatever their arguments, by name: with which errno, or
    ``SIGSYS`` if it kills. A filter that answers ENOSYS can't be told from a kernel without the
    call, apart from the calls of Landlock."""
    layers_left: int | None = None
    """How many layers can still be enforced; None where that can't be tried."""
    denies: list[str] = []
    """What a domain that is in force already was seen to deny."""
    limits: dict[str, int] = {}
    """Hard limits of getrlimit(2), such as ``NOFILE``; those that are infinite are left out."""
    label: str = ""
    """What an LSM calls us, such as ``docker-default (enforce)``."""
    sysctls: dict[str, str] = {}
    """Settings that cases feel, such as ``kernel.yama.ptrace_scope``."""
    container: str = ""
    """What runs us in a container, such as ``docker``."""
    mounts: dict[str, str] = {}
    """The options with which ``/``, ``/proc``, ``/proc/sys``, ``/tmp`` and the like are mounted."""
    lacks: list[str] = []
    """Paths that every system has, and this has not: ``/dev/null``, ``/proc``."""

    @property
    def layers(self) -> int:
        """How many are in force already; 0 also where that can't be tried."""
        return 0 if self.layers_left is None else MAX_LAYERS - self.layers_left

    @property
    def low_limits(self) -> dict[str, int]:
        """Those of ``limits`` that a case may feel."""
        return {name: it for name, it in self.limits.items() if it < LEAST.get(name, 0)}

    @property
    def ptrace_scope(self) -> int:
        """How far Yama keeps processes from tracing others; 0 where there is no Yama."""
        scope = self.sysctls.get("kernel.yama.ptrace_scope", "")
        return int(scope) if scope.isdecimal() else 0

    @property
    def is_labelled(self) -> bool:
        """Whether an LSM other than Landlock confines us."""
        return self.label not in _UNCONFINED

    @property
    def confinements(self) -> list[str]:
        """In a few words each, what a plain root on a plain system would not have; often none."""
        return [phrase for phrase in self._phrases() if phrase]

    def _phrases(self) -> list[str]:
        return [
            f"in a container ({self.container})" if self.container else "",
            "no_new_privs is set" if self.no_new_privs else "",
            self._domain(),
            self._filter(),
            self._capabilities(),
            f"confined by an LSM as {self.label}" if self.is_labelled else "",
            ", ".join(f"RLIMIT_{name} {limit}" for name, limit in self.low_limits.items()),
            f"kernel.yama.ptrace_scope is {self.ptrace_scope}" if self.ptrace_scope > 1 else "",
            f"there is no {' and no '.join(self.lacks)}" if self.lacks else "",
        ]

    def _domain(self) -> str:
        if not self.layers:
            return ""
        denies = f", which denies {', '.join(self.denies)}" if self.denies else ""
        return f"in a Landlock domain of {self.layers} layer{'s' * (self.layers != 1)}{denies}"

    def _filter(self) -> str:
        if self.seccomp == 0:
            return ""
        if not self.filtered:
            return "a seccomp filter is in force"
        return f"seccomp filters {_some([*self.filtered])}"

    def _capabilities(self) -> str:
        if "user" in self.namespaces:
            return "in a user namespace that is not the initial one"
        lacking = names_of(ALL_CAPABILITIES & ~self.bounding)
        return f"the bounding set lacks {_some(lacking)}" if lacking else ""


def names_of(mask: int) -> list[str]:
    """The names of the capabilities of a mask, such as ``CAP_SYS_ADMIN``."""
    return [f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW + 1 else ""
    return f"{', '.join(names[:_FEW] if more else names)}{more}"
