# SPDX-License-Identifier: MIT
"""What the audit log and the trace have in common: both tell of Landlock while they are on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Generic, Self, TypeVar

from suite.process.process import Observation, Process
from suite.process.promise import Call, Later

T = TypeVar("T")


class Witness(ABC, Generic[T]):
    """Something that the kernel writes entries to: records of the log, or events of the trace.

    It is on in a ``with`` block. Every entry is given once, in order: to who takes what is there,
    or to who waits until a domain is freed.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        """Who reads."""
        self._unread: list[Observation] = []
        """What was received and not yet looked at, since that waits for the target's answer."""

    @abstractmethod
    def take(self) -> Later[T]:
        """The entries since they were last taken; to be looked at after the block, too."""

    @property
    def on(self) -> bool:
        """Whether the kernel writes entries at all."""
        return True

    def until_freed(self, *domains: str) -> list[T]:
        """The entries until the last of these domains is freed, with those that tell of it.

        The kernel frees a domain by itself, some time after its last process: this waits for it.
        """
        found: list[T] = []
        while self.on and set(domains) - {self._freed(entry) for entry in found}:
            found += self._next()
        return found

    def __enter__(self) -> Self:
        self._prepare()
        self._switch(on=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session = self._process.session
        off = self._switch(on=False)
        session.flush()
        if off.index not in off.batch.records:  # left out, since a call before it failed
            self._switch(on=False)
            session.flush()

    @abstractmethod
    def _prepare(self) -> None:
        """Open what it is read from."""

    @abstractmethod
    def _switch(self, *, on: bool) -> Call:
        """Have the kernel write entries, or no more of them."""

    @abstractmethod
    def _next(self) -> list[T]:
        """One entry more, or some; where there is none, wait for it."""

    @abstractmethod
    def _freed(self, entry: T) -> str | None:
        """The domain that an entry says is freed."""
