# SPDX-License-Identifier: MIT
"""Confinements: what a process may have inherited from whoever started it, one function each.

Each is applied to one process of a target, from which all others then descend: so the same ones
are tried on the running kernel and in guests.
"""

from __future__ import annotations

import errno
import resource
import struct
from collections.abc import Callable
from functools import partial

from suite.judge.standing import CAPABILITIES
from suite.landlock.abi import CREATE, FS, LANDLOCK_CALLS, MAX_LAYERS, NET, SCOPE
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.uapi import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_PRIVATE,
    MS_REC,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO,
)
from suite.targets.standing import permitted_capabilities
from tests import apparmor

_PR_CAPBSET_DROP = 24
_KILL = 0x80000000
_MS_RDONLY, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 1, 8, 32, 4096
_NOBODY = 65534
_OTHERS = ("mount", "unshare", "bpf", "io_uring_setup", "ptrace", "keyctl", "perf_event_open")
CONTAINERS = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
)  # fmt: skip
"""The capabilities that container engines leave by default."""


def _keep(process: Process, *names: str) -> None:
    """Keep only these capabilities, for programs that are executed as well."""
    for number, name in enumerate(CAPABILITIES):
        if name not in names:
            process.observe(Process.prctl, _PR_CAPBSET_DROP, number)
    wanted = sum(1 << CAPABILITIES.index(name) for name in names)
    process.drop_capabilities(wanted & permitted_capabilities(process))


def _all_but(*names: str) -> Callable[[Process], None]:
    return lambda process: _keep(process, *(it for it in CAPABILITIES if it not in names))


def _become_nobody(process: Process) -> None:
    process.syscall("setgroups", 0, 0)
    process.syscall("setresgid", _NOBODY, _NOBODY, _NOBODY)
    process.syscall("setresuid", _NOBODY, _NOBODY, _NOBODY)
    process.exec("/proc/self/exe")  # or it would be undumpable, as nobody is who was started so


def _enter_user_namespace(process: Process) -> None:
    process.unshare(CLONE_NEWUSER)
    process.map_ids()


def _abi(process: Process) -> int:
    asked = process.observe(Process.create_ruleset, 0, 0, CREATE.VERSION)
    return asked.calls[0].value


def _filesystem(process: Process, *, narrow: bool) -> None:
    """A domain that allows all; or, beneath the folders that a program writes to, and reading."""
    abi = _abi(process)
    handled = FS(sum(right for right in FS if right.since <= abi))
    ruleset = Ruleset(fs=handled)
    if not narrow:
        return process.restrict(ruleset.allow("/", handled))
    reading = FS.EXECUTE | FS.READ_FILE | FS.READ_DIR
    ruleset = ruleset.allow("/", reading)
    for folder in ("/tmp", "/dev", "/proc"):  # noqa: S108 (on a tmpfs of a test's)
        ruleset = ruleset.allow(folder, handled)
    return process.restrict(ruleset)


def _network(process: Process) -> None:
    handled = NET(sum(right for right in NET if right.since <= _abi(process)))
    process.restrict(Ruleset(net=handled))


def _scope(process: Process) -> None:
    handled = SCOPE(sum(scope for scope in SCOPE if scope.since <= _abi(process)))
    process.restrict(Ruleset(scope=handled))


def _layers(count: int) -> Callable[[Process], None]:
    return lambda process: process.restrict(*[Ruleset(fs=FS.MAKE_BLOCK)] * count)


def _filter(calls: tuple[str, ...], action: int) -> Callable[[Process], None]:
    def install(process: Process) -> None:
        steps = [(0x20, 0, 0, 0)]
        for name in calls:
            steps += [(0x15, 0, 1, process.session.numbers[name]), (0x06, 0, 0, action)]
        steps.append((0x06, 0, 0, SECCOMP_RET_ALLOW))
        process.no_new_privs()
        process.seccomp(b"".join(struct.pack("<HBBI", *step) for step in steps))

    return install


def _answer(number: int) -> int:
    return SECCOMP_RET_ERRNO | number


def _limit(name: str, value: int) -> Callable[[Process], None]:
    """Without the right to raise it again."""

    def lower(process: Process) -> None:
        process.limit(getattr(resource, f"RLIMIT_{name}"), value)
        _all_but("SYS_RESOURCE")(process)

    return lower


def _in_own_mounts(change: Callable[[Process], object]) -> Callable[[Process], None]:
    def apply(process: Process) -> None:
        process.unshare(CLONE_NEWNS)
        process.mount("none", "/", None, MS_REC | MS_PRIVATE)
        change(process)

    return apply


def _hide_processes(process: Process) -> None:
    process.mount("proc", "/proc", "proc", 0, "hidepid=2")
    _become_nobody(process)


def _mount_noexec(process: Process) -> None:
    process.bind_mount("/tmp", "/tmp")  # noqa: S108 (the target's own)
    process.mount("none", "/tmp", None, _MS_REMOUNT | _MS_BIND | _MS_NOEXEC)  # noqa: S108 (its own)
    _all_but("SYS_ADMIN")(process)


def _make_read_only(process: Process) -> None:
    process.bind_mount("/tmp", "/tmp")  # noqa: S108 (the target's own)
    process.mount("none", "/", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY)
    _all_but("SYS_ADMIN")(process)


def _change_root(process: Process) -> None:
    """An empty root: no /dev, no /proc, no programs."""
    process.mount("tmpfs", "/mnt", "tmpfs")
    process.mkdir("/mnt/tmp")
    process.bind_mount("/tmp", "/mnt/tmp")  # noqa: S108 (where the cases' files are)
    process.chroot("/mnt")
    process.chdir("/")
    _all_but("SYS_ADMIN")(process)


def _sysctl(name: str, value: int) -> Callable[[Process], None]:
    """For guests only: a machine has each once. EINVAL if it can't be taken back."""

    def apply(process: Process) -> None:
        path = f"/proc/sys/{name.replace('.', '/')}"
        process.observe(Process.write_file, path, b"%d\n" % value)

    return apply


CONFINEMENTS: dict[str, Callable[[Process], object]] = {
    "plain": Process.getpid,
    "no-new-privs": Process.no_new_privs,
    "no-capabilities": _keep,
    "container-capabilities": lambda process: _keep(process, *CONTAINERS),
    "without-net-admin": _all_but("NET_ADMIN"),
    "without-sys-admin": _all_but("SYS_ADMIN"),
    "without-mknod": _all_but("MKNOD"),
    "nobody": _become_nobody,
    "user-namespace": _enter_user_namespace,
    "fs-domain": partial(_filesystem, narrow=False),
    "narrow-fs-domain": partial(_filesystem, narrow=True),
    "net-domain": _network,
    "scope-domain": _scope,
    "1-layer": _layers(1),
    "15-layers": _layers(MAX_LAYERS - 1),
    "16-layers": _layers(MAX_LAYERS),
    "landlock-eperm": _filter(LANDLOCK_CALLS, _answer(errno.EPERM)),
    "landlock-enosys": _filter(LANDLOCK_CALLS, _answer(errno.ENOSYS)),
    "landlock-kills": _filter(LANDLOCK_CALLS, _KILL),
    "create-eperm": _filter(LANDLOCK_CALLS[:1], _answer(errno.EPERM)),
    "add-rule-enosys": _filter(LANDLOCK_CALLS[1:2], _answer(errno.ENOSYS)),
    "restrict-eperm": _filter(LANDLOCK_CALLS[2:], _answer(errno.EPERM)),
    "restrict-kills": _filter(LANDLOCK_CALLS[2:], _KILL),
    "others-eperm": _filter(_OTHERS, _answer(errno.EPERM)),
    "others-enosys": _filter(_OTHERS, _answer(errno.ENOSYS)),
    "others-kill": _filter(_OTHERS, _KILL),
    "64-files": _limit("NOFILE", 64),
    "few-processes": _limit("NPROC", 8),
    "small-files": _limit("FSIZE", 4096),
    "hidepid": _in_own_mounts(_hide_processes),
    "noexec": _in_own_mounts(_mount_noexec),
    "read-only": _in_own_mounts(_make_read_only),
    "empty-root": _in_own_mounts(_change_root),
}
"""By name; each takes the process."""
GUESTS_ONLY: dict[str, Callable[[Process], object]] = {
    **{f"yama-{level}": _sysctl("kernel.yama.ptrace_scope", level) for level in range(4)},
    "no-user-namespaces": _sysctl("user.max_user_namespaces", 0),
    "no-unprivileged-bpf": _sysctl("kernel.unprivileged_bpf_disabled", 1),
    "no-rings": _sysctl("kernel.io_uring_disabled", 2),
    **({"apparmor": apparmor.enter} if apparmor.is_there() else {}),
}
"""What belongs to a machine as a whole."""
HIDDEN = [
    name for name in CONFINEMENTS if name.startswith(("landlock-", "create-", "add-", "restrict-"))
]
"""Those that hide Landlock: nothing can be checked."""
