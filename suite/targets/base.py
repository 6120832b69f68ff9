# SPDX-License-Identifier: MIT
"""What a target is to the cases: a place with an agent, and facts about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.judge.records import Facts, KernelBuild, Verdict
from suite.process.process import Process
from suite.process.session import Session
from suite.targets.client import Client

SUPERVISOR = 0
"""The agent's own process: what it forks is in no namespace of ours, unless told to be."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a started target gives to the cases."""

    session: Session
    root: Process
    """The process that every case's processes descend from."""
    sharing: Process
    """Its child, whose children may share its memory."""
    place: str
    """An empty folder for the cases' files: a private tmpfs wherever that is allowed."""
    agent: str
    """The path of the agent's binary there, executable."""
    private: bool
    """Whether the namespaces are ours, so that cases may mount and use any port."""
    facts: Facts


class Target(ABC):
    """One kernel that cases run on. ``start`` and ``stop`` may be called again and again."""

    name: str
    kernel: KernelBuild | None = None
    disposable: bool = False
    """Whether it may be harmed: a virtual machine of ours."""
    may_leak: bool = True
    """Whether it is looked at what it never frees: of a model, that tells nothing of a kernel."""
    asks: Callable[[Ground], None] = staticmethod(lambda _ground: None)
    """Asks a new ground all that cases may want to know. A target may do so while it starts, to
    know the answers at later starts, too."""
    client: Client | None = None
    """Somebody else's enforcer, once the target has started, that is tried on each case."""
    began: str = ""
    """How it came up last, ``booted`` or ``restored``; empty of what does neither."""

    @abstractmethod
    def start(self) -> Ground:
        """Bring it up.

        Raises:
            InfrastructureError: It does not come up.
        """

    def modules(self, name: str) -> Iterable[bytes]:
        """The images of a kernel module and of what it needs, to be loaded in this order.

        None of a kernel that is not ours to load modules into, or that has it built in.
        """
        return ()

    def reached(self) -> frozenset[tuple[str, int]]:
        """What of the kernel's Landlock code was run since it started, by file and counter.

        Nothing of a kernel that does not count. Not while calls of its session are in flight.
        """
        return frozenset()

    @abstractmethod
    def stop(self) -> None:
        """Take it down; nothing of it is left behind."""

    @abstractmethod
    def autopsy(self) -> tuple[Verdict, str]:
        """Why the agent is gone or silent: ``crashed`` or ``hung``, and what is known.

        ``lost`` if that is no fault of the kernel: the case is run again once.
        """
