# SPDX-License-Identifier: MIT
"""The flags of landlock_restrict_self(2) and landlock_add_rule(2): what they change, and what not.

First each rule with each flag, then each call with every set of flags, one that no kernel knows
among them, by whoever may or may not restrict itself. Then two calls in trees of at most four
tasks, processes and threads: what becomes of the domains and of no_new_privs of all of them.

Two rulesets tell which call was enforced on whom: the first one denies to write and to signal, the
second one to read. To set no_new_privs changes nothing else, and is asked for without a system call
that tells it by a value: who has it, or CAP_SYS_ADMIN, is refused a ruleset that is none by EBADF,
and others by EPERM.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from itertools import product
from typing import NamedTuple

from suite.explore.space import Scene, Space, forests
from suite.explore.trial import Stage, Trial
from suite.landlock.abi import (
    ADD_RULE,
    FS,
    NET,
    RESTRICT,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    SCOPE,
    known_bits,
)
from suite.landlock.ruleset import Ruleset, net_port, path_beneath
from suite.process.calls.sockets import inet
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import CAP_SYS_ADMIN
from suite.values import Fd

_MOST_TASKS = 4
_PORT = 80
_NO_RULESET, _CLOSED = -1, 900
"""Descriptors that nobody has."""
_NO_KIND = 1 << 30
"""A kind of rules that no kernel knows."""


class Rule(NamedTuple):
    """A call of landlock_add_rule(2), and what comes of it."""

    flags: int
    """Of them, the second one is unknown."""
    access: int
    """0: nothing; 1: a right that is handled; 2: one that is not."""
    kind: int
    """A file, a port, or what is no kind of rules."""
    quiet: int
    """Of what the ruleset may keep quiet: rights on files, 1; on ports, 2; or both."""


class Who(IntEnum):
    """What a caller has that it may restrict itself."""

    BOTH = 0
    NO_NEW_PRIVS = 1
    CAPABILITY = 2
    NEITHER = 3

    @property
    def is_capable(self) -> bool:
        """Whether it has CAP_SYS_ADMIN."""
        return self in (Who.BOTH, Who.CAPABILITY)

    @property
    def has_no_new_privs(self) -> bool:
        """Whether it has set no_new_privs."""
        return self in (Who.BOTH, Who.NO_NEW_PRIVS)


class Which(IntEnum):
    """The ruleset of a call."""

    RULESET = 0
    NONE = 1
    OTHER = 2
    """A file that is no ruleset."""
    CLOSED = 3


class Restrict(NamedTuple):
    """A call of landlock_restrict_self(2)."""

    flags: int
    """Of them, the last one is unknown."""
    which: Which
    who: Who


class Task(NamedTuple):
    """A task of a tree, and those that it makes."""

    is_thread: bool
    children: tuple[Task, ...]

    @property
    def size(self) -> int:
        """How many tasks there are."""
        return 1 + sum(it.size for it in self.children)

    @property
    def all(self) -> Iterator[Task]:
        """The tasks in the order in which they are made."""
        yield self
        for it in self.children:
            yield from it.all


class Way(NamedTuple):
    """A way to restrict oneself without CAP_SYS_ADMIN."""

    flags: RESTRICT
    has_ruleset: bool = True

    @property
    def sets_it_before(self) -> bool:
        """Whether no_new_privs is set by a call of its own."""
        return RESTRICT.NO_NEW_PRIVS not in self.flags


_TSYNC, _NO_NEW_PRIVS = RESTRICT.TSYNC, RESTRICT.NO_NEW_PRIVS
WAYS = (
    Way(RESTRICT(0)),
    Way(_TSYNC),
    Way(_NO_NEW_PRIVS),
    Way(_TSYNC | _NO_NEW_PRIVS),
    Way(RESTRICT.LOG_SUBDOMAINS_OFF, has_ruleset=False),
    Way(RESTRICT.LOG_SUBDOMAINS_OFF | _TSYNC, has_ruleset=False),
)
_WAYS_OF_MANY = (WAYS[1], WAYS[3])
"""Of the second call in the largest trees: those that reach other tasks."""


class Pair(NamedTuple):
    """Two calls in a tree."""

    root: Task
    first: int
    """Which task makes the first call, in the order in which they are made."""
    early: bool
    """Whether it does so before it makes its children; else when all are made."""
    one: Way
    second: int
    other: Way


Program = Rule | Restrict | Pair


@cache
def programs() -> tuple[Program, ...]:
    """All programs, by number; the smallest first."""
    rules = [Rule(*them[::-1]) for them in product(range(4), range(3), range(3), range(4))]
    flags = range(2 * (max(RESTRICT) << 1))
    calls = [Restrict(its, which, who) for its, which, who in product(flags, Which, Who)]
    pairs = [it for size in range(1, _MOST_TASKS + 1) for it in _pairs(size)]
    return (*rules, *calls, *pairs)


def _pairs(size: int) -> Iterator[Pair]:
    others = WAYS if size < _MOST_TASKS else _WAYS_OF_MANY
    for root in (it for it in _tasks(size) if not it.is_thread):
        firsts = [
            (number, early)
            for number, task in enumerate(root.all)
            for early in ((False, True) if task.children else (False,))
        ]
        for (first, early), one, second, other in product(firsts, WAYS, range(size), others):
            yield Pair(root, first, early, one, second, other)


@cache
def _tasks(size: int) -> tuple[Task, ...]:
    """All trees of so many tasks."""
    return tuple(
        Task(is_thread, children)
        for children in forests(size - 1, size - 1, _tasks)
        for is_thread in (False, True)
    )


Decide = Callable[..., None]
"""As ``Trial.decide``."""


class _Flags(Scene):
    def __init__(self, stage: Stage) -> None:
        holder = stage.holder
        holder.chdir(stage.folder)
        holder.write_file("f", b"text\n")
        self._file = holder.open("f", os.O_PATH)
        self._tcp = holder.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._net = known_bits(NET, stage.abi) & NET.CONNECT_TCP
        scope = known_bits(SCOPE, stage.abi) & SCOPE.SIGNAL
        self._first = holder.build(Ruleset(fs=FS.WRITE_FILE, scope=scope))
        self._second = holder.build(Ruleset(fs=FS.READ_FILE))
        self._is_capable = bool(stage.facts.capabilities >> CAP_SYS_ADMIN & 1)
        self._is_free = not stage.facts.standing.no_new_privs

    def play(self, trial: Trial, number: int) -> None:
        match programs()[number]:
            case Rule() as it:
                self._rule(trial, it)
            case Restrict() as it:
                self._restrict(trial, it)
            case Pair() as it:
                self._pair(trial, it)

    def _deciding(self, trial: Trial, who: Who) -> Decide:
        """What makes decisions, or leaves them out where a caller has more or less than asked."""
        is_shown = (self._is_capable or not who.is_capable) and (
            self._is_free or who.has_no_new_privs
        )
        return trial.decide if is_shown else lambda label, *_: trial.leave_out(label)

    def _rule(self, trial: Trial, it: Rule) -> None:
        process = trial.fork()
        process.no_new_privs()
        ruleset = Ruleset(
            fs=FS.WRITE_FILE,
            net=self._net,
            quiet_fs=FS.WRITE_FILE if it.quiet & 1 else FS(0),
            quiet_net=NET.CONNECT_TCP if it.quiet & 2 else NET(0),
        )
        made: list[Call] = []
        attr = ruleset.attr()
        trial.decide("create", lambda: made.append(process.create_ruleset(attr, attr.size)))
        (fd,) = made
        fs = (FS(0), FS.WRITE_FILE, FS.READ_FILE)[it.access]
        net = (NET(0), NET.CONNECT_TCP, NET.BIND_TCP)[it.access]
        kind, rule = (
            (RULE_PATH_BENEATH, path_beneath(fs, self._file)),
            (RULE_NET_PORT, net_port(net, _PORT)),
            (_NO_KIND, path_beneath(fs, self._file)),
        )[it.kind]
        trial.decide("rule", process.add_rule, fd, kind, rule, it.flags)
        trial.decide("enforce", process.restrict_self, fd)
        trial.decide("write", process.open, "f", os.O_WRONLY)
        trial.decide("connect", process.connect, self._tcp, inet(_PORT, "192.0.2.1"))

    def _restrict(self, trial: Trial, it: Restrict) -> None:
        decide = self._deciding(trial, it.who)
        caller = trial.fork()
        caller.drop_capabilities(kept=1 << CAP_SYS_ADMIN if it.who.is_capable else 0)
        thread, child = caller.thread(), caller.fork()
        if it.who.has_no_new_privs:
            caller.no_new_privs()
        fd: Fd = (self._first, _NO_RULESET, self._file, _CLOSED)[it.which]
        decide("call", caller.restrict_self, fd, it.flags)
        tasks = {"caller": caller, "thread": thread, "child": child, "later-child": caller.fork()}
        for name, task in tasks.items():
            self._look(decide, name, task, of=caller)

    def _pair(self, trial: Trial, it: Pair) -> None:
        decide = self._deciding(trial, Who.NEITHER)
        root = trial.fork()
        root.drop_capabilities()
        made: list[Process] = []

        def first() -> None:
            self._enforce(decide, "first", made[it.first], it.one, self._first)

        def ready() -> None:
            """A task is made, and makes its children now."""
            if it.early and len(made) == it.first + 1:
                first()

        _grow(root, it.root, made, ready)
        if not it.early:
            first()
        self._enforce(decide, "second", made[it.second], it.other, self._second)
        for number, task in enumerate(made):
            self._look(decide, f"t{number}", task, of=root)

    @staticmethod
    def _enforce(decide: Decide, label: str, task: Process, way: Way, ruleset: Call) -> None:
        if way.sets_it_before:
            task.no_new_privs()
        fd: Fd = ruleset if way.has_ruleset else _NO_RULESET
        decide(label, task.restrict_self, fd, way.flags)

    @staticmethod
    def _look(decide: Decide, name: str, task: Process, *, of: Process) -> None:
        """See what a task may do; ``of`` is the first one of its program."""
        decide(f"write {name}", task.open, "f", os.O_WRONLY)
        decide(f"read {name}", task.open, "f", os.O_RDONLY)
        if task is not of:
            assert of.pid is not None  # noqa: S101 (it is forked)
            decide(f"signal {name}", task.kill, of.pid, 0)
        decide(f"no_new_privs {name}", task.restrict_self, _NO_RULESET)


def _grow(process: Process, task: Task, made: list[Process], ready: Callable[[], None]) -> None:
    """Make the tasks of a tree, each before its children."""
    made.append(process)
    ready()
    for child in task.children:
        _grow(process.thread() if child.is_thread else process.fork(), child, made, ready)


FLAGS = Space(
    "flags",
    "every flag of rules and of restrict_self, two calls in all trees of four processes or threads",
    12_772,
    _Flags,
    processes=_MOST_TASKS + 1,
    no_new_privs=False,
    is_uniform=False,
    lasts=1024,
    features={
        **dict.fromkeys(("create", "rule"), (ADD_RULE.QUIET,)),
        "connect": (NET.CONNECT_TCP, ADD_RULE.QUIET),
        "signal": (SCOPE.SIGNAL, *RESTRICT),
        "": (ADD_RULE.QUIET, *RESTRICT),
    },
)
