# SPDX-License-Identifier: MIT
"""Ask where a target's processes stand: what they have inherited from whoever started them."""

from __future__ import annotations

import os
import re
import resource
import socket
import struct
from collections.abc import Callable, Iterator

from suite.judge.outcome import Allowed
from suite.judge.standing import CAPABILITIES, KILLS, LEAST, Standing
from suite.landlock.abi import FS, LANDLOCK_CALLS, MAX_LAYERS
from suite.landlock.ruleset import Ruleset
from suite.process.calls.sockets import inet
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.session import Session
from suite.targets.base import SUPERVISOR
from suite.targets.filters import filtered
from suite.values import Out

_PR_GET_SECCOMP, _PR_CAPBSET_READ = 21, 23
_DISCARD = 9
"""A port that nobody has to listen on: a domain denies the connection before that matters."""

_INITIAL = {"ipc": 0xEFFFFFFF, "pid": 0xEFFFFFFC, "user": 0xEFFFFFFD, "uts": 0xEFFFFFFE}
"""The inodes of the initial namespaces. Source: include/linux/proc_ns.h."""
_SYSCTLS = (
    "fs.protected_fifos", "fs.protected_hardlinks", "fs.protected_regular",
    "fs.protected_symlinks", "fs.suid_dumpable", "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.core_pattern", "kernel.io_uring_disabled", "kernel.perf_event_paranoid",
    "kernel.unprivileged_bpf_disabled", "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope", "net.ipv4.ip_unprivileged_port_start",
    "user.max_mnt_namespaces", "user.max_net_namespaces", "user.max_pid_namespaces",
    "user.max_user_namespaces",
)  # fmt: skip
_PLACES = ("/", "/dev", "/proc", "/proc/sys", "/sys", "/tmp")  # noqa: S108 (looked at, not written to)
_OWED = ("/dev/null", "/dev/zero", "/proc/self/stat")
"""What every system has."""
_MARKS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
_GROUPS = {"kubepods": "kubernetes", "docker": "docker", "libpod": "podman", "lxc": "lxc"}
"""What the paths of control groups of containers hold."""


def stand(session: Session) -> Standing:
    """Where a target stands, asked in children of its supervisor, outside of our namespaces."""
    with session.scope():
        asked = Process(session, SUPERVISOR).fork()
        files = read_files(asked, *_paths())
        privileges = tried(asked, Process.has_no_new_privs)
        mode = tried(asked, lambda p: p.prctl(_PR_GET_SECCOMP))
        bounding = [tried(asked, _in_bounding_set(bit)) for bit, _ in enumerate(CAPABILITIES)]
        seccomp = mode.value if mode.failure is None else 0
        answers = filtered(asked) if seccomp else {}
        layers = None if KILLS in map(answers.get, LANDLOCK_CALLS) else _layers_left(asked)
        return Standing(
            no_new_privs=_said(privileges, 1),
            permitted=permitted_capabilities(asked),
            bounding=sum(1 << bit for bit, call in enumerate(bounding) if _said(call, 1)),
            namespaces=namespaces(asked),
            seccomp=seccomp,
            filtered=answers,
            layers_left=layers,
            denies=_denied(asked) if layers is not None and layers < MAX_LAYERS else [],
            limits=_limits(asked),
            label=files["/proc/self/attr/current"].strip("\0\n "),  # SELinux ends it with a zero
            sysctls={name: value for name in _SYSCTLS if (value := files[_sysctl(name)].strip())},
            container=_container(asked, files),
            mounts=_mounts(files["/proc/self/mountinfo"]),
            lacks=[
                path for path in _OWED if asked.observe(Process.stat, path).outcome != Allowed()
            ],
        )


def raise_limits(session: Session) -> None:
    """Raise low limits for all processes of a target, as far as the hard limits allow.

    Who may raise hard limits as well (CAP_SYS_RESOURCE) does.
    """
    child = Process(session, SUPERVISOR).fork()
    supervisor = tried(child, Process.getppid)
    for name, (soft, hard) in _all_limits(child).items():
        if soft < LEAST.get(name, 0) and supervisor.failure is None:
            raised = tried(child, _set_limit(supervisor, name, max(hard, LEAST[name])))
            if raised.failure is not None:
                tried(child, _set_limit(supervisor, name, hard))
    session.kill(child.id)


def _set_limit(process: Call, name: str, limit: int) -> Callable[[Process], Call]:
    both = struct.pack("<QQ", limit, limit)
    return lambda it: it.syscall("prlimit64", process, _number(name), both, 0)


def tried(process: Process, action: Callable[[Process], Call]) -> Call:
    """Do something that may fail."""
    with process.session.in_mode(Mode.OBSERVED):
        return action(process)


def _said(call: Call, value: int) -> bool:
    return call.failure is None and call.value == value


def _in_bounding_set(bit: int) -> Callable[[Process], Call]:
    return lambda process: process.prctl(_PR_CAPBSET_READ, bit)


def permitted_capabilities(process: Process) -> int:
    """The mask of a process.

    Source: include/uapi/linux/capability.h, struct __user_cap_data_struct of version 3.
    """
    header = struct.pack("<Ii", 0x20080522, 0)
    asked = tried(process, lambda p: p.syscall("capget", header, Out(24)))
    if asked.failure is not None:
        return 0
    return int.from_bytes(asked.data[4:8] + asked.data[16:20], "little")


def namespaces(process: Process) -> list[str]:
    """The kinds of namespaces of a process that are not the initial ones, as far as /proc tells."""
    links = {name: tried(process, _link_of(name)) for name in _INITIAL}
    return [
        name
        for name, link in links.items()
        if link.failure is None and str(_INITIAL[name]) not in link.data.decode()
    ]


def _link_of(name: str) -> Callable[[Process], Call]:
    return lambda process: process.readlink(f"/proc/self/ns/{name}")


def _limits(process: Process) -> dict[str, int]:
    infinite = (1 << 64) - 1
    return {name: hard for name, (_, hard) in _all_limits(process).items() if hard != infinite}


def _all_limits(process: Process) -> dict[str, tuple[int, int]]:
    """Soft and hard limits, by name."""
    asked = {name: tried(process, _get_limit(name)) for name in (*LEAST, "CORE", "MSGQUEUE")}
    return {
        name: struct.unpack("<QQ", call.data)
        for name, call in asked.items()
        if call.failure is None
    }


def _get_limit(name: str) -> Callable[[Process], Call]:
    return lambda process: process.syscall("prlimit64", 0, _number(name), 0, Out(16))


def _number(name: str) -> int:
    return int(getattr(resource, f"RLIMIT_{name}"))


# Files


def _sysctl(name: str) -> str:
    return f"/proc/sys/{name.replace('.', '/')}"


def _paths() -> Iterator[str]:
    yield from ("/proc/self/attr/current", "/proc/self/mountinfo", "/proc/self/cgroup")
    yield from ("/run/systemd/container", "/proc/1/environ")
    yield from map(_sysctl, _SYSCTLS)


def read_files(process: Process, *paths: str, size: int = 1 << 16) -> dict[str, str]:
    """What the files hold, all asked for in one program; empty if one can't be read."""
    reads: dict[str, Call] = {}
    for path in paths:
        with process.session.in_mode(Mode.OBSERVED):
            fd = process.open(path, os.O_RDONLY)
            reads[path] = process.read(fd, size)
            process.close(fd)
    return {
        path: call.data[: call.value].decode(errors="replace")
        if call.record and call.failure is None
        else ""
        for path, call in reads.items()
    }


def _container(process: Process, files: dict[str, str]) -> str:
    """What runs us in a container, if anything, as it says itself."""
    named = re.search(r"(?:^|\0)container=([\w.-]+)", files["/proc/1/environ"])
    if named:
        return named[1]
    if told := files["/run/systemd/container"].strip():
        return told
    if not {"pid", "user"} & {*namespaces(process)}:
        return ""  # an image of a container may have been booted as a machine
    for path, name in _MARKS.items():
        if process.observe(Process.stat, path).outcome == Allowed():
            return name
    return next((name for part, name in _GROUPS.items() if part in files["/proc/self/cgroup"]), "")


def _mounts(mountinfo: str) -> dict[str, str]:
    """The options of the last mounts at some places. Source: proc_pid_mountinfo(5)."""
    found: dict[str, str] = {}
    for line in mountinfo.splitlines():
        own, _, rest = line.partition(" - ")
        fields, of_filesystem = own.split(), rest.split()
        if len(fields) > 5 and fields[4] in _PLACES and len(of_filesystem) > 2:
            options = dict.fromkeys([*fields[5].split(","), *of_filesystem[2].split(",")])
            found[fields[4]] = ",".join(options)
    return found


# What is in force


def _layers_left(process: Process) -> int | None:
    """How many layers a child can enforce before E2BIG; None if they can't be tried."""
    child = process.fork()
    ruleset = Ruleset(fs=FS.MAKE_BLOCK)
    child.no_new_privs()
    attr = ruleset.attr()
    fd = tried(child, lambda p: p.create_ruleset(attr, attr.size))
    if fd.failure is not None:
        return None
    layers = [tried(child, lambda p: p.restrict_self(fd)) for _ in range(MAX_LAYERS)]
    refused = [call.failure for call in layers if call.failure is not None]
    process.session.kill(child.id)
    return None if set(refused) - {"E2BIG"} else MAX_LAYERS - len(refused)


def _denied(process: Process) -> list[str]:
    """What a domain denies, of what can be tried without doing any harm."""
    came_to = {
        "fs.read_dir": ("EACCES", tried(process, lambda p: p.open("/", os.O_RDONLY))),
        "net.bind_tcp": ("EACCES", _bound(process, socket.SOCK_STREAM)),
        "net.bind_udp": ("EACCES", _bound(process, socket.SOCK_DGRAM)),
        "net.connect_tcp": ("EACCES", _connected(process)),
        "scope.signal": ("EPERM", tried(process, lambda p: p.kill(1, 0))),
    }
    return [name for name, (errno, call) in came_to.items() if call.failure == errno]


def _bound(process: Process, kind: int) -> Call:
    with process.session.in_mode(Mode.OBSERVED):
        return process.bind(process.socket(socket.AF_INET, kind), inet(0))


def _connected(process: Process) -> Call:
    with process.session.in_mode(Mode.OBSERVED):
        return process.connect(process.socket(socket.AF_INET, socket.SOCK_STREAM), inet(_DISCARD))
