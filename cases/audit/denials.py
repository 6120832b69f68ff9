# SPDX-License-Identifier: MIT
"""Denials of every kind: which layer the log and the trace name, and when they are silent."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from signal import SIGUSR1
from socket import AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM
from typing import TypeAlias

from cases.fs.ioctl import open_and_ask
from cases.fs.roots import new_root
from cases.net.calls import bind_tcp, connect_tcp, sendto_udp
from cases.processes import attach, raise_sigio
from cases.scope.abstract import connect, sendto
from cases.scope.signals import kill, pid
from suite.case import (
    FS, NET, SCOPE, Need, Observation, Process, Ruleset, Tree, abstract, inet, unix,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A process outside of every domain, another one that is acted on, files, and a port."""

    process: Process
    target: Process
    tree: Tree
    port: int


Attempt: TypeAlias = Callable[[Process, Scene], Observation]
UNSCOPED = Ruleset(fs=FS.MAKE_BLOCK)


@dataclass(frozen=True, slots=True)
class Denial:
    """A layer that denies, one that is as like it as can be and does not, and what is denied."""

    denies: Ruleset
    blocker: str
    """As the log names it."""
    attempt: Attempt
    allows: Ruleset = UNSCOPED
    rule: Callable[[Ruleset, Scene], Ruleset] = lambda ruleset, scene: ruleset
    """What makes ``allows`` allow it."""
    errno: str = "EPERM"
    event: str = "deny_access_fs"
    prepare: Callable[[Scene], object] = lambda scene: None
    start: Callable[[Process, Tree], Process] = lambda process, tree: process.fork()
    """Whom the domains are made by, or the parents of those."""
    needs: tuple[Need, ...] = ()
    innermost: bool = False
    """It is the innermost layer that denies, whatever that is about."""
    other_denies: bool = False
    """A layer about something else denies, too, if it is in one that is about this."""
    objects: int = 1
    """Each has a record of its own."""

    @property
    def other(self) -> Ruleset:
        """A layer of another kind: about ports where this is not, else about files."""
        return UNSCOPED if self.denies.net else Ruleset(net=NET.CONNECT_TCP)

    def begin(self, process: Process, tree: Tree, port: int) -> Scene:
        """Set the scene."""
        scene = Scene(self.start(process, tree), process.fork(), tree, port)
        scene.target.block_signals(SIGUSR1)
        self.prepare(scene)
        return scene

    def control(self, process: Process, tree: Tree, port: int) -> Observation:
        """The same outside of every domain, with files and a port of its own."""
        scene = self.begin(process, tree, port)
        return self.attempt(scene.process, scene)


def act(action: Callable[[Process, Scene], object]) -> Attempt:
    return lambda process, scene: process.observe(action, scene)


def sigio(process: Process, scene: Scene) -> Observation:
    """Nobody is told: the target finds no signal."""
    raise_sigio(process, pid(scene.target))
    return scene.target.observe(Process.take_signal, SIGUSR1)


def file(right: FS, attempt: Attempt, folder: str = "", errno: str = "EACCES") -> Denial:
    """``folder``: the absolute path of where a rule allows it, if that is not the tree."""
    return Denial(
        denies=Ruleset(fs=right),
        blocker=right.labels[0],
        attempt=attempt,
        allows=Ruleset(fs=right),
        rule=lambda ruleset, scene: ruleset.allow(folder or scene.tree.path, right),
        errno=errno,
    )


def port(right: NET, call: Callable[[Process, int, int], object], kind: int = 0) -> Denial:
    """``kind``: of the socket that waits at the port, if one does."""
    return Denial(
        denies=Ruleset(net=right),
        blocker=right.labels[0],
        attempt=act(lambda process, scene: call(process, AF_INET, scene.port)),
        allows=Ruleset(net=right),
        rule=lambda ruleset, scene: ruleset.allow_port(scene.port, right),
        errno="EACCES",
        event="deny_access_net",
        prepare=lambda scene: kind and scene.target.server(AF_INET, kind, inet(scene.port)),
        needs=(Need.NET,),
    )


def scope(
    right: SCOPE,
    attempt: Attempt,
    event: str,
    errno: str = "EPERM",
    prepare: Callable[[Scene], object] = lambda scene: None,
) -> Denial:
    return Denial(
        denies=Ruleset(scope=right),
        blocker=right.labels[0],
        attempt=attempt,
        errno=errno,
        event=event,
        prepare=prepare,
    )


def abstract_server(kind: int) -> Callable[[Scene], object]:
    return lambda scene: scene.target.server(AF_UNIX, kind, abstract(scene.tree.path))


def pathname(scene: Scene) -> bytes:
    return unix(f"{scene.tree.path}/socket")


SIGNAL, ABSTRACT = SCOPE.SIGNAL, SCOPE.ABSTRACT_UNIX_SOCKET
ABSTRACT_EVENT = "deny_scope_abstract_unix_socket"
DENIALS = {
    "open": file(FS.READ_FILE, act(lambda p, scene: p.open(scene.tree.file, os.O_RDONLY))),
    "truncate-opened": file(
        FS.TRUNCATE, act(lambda p, scene: p.ftruncate(p.open(scene.tree.file, os.O_WRONLY)))
    ),
    "ioctl-opened": file(FS.IOCTL_DEV, act(lambda p, _: open_and_ask(p)), "/dev"),
    "make-folder": file(FS.MAKE_DIR, act(lambda p, scene: p.mkdir(f"{scene.tree.d1}/new"))),
    "reparent": replace(
        file(
            FS.REFER,
            act(lambda p, scene: p.rename(scene.tree.file, f"{scene.tree.sub}/new")),
            errno="EXDEV",
        ),
        other_denies=True,
        objects=2,
    ),
    "pathname": replace(
        file(
            FS.RESOLVE_UNIX,
            act(lambda p, scene: p.connect(p.socket(AF_UNIX, SOCK_STREAM), pathname(scene))),
        ),
        prepare=lambda scene: scene.target.server(AF_UNIX, SOCK_STREAM, pathname(scene)),
    ),
    "mount": Denial(
        denies=Ruleset(fs=FS.EXECUTE).allow("/", FS.EXECUTE),
        blocker="fs.change_topology",
        attempt=act(lambda p, _: p.mount("tmpfs", "/folder", "tmpfs")),
        allows=Ruleset(scope=SCOPE.SIGNAL),
        start=new_root,
        needs=(Need.MOUNT,),
    ),
    "bind-tcp": port(NET.BIND_TCP, bind_tcp),
    "connect-tcp": port(NET.CONNECT_TCP, connect_tcp, SOCK_STREAM),
    "sendto-udp": port(NET.CONNECT_SEND_UDP, sendto_udp, SOCK_DGRAM),
    "signal": scope(SIGNAL, act(lambda p, scene: kill(p, pid(scene.target))), "deny_scope_signal"),
    "sigio": scope(SIGNAL, sigio, "deny_scope_signal", "EAGAIN"),
    "abstract-stream": scope(
        ABSTRACT,
        act(lambda p, scene: connect(p, abstract(scene.tree.path))),
        ABSTRACT_EVENT,
        prepare=abstract_server(SOCK_STREAM),
    ),
    "abstract-datagram": scope(
        ABSTRACT,
        act(lambda p, scene: sendto(p, abstract(scene.tree.path))),
        ABSTRACT_EVENT,
        prepare=abstract_server(SOCK_DGRAM),
    ),
    "attach": Denial(
        denies=UNSCOPED,
        blocker="ptrace",
        attempt=act(lambda p, scene: attach(p, pid(scene.target))),
        event="deny_ptrace",
        innermost=True,
    ),
}
