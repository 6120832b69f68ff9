# SPDX-License-Identifier: MIT
"""Limits, errata and masks by plain calls."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from tests.plain_calls import (
    AT_FDCWD,
    E2BIG,
    EACCES,
    EINVAL,
    EPERM,
    NET_PORT,
    O_PATH,
    PATH_BENEATH,
    PR_SET_NO_NEW_PRIVS,
    READ_FILE,
    Caller,
    Refused,
    Scene,
    address,
    inet,
    rule,
)  # fmt: skip

Bound = tuple[int | None, str]
"""The last that is taken, and the answer to the next; None where even the first is refused."""
BIND_TCP, SIGNAL, MAKE_REG = 1 << 0, 1 << 1, 1 << 8
MPTCP, SIGTEST = 262, 0
NEW_MOUNTS, BIND, PRIVATE = 0x20000, 4096, 0x44000


def _last(calls: Sequence[tuple[int, Callable[[], object]]]) -> Bound:
    last = None
    for number, call in calls:
        try:
            call()
        except Refused as refused:
            return last, str(refused)
        last = number
    return last, ""


def layers(scene: Scene) -> Bound:
    """Enforce one ruleset after the other."""
    return _last([(it, lambda: scene.inside.enforce(READ_FILE)) for it in range(1, 20)])


def port(scene: Scene) -> Bound:
    """Add rules on higher and higher ports; without a ruleset for ports, in one for files."""
    caller = scene.inside
    try:
        fd = caller.ruleset(0, BIND_TCP)
    except Refused:
        fd = caller.ruleset(READ_FILE)

    def add(number: int) -> Callable[[], object]:
        attr = struct.pack("<QQ", BIND_TCP, number)
        return lambda: caller.landlock("add_rule", fd, NET_PORT, attr, 0)

    return _last([(it, add(it)) for it in (1, 65534, 65535, 65536, 65537)])


def attr_size(scene: Scene) -> Bound:
    """Ask with smaller and smaller attributes."""
    attr, caller = struct.pack("<Q", READ_FILE).ljust(64, b"\0"), scene.inside

    def create(size: int) -> Callable[[], object]:
        return lambda: caller.landlock("create_ruleset", attr, size, 0)

    return _last([(it, create(it)) for it in range(64, -1, -1)])


LIMITS = {"layers": layers, "port": port, "attr_size": attr_size}
UNSHOWN = {"rules"}
"""No machine has room for so many."""


def non_tcp(scene: Scene) -> str:
    """Erratum 1: an MPTCP socket is bound where TCP ports can't be."""

    def bind(caller: Caller) -> int:
        return caller("bind", caller("socket", 2, 1, MPTCP), *address(inet(0)))

    scene.inside.enforce(0, BIND_TCP)
    return _which(bind(scene.inside), bind(scene.outside), EACCES, denies=False)


def own_thread(scene: Scene) -> str:
    """Erratum 2: a thread in a domain sends a signal to another of its process."""
    leader = scene.inside
    pid = leader("getpid")
    thread = leader.thread()
    control = thread("tgkill", pid, pid, SIGTEST)
    thread.enforce(0, 0, SIGNAL)
    return _which(thread("tgkill", pid, pid, SIGTEST), control, EPERM, denies=False)


def disconnected(scene: Scene) -> str:
    """Erratum 3: a file is opened in a directory that was moved out of the mount with the rule."""
    caller, top = scene.inside, scene.held
    done = [
        caller("unshare", NEW_MOUNTS),
        caller("mount", "none", "/", 0, PRIVATE, 0),
        *(caller("mkdirat", AT_FDCWD, f"{top}/{it}", 0o755) for it in ("a", "a/b", "c", "mount")),
        caller("mknodat", AT_FDCWD, f"{top}/a/b/file", 0o100644, 0),
        caller("mount", f"{top}/a", f"{top}/mount", 0, BIND, 0),
        moved := caller.open(f"{top}/mount/b", O_PATH),
        mount := caller.open(f"{top}/mount", O_PATH),
        caller("renameat2", AT_FDCWD, f"{top}/a/b", AT_FDCWD, f"{top}/c/b", 0),
    ]
    assert min(done) >= 0, done
    control = caller("openat", moved, "file", 0, 0)
    fd = caller.ruleset(READ_FILE)
    caller.landlock("add_rule", fd, PATH_BENEATH, rule(READ_FILE, mount), 0)
    caller("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    caller.landlock("restrict_self", fd, 0)
    return _which(caller("openat", moved, "file", 0, 0), control, EACCES, denies=False)


def whiteout(scene: Scene) -> str:
    """Erratum 4: a whiteout is made where no file can be."""
    scene.inside.enforce(MAKE_REG)
    came_to, control = (
        caller("mknodat", AT_FDCWD, f"{folder}/new", 0o020000, 0)
        for caller, folder in ((scene.inside, scene.held), (scene.outside, scene.free))
    )
    return _which(came_to, control, EACCES, denies=True)


def _which(came_to: int, control: int, errno: int, *, denies: bool) -> str:
    """Whether a fixed kernel was seen, which denies the call, or an unfixed one."""
    if control < 0 or (came_to < 0 and came_to != -errno):
        return f"{came_to} in a domain, {control} outside"
    return "fixed" if (came_to < 0) == denies else "unfixed"


ERRATA = {"1": non_tcp, "2": own_thread, "3": disconnected, "4": whiteout}


def accepted(scene: Scene) -> dict[str, int]:
    """The bits of each mask, and how much of the attribute the kernel knows."""
    caller = scene.inside
    caller("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return {
        "attr_size": _attr_size(caller),
        "handled_access_fs": _field(caller, 0),
        "handled_access_net": _field(caller, 1),
        "scoped": _field(caller, 2),
        "create_ruleset_flags": _flags(caller, "create_ruleset", 0, 0),
        "add_rule_flags": _flags(caller, "add_rule", -1, PATH_BENEATH, 0),
        "restrict_self_flags": _flags(caller, "restrict_self", -1),
    }


def _field(caller: Caller, place: int) -> int:
    attrs = [bytes(8 * place) + struct.pack("<Q", 1 << bit) for bit in range(64)]
    gave = caller.each("landlock_create_ruleset", *((it, len(it), 0) for it in attrs))
    return sum(1 << bit for bit, fd in enumerate(gave) if fd >= 0)


def _flags(caller: Caller, name: str, *arguments: int) -> int:
    """An unknown flag is EINVAL; with a known one, the ruleset is found to be none."""
    gave = caller.each(f"landlock_{name}", *((*arguments, 1 << bit) for bit in range(32)))
    return sum(1 << bit for bit, value in enumerate(gave) if value != -EINVAL)


def _attr_size(caller: Caller) -> int:
    """The end of the last field in which something else than zeros is looked at."""
    sizes = range(16, 129, 8)
    attrs = [(struct.pack("<Q", READ_FILE) + bytes(it - 16) + b"\xff" * 8, it, 0) for it in sizes]
    gave = caller.each("landlock_create_ruleset", *attrs)
    known = [size for size, value in zip(sizes, gave, strict=True) if value != -E2BIG]
    return max(known, default=8)
