# SPDX-License-Identifier: MIT
"""Processes for which the kernel has no memory, from one allocation to the next."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from cases.syscalls.groups import Group
from suite.case import CLONE_NEWNS, Call, Observation, Out, Process, Tree
from suite.process.around import Around

_FD = 300
"""By this descriptor a subject says when it is to lack memory."""
_NONE, _UNLIMITED = b"0", b"max"
"""What is written there when there is to be memory again."""
_CONSOLE_OFF, _CONSOLE_ON = 6, 7


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone(2)."""

    make: Callable[[Process, Around | None], Process]
    """Gives the process or thread."""


@dataclass(frozen=True, slots=True)
class Short:
    """What was observed while there was no memory."""

    observed: Observation
    left: Call | None = None
    """What is left of a countdown to the allocation that fails; None if nothing tells of it."""

    @property
    def met(self) -> bool | None:
        """Whether an allocation failed; None if only the outcome can tell."""
        if self.left is None or self.left.failure:
            return None
        return self.left.data.rstrip(b"\0").strip() == b"0"


class Shortage(ABC):
    """A way to have allocations fail, one after the other."""

    at_once: int
    """How many attempts may be in flight."""
    enough: int | None = None
    """After so many failures there is nothing new to see."""
    rounds = 1
    """How often all attempts are made."""

    @abstractmethod
    def attempts(self) -> Iterable[int]:
        """Numbers of attempts, for ``observe``; without an end if attempts tell where to end."""

    @abstractmethod
    def subject(self) -> Process:
        """A new process, for one attempt."""

    @abstractmethod
    def observe(self, number: int, subject: Process, call: Callable[..., object]) -> Short:
        """What a call of a subject comes to; behind it there is memory again."""

    @abstractmethod
    def observe_clone(self, number: int, subject: Process, clone: Clone) -> tuple[Short, Process]:
        """The same of clone(2) alone, and the process or thread, if it is there."""


class FailNth(Shortage):
    """The n-th allocation of a thread fails: in the first attempt the first, and so on.

    Source: Documentation/fault-injection/fault-injection.rst, "proc entries", fail-nth.

    Args:
        parent: Of the subjects.
        tree: Where debugfs can be mounted.
    """

    at_once = 8

    def __init__(self, parent: Process, tree: Tree) -> None:
        self._parent = parent
        keeper, place = parent.fork(), tree.d2
        keeper.unshare(CLONE_NEWNS)
        keeper.mount("debugfs", place, "debugfs")
        # Else those that may wait for memory never fail, and each that fails is told of at length.
        keeper.write_file(f"{place}/failslab/ignore-gfp-wait", b"N")
        keeper.write_file(f"{place}/failslab/verbose", b"0")

    def attempts(self) -> Iterable[int]:
        """Each allocation in turn."""
        return count(1)

    def subject(self) -> Process:
        """A child that counts its allocations."""
        subject = self._parent.fork()
        self.aim(subject)
        return subject

    @staticmethod
    def aim(thread: Process) -> None:
        """Have a thread lack memory: a subject, or a sibling of a subject in its place."""
        thread.dup_to(thread.open("/proc/thread-self/fail-nth", os.O_RDWR), _FD)

    def observe(self, number: int, subject: Process, call: Callable[..., object]) -> Short:
        """What a call comes to if this allocation of it fails, counted from 1."""
        subject.write(_FD, b"%d" % number)
        observed = subject.observe(call)
        left = subject.syscall("pread64", _FD, Out(16), 16, 0)
        subject.write(_FD, _NONE)
        return Short(observed, left)

    def observe_clone(self, number: int, subject: Process, clone: Clone) -> tuple[Short, Process]:
        """The same of clone(2)."""
        observed, made = _cloned(subject, clone, Around(_FD, b"%d" % number, _NONE))
        return Short(observed, made.pid), made


class FailNthAgain(FailNth):
    """The same, one attempt at a time, and all of them several times.

    For calls whose allocations depend on what earlier ones left: the stack of a task that has ended
    is kept for the next one, objects take a page that has room or a new one. So what is the n-th
    allocation of one attempt may be the next but two of another, and what lies between is met in
    another round.
    """

    at_once, rounds = 1, 3


class MemoryLimit(Shortage):
    """A memory cgroup is full, and nobody in it may be killed for that: charges fail.

    Which allocation of a call is the first to fail is chance: small objects are charged by bytes of
    a page that was charged as a whole, and others are freed meanwhile, in the same group. So a call
    may also succeed.

    Source: Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files", memory.max;
    Documentation/filesystems/proc.rst, /proc/<pid>/oom_score_adj.
    """

    at_once = 2
    enough: int | None = 3
    _step = 0
    """So many bytes more are left in each attempt than in the one before."""

    def __init__(self, keeper: Process, tree: Tree) -> None:
        place = f"{tree.path}/groups"
        keeper.mkdir(place)
        self._keeper = keeper
        self._group = Group(keeper, place)
        member = self._group.member
        member.write_file("/proc/self/oom_score_adj", b"-1000")
        member.dup_to(member.open(self._group.limit_file, os.O_WRONLY), _FD)

    def attempts(self) -> Iterable[int]:
        """So many that some fail."""
        return range(48)

    def subject(self) -> Process:
        """A member of the group."""
        return self._group.member.fork()

    def observe(self, number: int, subject: Process, call: Callable[..., object]) -> Short:
        """What a call comes to while the group is full."""
        limit = self._limit(number)
        with self._quietly():
            # By the subject itself: to be told what to do next would take memory, too.
            subject.write(_FD, limit)
            observed = subject.observe(call)
            subject.write(_FD, _UNLIMITED)
        return Short(observed)

    def observe_clone(self, number: int, subject: Process, clone: Clone) -> tuple[Short, Process]:
        """The same of clone(2), which has to leave parent and child in one memory.

        Else the parent would need a copy of its stack before it could lift the limit.
        """
        around = Around(_FD, self._limit(number), _UNLIMITED)
        with self._quietly():
            observed, made = _cloned(subject, clone, around)
        return Short(observed), made

    def _limit(self, number: int) -> bytes:
        return b"%d" % (self._group.charged() + number * self._step)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """The kernel tells of each charge that fails at length: not on the console."""
        self._keeper.syscall("syslog", _CONSOLE_OFF, 0, 0)
        yield
        self._keeper.syscall("syslog", _CONSOLE_ON, 0, 0)


class GrowingLimit(MemoryLimit):
    """The same with room for a page more in each attempt.

    For calls that take whole pages before anything else: of a full group, those alone would fail.
    """

    enough = None
    _step = 4096


def _cloned(subject: Process, clone: Clone, around: Around) -> tuple[Observation, Process]:
    made: list[Process] = []
    observed = subject.observe(lambda process: made.append(clone.make(process, around)))
    return observed, made[0]
