# SPDX-License-Identifier: MIT
"""Every feature by plain calls: is it refused, and how; or does it do what it is there for?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from suite.values import Out
from tests.plain_calls import (
    AT_FDCWD,
    EACCES,
    EPERM,
    EXDEV,
    NAMES,
    O_PATH,
    PATH_BENEATH,
    PR_GET_NO_NEW_PRIVS,
    PR_SET_NO_NEW_PRIVS,
    READ_FILE,
    Caller,
    Scene,
    abstract,
    address,
    inet,
    rule,
    unix,
)  # fmt: skip

PROVIDED = "provided"
VERSION, ERRATA = 1, 2
QUIET = 1
NULL_DEVICE = 0x103
REMOVE_DIR = 0x200
Act = Callable[[Caller, str], int]


@dataclass(frozen=True, slots=True)
class Denial:
    """An attribute, the call that it has to deny, and the errno."""

    fields: tuple[int, ...]
    act: Act
    errno: int = EACCES
    flags: int = 0


def fs(bit: int, act: Act, errno: int = EACCES) -> Denial:
    return Denial((1 << bit,), act, errno)


def net(bit: int, act: Act) -> Denial:
    return Denial((0, 1 << bit), act)


def scoped(bit: int, act: Act) -> Denial:
    return Denial((0, 0, 1 << bit), act, EPERM)


def flagged(bit: int) -> Denial:
    return Denial((READ_FILE,), read, flags=1 << bit)


def read(caller: Caller, folder: str) -> int:
    return caller.open(f"{folder}/file")


def make(kind: int, device: int = 0) -> Act:
    return lambda c, d: c("mknodat", AT_FDCWD, f"{d}/new", kind | 0o600, device)


def remove(name: str, flags: int = 0) -> Act:
    return lambda c, d: c("unlinkat", AT_FDCWD, f"{d}/{name}", flags)


def move(caller: Caller, folder: str) -> int:
    old, new = f"{folder}/file", f"{folder}/sub/file"
    return caller("renameat2", AT_FDCWD, old, AT_FDCWD, new, 0)


def ask_device(caller: Caller, folder: str) -> int:
    return caller("ioctl", caller.open("/dev/random"), 0x80045200, Out(4))


def connect_unix(caller: Caller, folder: str) -> int:
    return caller("connect", caller("socket", 1, 1, 0), *address(unix(f"{folder}/socket")))


def to_port(call: str, kind: int, port: int) -> Act:
    return lambda c, _: c(call, c("socket", 2, kind, 0), *address(inet(port)))


def connect_abstract(caller: Caller, folder: str) -> int:
    return caller("connect", caller("socket", 1, 1, 0), *address(abstract(folder)))


STREAM, DATAGRAM, ANY_PORT, DISCARD = 1, 2, 0, 9
DENIALS = {
    "fs.execute": fs(0, lambda c, d: c.execute(f"{d}/program")),
    "fs.write_file": fs(1, lambda c, d: c.open(f"{d}/file", 1)),
    "fs.read_file": fs(2, read),
    "fs.read_dir": fs(3, lambda c, d: c.open(d, 0o200000)),
    "fs.remove_dir": fs(4, remove("sub", REMOVE_DIR)),
    "fs.remove_file": fs(5, remove("file")),
    "fs.make_char": fs(6, make(0o020000, NULL_DEVICE)),
    "fs.make_dir": fs(7, lambda c, d: c("mkdirat", AT_FDCWD, f"{d}/new", 0o755)),
    "fs.make_reg": fs(8, make(0o100000)),
    "fs.make_sock": fs(9, make(0o140000)),
    "fs.make_fifo": fs(10, make(0o010000)),
    "fs.make_block": fs(11, make(0o060000, NULL_DEVICE)),
    "fs.make_sym": fs(12, lambda c, d: c("symlinkat", "file", AT_FDCWD, f"{d}/new")),
    "fs.refer": fs(13, move, EXDEV),
    "fs.truncate": fs(14, lambda c, d: c("truncate", f"{d}/file", 0)),
    "fs.ioctl_dev": fs(15, ask_device),
    "fs.resolve_unix": fs(16, connect_unix),
    "net.bind_tcp": net(0, to_port("bind", STREAM, ANY_PORT)),
    # Where nobody listens, connect(2) comes to ECONNREFUSED: Landlock, if asked, says no before.
    "net.connect_tcp": net(1, to_port("connect", STREAM, DISCARD)),
    "net.bind_udp": net(2, to_port("bind", DATAGRAM, ANY_PORT)),
    "net.connect_send_udp": net(3, to_port("connect", DATAGRAM, DISCARD)),
    "scope.abstract_unix_socket": scoped(0, connect_abstract),
    "scope.signal": scoped(1, lambda c, _: c("kill", c("getppid"), 0)),
    "restrict.log_same_exec_off": flagged(0),
    "restrict.log_new_exec_on": flagged(1),
    "restrict.log_subdomains_off": flagged(2),
}


def denied(denial: Denial, scene: Scene) -> str:
    """Whether a process in a domain is denied what one outside is not."""
    for name in (scene.free, scene.held):
        server = scene.outside("socket", 1, 1, 0)
        scene.outside("bind", server, *address(abstract(name)))
        scene.outside("listen", server, 1)
    scene.inside.enforce(*denial.fields, flags=denial.flags)
    came_to = denial.act(scene.inside, scene.held)
    # A child of the one outside, for a signal that would go to nobody else's parent.
    control = denial.act(scene.outside.fork(), scene.free)
    return differ(came_to, control, denial.errno)


def differ(came_to: int, control: int, errno: int) -> str:
    """``provided``, or what else was seen."""
    if came_to == -errno != control:
        return PROVIDED
    return f"{_name(came_to)} in a domain, {_name(control)} outside"


def _name(value: int) -> str:
    return NAMES.get(-value, str(value))


def synchronized(scene: Scene) -> str:
    """A thread that was there before is denied what its process is."""
    sibling = scene.inside.thread()
    scene.inside.enforce(READ_FILE, flags=1 << 3)
    return differ(read(sibling, scene.held), read(scene.outside, scene.free), EACCES)


def no_new_privs(scene: Scene) -> str:
    """The flag alone lets who has no privilege enter a domain."""
    scene.inside.fork().enforce(READ_FILE, flags=1 << 4)
    caller = scene.inside
    caller.drop_capabilities()
    caller.landlock("restrict_self", caller.ruleset(READ_FILE), 1 << 4)
    if caller("prctl", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        return "accepted, and no_new_privs is not set"
    return differ(read(caller, scene.held), read(scene.outside, scene.free), EACCES)


def quiet(scene: Scene) -> str:
    """A rule that is accepted without the flag is so with it; who denies goes on to deny."""
    caller = scene.inside
    fd = _quiet_ruleset(caller)
    attr = rule(READ_FILE, caller.open(f"{scene.held}/sub", O_PATH))
    caller.landlock("add_rule", fd, PATH_BENEATH, attr, 0)
    caller.landlock("add_rule", fd, PATH_BENEATH, attr, QUIET)
    caller("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    caller.landlock("restrict_self", fd, 0)
    return differ(read(caller, scene.held), read(scene.outside, scene.free), EACCES)


def _quiet_ruleset(caller: Caller) -> int:
    """With a mask of quiet rights if the kernel knows such; else of 48 bytes, zeros behind."""
    fd = caller("landlock_create_ruleset", _masks(READ_FILE), 48, 0)
    return fd if fd >= 0 else caller.ruleset(READ_FILE, 0, 0, 0, 0, 0)


def _masks(quiet: int) -> bytes:
    return b"".join(it.to_bytes(8, "little") for it in (READ_FILE, 0, 0, quiet, 0, 0))


def query(flag: int) -> Callable[[Scene], str]:
    def ask(scene: Scene) -> str:
        scene.inside.landlock("create_ruleset", 0, 0, flag)
        return PROVIDED

    return ask


ASKED: dict[str, Callable[[Scene], str]] = {
    **{
        label: lambda scene, denial=denial: denied(denial, scene)  # type: ignore[misc]
        for label, denial in DENIALS.items()
    },
    "restrict.tsync": synchronized,
    "restrict.no_new_privs": no_new_privs,
    "add_rule.quiet": quiet,
    "create.version": query(VERSION),
    "create.errata": query(ERRATA),
}
"""Of every feature: ``provided``, or what else it does; the refusal of a call is raised."""


def masks(scene: Scene) -> str:
    """A ruleset with a mask of quiet rights."""
    scene.inside.landlock("create_ruleset", _masks(READ_FILE), 48, 0)
    return PROVIDED


def unprivileged(scene: Scene) -> str:
    """The flag of who has neither a privilege nor no_new_privs."""
    caller = scene.inside
    caller.drop_capabilities()
    caller.landlock("restrict_self", caller.ruleset(READ_FILE), 1 << 4)
    return PROVIDED


OTHERWISE = {"add_rule.quiet": masks, "restrict.no_new_privs": unprivileged}
"""What more stands in the way of some."""
