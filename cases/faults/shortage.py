# SPDX-License-Identifier: MIT
"""Processes for which the kernel has no memory, from one allocation to the next."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from cases.syscalls.groups import Group
from suite.case import CLONE_NEWNS, Call, Observation, Out, Process, Tree

_FD = 300
"""By this descriptor a subject says when it is to lack memory."""
_CONSOLE_OFF, _CONSOLE_ON = 6, 7


@dataclass(frozen=True, slots=True)
class Short:
    """What was observed while there was no memory."""

    observed: Observation
    left: Call | None = None
    """What is left of a countdown to the allocation that fails; None if nothing tells of it."""

    @property
    def met(self) -> bool | None:
        """Whether an allocation failed; None if that is not known."""
        return None if self.left is None else self.left.data[: self.left.value].strip() == b"0"


class Shortage(ABC):
    """A way to have allocations fail, one after the other."""

    at_once: int
    """How many attempts may be in flight."""
    enough: int | None = None
    """After so many failures there is nothing new to see."""

    @abstractmethod
    def attempts(self) -> Iterable[int]:
        """Numbers of attempts, for ``observe``; without an end if attempts tell where to end."""

    @abstractmethod
    def subject(self) -> Process:
        """A new process, for one attempt."""

    @abstractmethod
    def observe(self, number: int, subject: Process, call: Callable[..., object]) -> Short:
        """What a call of a subject comes to; behind it there is memory again."""


class FailNth(Shortage):
    """The n-th allocation of a thread fails: in the first attempt the first, and so on.

    Source: Documentation/fault-injection/fault-injection.rst, "proc entries", fail-nth.

    Args:
        parent: Of the subjects.
        tree: Where debugfs can be mounted.
    """

    def __init__(self, parent: Process, tree: Tree) -> None:
        self._parent = parent
        self.at_once = 8
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
        subject.write(_FD, b"0")
        return Short(observed, left)


class MemoryLimit(Shortage):
    """A memory cgroup is full, and nobody in it may be killed for that: charges fail.

    Which allocation of a call is the first to fail is chance: small objects are charged by bytes of
    a page that was charged as a whole, and others are freed meanwhile, in the same group. So a call
    may also succeed.

    Source: Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files", memory.max;
    Documentation/filesystems/proc.rst, /proc/<pid>/oom_score_adj.
    """

    def __init__(self, keeper: Process, tree: Tree) -> None:
        place = f"{tree.path}/groups"
        keeper.mkdir(place)
        self.at_once, self.enough = 2, 3
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
        full = b"%d" % self._group.charged()
        # The kernel tells of each charge that fails at length.
        self._keeper.syscall("syslog", _CONSOLE_OFF, 0, 0)
        # By the subject itself: to be told what to do next would take memory, too.
        subject.write(_FD, full)
        observed = subject.observe(call)
        subject.write(_FD, b"max")
        self._keeper.syscall("syslog", _CONSOLE_ON, 0, 0)
        return Short(observed)
