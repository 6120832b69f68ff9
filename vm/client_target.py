# SPDX-License-Identifier: MIT
"""A target on which somebody else's enforcer makes the domains: ``client:NAME[+MODE]@TARGET``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from suite.agent import build
from suite.clients.description import Client, find, parted, read
from suite.clients.enforcer import ByClient
from suite.command.tree import BIND, Mount, enter
from suite.errors import InfrastructureError, UsageError
from suite.judge.enforced import ClientFacts
from suite.judge.records import Verdict
from suite.process.process import Process
from suite.process.promise import SetupError
from suite.process.uapi import MNT_DETACH
from suite.targets.base import SUPERVISOR, Ground, Target
from suite.targets.ground import furnish
from suite.targets.local import LocalTarget
from suite.targets.lying import lie
from suite.targets.lying_kernel import LYING, apart
from suite.targets.schemes import Scheme
from suite.targets.shapes import Shape
from suite.witness.tracefs import TRACED_SINCE
from vm import trees
from vm.folders import Folder
from vm.target import VM, store_of, stored
from vm.tree_target import TreeTarget

CLIENT = "client:"
_HERE = "/home"
"""Where a tree has the folder of a description: an empty one that every tree has."""
_MEMORY_MIB = 1024


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of such a target's name."""

    whole: str
    client: str
    """A name, or the path of a description."""
    mode: str
    target: str
    """``local`` or ``vm:NAME``."""
    shape: Shape | None
    """How the kernel lies, as of ``lying:SHAPE/TARGET``; None of an honest one."""

    @classmethod
    def of(cls, text: str) -> Name:
        """Take a name apart.

        Raises:
            UsageError: It is none.
        """
        who, at, target = text.removeprefix(CLIENT).rpartition("@")
        client, mode = parted(who)
        shape = None
        if target.startswith(LYING):
            shape, target = apart(target)
        if not (at and client and target):
            raise UsageError(f"{text}: such a target is called {Clients.usage}")
        if target != "local" and not target.startswith(VM):
            raise UsageError(
                f"{text}: clients run on local, vm:NAME and lying:SHAPE/ with one of these"
            )
        return cls(text, client, mode, target, shape)


class Clients(Scheme):
    """``client:NAME[+MODE]@TARGET``; its options are those of ``vm:``."""

    usage = f"{CLIENT}NAME[+MODE]@TARGET"

    def make(self, name: str, config: pytest.Config) -> ClientTarget:
        """The target; its tree and its kernel are there already."""
        parts = Name.of(name)
        path = find(parts.client)
        client = read(path)
        order = order_of(client)
        tree = trees.tree(order) if order else Path("/")
        if parts.mode and parts.mode not in client.modes:
            modes = ", ".join(client.modes) or "none"
            raise UsageError(f"{name}: {client.name} has no mode {parts.mode}; it has {modes}")
        here = path.parent.resolve()
        folders = [Folder(tree, "/"), Folder(here, _HERE if client.source.suite else str(here))]
        inner = _inner(name, parts.target, folders, config)
        return ClientTarget(inner, client, parts, folders)


def order_of(client: Client) -> trees.TreeOrder | None:
    """The tree in which a client's programs are; None if that is this machine's own."""
    source = client.source
    if not source.suite:
        return None
    return trees.TreeOrder(source.suite, source.packages, source.wheels, source.built)


def _inner(name: str, target: str, folders: Sequence[Folder], config: pytest.Config) -> Target:
    if target == "local":
        return LocalTarget()
    return TreeTarget(
        name,
        stored(target, store_of(config), config),
        folders,
        accelerator=config.getoption("accel"),
        consoles=config.getoption("consoles"),
        memory_mib=_MEMORY_MIB,
    )


class ClientTarget(Target):
    """A target whose cases have their own domains, and then those of a client.

    Args:
        inner: Where the cases run.
        client: Who makes domains.
        parts: Of the name.
        folders: The tree, which is the root of all that runs there, and that of the description.
    """

    def __init__(
        self, inner: Target, client: Client, parts: Name, folders: Sequence[Folder]
    ) -> None:
        self.name = parts.whole
        self.kernel = inner.kernel
        self.disposable = inner.disposable
        self._inner = inner
        self._description = client
        self._parts = parts
        self._folders = folders

    def start(self) -> Ground:
        """Bring the target up, with the client's files as the root of all processes of cases."""
        inner = self._inner.start()
        self.began = self._inner.began
        session = inner.session
        session.shares_memory = False  # which a client that is executed can't
        if isinstance(self._inner, LocalTarget):
            if not inner.private:
                raise InfrastructureError(
                    "clients on local need namespaces of their own: run landproof as root, or"
                    " where users may make user namespaces"
                )
            root = inner.root.fork()
            root.umount("/tmp", MNT_DETACH)  # noqa: S108 (ours hides what may be the client's)
            mounts: Sequence[Mount] = _bound(self._folders)
        else:
            assert isinstance(self._inner, TreeTarget)  # noqa: S101 (there is no other)
            root, mounts = Process(session, SUPERVISOR).fork(), self._inner.mounts
        try:
            enter(root, mounts, "/")
            session.flush()
        except SetupError as error:
            raise InfrastructureError(f"{self.name} was not made ready: {error}") from error
        if self._parts.shape:
            root = lie(root, self._parts.shape)
        agent = build.agent(inner.facts.machine)
        ground = furnish(session, root, agent.read_bytes(), private=True)
        started = f"{ground.place}/started"
        root.write_file(started, agent.read_bytes(), mode=0o755)
        return self._with_client(ground, started)

    def _with_client(self, ground: Ground, started: str) -> Ground:
        """Make the client, and tell of it among the facts.

        What it starts is a file of its own: a rule on the one that cases execute would be seen.
        """
        description, mode = self._description, self._parts.mode
        here = _HERE if description.source.suite else str(self._folders[-1].source)
        words = tuple(word.replace("{here}", here) for word in description.command)
        client = msgspec.structs.replace(description, command=words)
        by = ByClient(
            client, client.modes[mode] if mode else (), started, is_traced=self._is_traced(ground)
        )
        self.client = by
        told = ClientFacts(
            name=client.name,
            mode=mode,
            version=self._version(),
            knows=client.knows,
            canary=by.canary(ground.root) if client.is_canary else None,
        )
        return replace(ground, facts=msgspec.structs.replace(ground.facts, client=told))

    def _is_traced(self, ground: Ground) -> bool:
        """Whether the kernel itself tells what it is asked for; one that lies tells the truth."""
        can = self.disposable and ground.facts.tracefs and ground.facts.abi >= TRACED_SINCE
        return can and not self._parts.shape

    def _version(self) -> str:
        client = self._description
        if not client.version_of:
            return client.version
        return trees.versions(self._folders[0].source).get(client.version_of, "")

    def modules(self, name: str) -> Iterable[bytes]:
        """As of the target beneath."""
        return self._inner.modules(name)

    def stop(self) -> None:
        """Take it down."""
        self._inner.stop()

    def autopsy(self) -> tuple[Verdict, str]:
        """As of the target beneath."""
        return self._inner.autopsy()


def _bound(folders: Iterable[Folder]) -> list[Mount]:
    """Folders of this machine, as a process of this machine mounts them, and its devices."""
    return [
        *(Mount(str(it.source), BIND, "", it.path, it.writable) for it in folders),
        Mount("/dev", BIND, "", "/dev", writable=True),
    ]
