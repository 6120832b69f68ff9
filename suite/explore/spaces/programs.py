# SPDX-License-Identifier: MIT
"""All programs of three calls, out of forty that interact: all is done in one domain to begin with.

Its layer gives the folders ``a`` and ``b`` rights of their own. Some of the calls enforce a further
layer, or go on in a child or a thread.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass

from suite.explore.space import Scene, Space, digits
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import FS, NET, SCOPE, known_bits
from suite.landlock.ruleset import Ruleset
from suite.process.calls.sockets import inet
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import RENAME_EXCHANGE

_CALLS = 3
_PORT = 80
_NOWHERE = inet(_PORT, "192.0.2.1")
_KEPT = 400
"""The descriptor of a file that one call opens and others use; nothing else has it."""
_COMMON = FS.READ_FILE | FS.WRITE_FILE | FS.MAKE_REG | FS.REMOVE_FILE | FS.REFER
_A = _COMMON | FS.MAKE_DIR | FS.MAKE_SYM | FS.READ_DIR
_B = _COMMON | FS.TRUNCATE | FS.REMOVE_DIR | FS.MAKE_FIFO
_HANDLED = _A | _B


@dataclass(slots=True)
class _Run:
    """A program while it is made."""

    scene: _Set
    process: Process
    """The one that makes the next call."""
    number: int

    def a(self, name: str = "") -> str:
        return f"a/{self.number}/{name}"

    def b(self, name: str = "") -> str:
        return f"b/{self.number}/{name}"

    def open(self, path: str, flags: int) -> Call:
        return self.process.open(path, flags | os.O_NONBLOCK)  # a FIFO would be waited for

    def enforce(self, name: str) -> None:
        if (ruleset := self.scene.rulesets[name]) is not None:
            self.process.restrict_self(ruleset)

    def keep(self, flags: int) -> None:
        self.process.dup_to(self.process.open(self.a("f"), flags), _KEPT)

    def fork(self) -> None:
        self.process = self.process.fork()

    def thread(self) -> None:
        self.process = self.process.thread()


_FILE = stat.S_IFREG
CALLS: dict[str, Callable[[_Run], object]] = {
    "open-a": lambda it: it.open(it.a("f"), os.O_RDONLY),
    "write-a": lambda it: it.open(it.a("f"), os.O_WRONLY),
    "write-b": lambda it: it.open(it.b("f"), os.O_WRONLY),
    "write-new-b": lambda it: it.open(it.b("g"), os.O_WRONLY),
    "truncate-open-a": lambda it: it.open(it.a("f"), os.O_WRONLY | os.O_TRUNC),
    "truncate-open-b": lambda it: it.open(it.b("f"), os.O_WRONLY | os.O_TRUNC),
    "create-a": lambda it: it.open(it.a("g"), os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    "create-b": lambda it: it.open(it.b("g"), os.O_RDONLY | os.O_CREAT),
    "truncate-a": lambda it: it.process.truncate(it.a("f")),
    "truncate-b": lambda it: it.process.truncate(it.b("f")),
    "truncate-new-b": lambda it: it.process.truncate(it.b("g")),
    "unlink-a": lambda it: it.process.unlink(it.a("f")),
    "unlink-b": lambda it: it.process.unlink(it.b("f")),
    "unlink-new-a": lambda it: it.process.unlink(it.a("g")),
    "rename-a": lambda it: it.process.rename(it.a("f"), it.a("g")),
    "rename-a-b": lambda it: it.process.rename(it.a("f"), it.b("g")),
    "rename-b-a": lambda it: it.process.rename(it.b("f"), it.a("g")),
    "rename-back": lambda it: it.process.rename(it.a("g"), it.b("f")),
    "exchange": lambda it: it.process.rename(it.a("f"), it.b("f"), RENAME_EXCHANGE),
    "link-a": lambda it: it.process.link(it.a("f"), it.a("g")),
    "link-a-b": lambda it: it.process.link(it.a("f"), it.b("g")),
    "link-b-a": lambda it: it.process.link(it.b("f"), it.a("g")),
    "mkdir-a": lambda it: it.process.mkdir(it.a("s")),
    "rename-dir-a-b": lambda it: it.process.rename(it.a("s"), it.b("s")),
    "rmdir-b": lambda it: it.process.rmdir(it.b("s")),
    "symlink-a": lambda it: it.process.symlink(f"../../b/{it.number}/f", it.a("l")),
    "open-link-a": lambda it: it.open(it.a("l"), os.O_WRONLY),
    "mkfifo-b": lambda it: it.process.mkfifo(it.b("g")),
    "list-a": lambda it: it.open(it.a(), os.O_RDONLY | os.O_DIRECTORY),
    "keep-a": lambda it: it.keep(os.O_RDWR),
    "ftruncate-kept": lambda it: it.process.ftruncate(_KEPT),
    "write-kept": lambda it: it.process.write(_KEPT, b"text"),
    "connect-tcp": lambda it: it.process.connect(it.scene.tcp, _NOWHERE),
    "send-udp": lambda it: it.process.sendto(it.scene.udp, b"", _NOWHERE),
    "signal-parent": lambda it: it.process.kill(it.scene.pid, 0),
    "enforce-read-only": lambda it: it.enforce("read-only"),
    "enforce-no-refer": lambda it: it.enforce("no-refer"),
    "enforce-closed": lambda it: it.enforce("closed"),
    "fork": _Run.fork,
    "thread": _Run.thread,
}
"""By name. A call that needs what another one makes fails without it."""


class _Set(Scene):
    tcp: Call
    udp: Call
    pid: Call
    rulesets: dict[str, Call | None]
    """The further layers; None of those that the kernel does not know."""

    def __init__(self, stage: Stage) -> None:
        holder = stage.holder
        folders = [f"{stage.folder}/{it}" for it in "ab"]
        nodes = []
        for folder in folders:
            holder.mkdir(folder)
            nodes.append(holder.open(stage.manner.reached(folder), os.O_PATH))
        holder.chdir(stage.folder)
        fs, net = known_bits(FS, stage.abi), known_bits(NET, stage.abi)
        rules = tuple((node, rights & fs) for node, rights in zip(nodes, (_A, _B), strict=True))
        self._base = stage.ruleset(Ruleset(fs=_HANDLED & fs, paths=rules))
        changing = FS.WRITE_FILE | FS.MAKE_REG | FS.REMOVE_FILE | FS.TRUNCATE
        closed = Ruleset(net=net, scope=known_bits(SCOPE, stage.abi))
        self.rulesets = {
            "read-only": holder.build(Ruleset(fs=changing & fs)),
            "no-refer": holder.build(
                Ruleset(fs=FS.MAKE_SYM, paths=tuple((node, FS.MAKE_SYM) for node in nodes))
            ),
            "closed": holder.build(closed) if net else None,
        }
        self.tcp = holder.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.udp = holder.socket(socket.AF_INET, socket.SOCK_DGRAM)
        holder.bind(self.udp, inet(30_000 + stage.key, "0.0.0.0"))  # noqa: S104 (or there would be no way out at all)
        self.pid = holder.getpid()

    def play(self, trial: Trial, number: int) -> None:
        process = trial.fork()
        for folder in "ab":
            process.mkdir(f"{folder}/{number}")
            process.mknod(f"{folder}/{number}/f", _FILE)
        run = _Run(self, trial.enforce(process, self._base), number)
        names = list(CALLS)
        for place, digit in enumerate(digits(number, *[len(CALLS)] * _CALLS), 1):
            trial.decide(f"{place} {names[digit]}", CALLS[names[digit]], run)


PROGRAMS = Space(
    "programs",
    f"all programs of {_CALLS} calls out of {len(CALLS)}, in a domain",
    len(CALLS) ** _CALLS,
    _Set,
    processes=_CALLS + 4,
    lasts=512,
    is_uniform=False,
    features={"": (FS.REFER, FS.TRUNCATE, *NET, SCOPE.SIGNAL)},
)
