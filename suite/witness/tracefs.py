# SPDX-License-Identifier: MIT
"""Read Landlock's trace events from an instance of tracefs of our own.

The events are no part of an ABI version: Linux 7.3 brought them together with ABI 11, wherever the
kernel has tracepoints at all. A kernel of ABI 11 that can trace events owes them therefore; an
older one may have got them from its distribution, and is held to the same then
(``Need.TRACEPOINTS``).

Source: Documentation/trace/events-landlock.rst; Documentation/trace/ftrace.rst, "Instances".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from suite.errors import LandproofError
from suite.judge.outcome import Allowed
from suite.process.process import Observation, Process
from suite.process.promise import Call, Later
from suite.process.uapi import FSCONFIG_CMD_CREATE
from suite.values import Fd
from suite.witness.base import Witness

TRACED_SINCE = 11
EVENTS = "events/landlock"
"""In tracefs, as are all paths here."""
PREFIX = "landlock_"
INSTANCE = "instances/landproof"
"""That of cases, one after the other; whoever else watches has one of its own."""
_ENABLE = f"{EVENTS}/enable"
_MOST, _SIZE = 8, 8192
"""How often the pipe is read at once, and what it gives at most."""
_LINE = re.compile(rf"^.+-(\d+) +\[\d+\] .* \d+: {PREFIX}(\w+): (.*)$")
_FIELD = re.compile(r"(\w+)=(\S*)")
_IDENTITY = re.compile(r"\b(ruleset|domain|parent|\w+_domain)=([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name without what all begin with, the thread that it happened in, its text.

    Rulesets and domains are numbered in the order in which they were made: R1, D1, D2.
    """

    name: str
    thread: int
    text: str
    fields: dict[str, str] = field(init=False)
    """As they are written."""

    def __post_init__(self) -> None:
        """Find the fields."""
        object.__setattr__(self, "fields", dict(_FIELD.findall(self.text)))

    def __str__(self) -> str:
        return f"{self.name} {self.text}"


@dataclass(slots=True)
class _Switch:
    """Whether Landlock's events are on."""

    by: Observation | None = None
    """How they were switched on, if they were."""


class Trace(Witness[Event]):
    """The trace of Landlock's events in a ``with`` block: those of these names, or all.

    Only those of rulesets and domains that were made in the block are given: those of earlier
    cases are freed at any time.

    Behind the block nothing is recorded, but the events stay switched on for the next one: to
    switch them off and on again waits for two grace periods of RCU. ``forget`` switches them off.
    """

    def __init__(self, process: Process, *names: str) -> None:
        super().__init__(process)
        self._wanted = names
        self._root: Fd = -1
        self._found: Observation | None = None
        """Whether the kernel has what is wanted."""
        self._names: dict[str, str] = {}
        """Of the rulesets and domains that were made in the block, by the kernel's numbers."""
        self._rest = ""
        """The beginning of a line whose end was not yet received."""
        self._parts: list[list[Event]] = []
        """What was received each time."""

    def _prepare(self) -> None:
        process = self._process
        self._root = mounted(process)
        switch = process.session.notes.of(_Switch)
        if not _is_allowed(switch.by):
            # A kernel that owes the events and lacks them shows none, and is told so by the case.
            switch.by = enable(process, self._root)
        # Without a clock: the events of all CPUs in one order. It empties the buffer, too.
        _write(process, self._root, "trace_clock", b"counter")
        self._found = process.observe(self._look_for_wanted)

    def _switch(self, *, on: bool) -> Call:
        """The instance stays: to make and remove one takes 40 ms in an emulated machine."""
        switch = b"1" if on else b"0"
        return self._process.observe(_write, self._root, "tracing_on", switch).calls[0]

    @property
    def on(self) -> bool:
        """Whether the kernel has the events, and let them be switched on."""
        return _is_allowed(self._found) and _is_allowed(self._process.session.notes.of(_Switch).by)

    @property
    def lacking(self) -> str:
        """The first event of those that are wanted which the kernel lacks, if it lacks any."""
        looked = self._found.calls if self._found else ()
        names = zip(looked, ("of Landlock", *self._wanted), strict=False)
        return next((name for call, name in names if call.failure), "")

    def take(self) -> Later[Event]:
        """The events since they were last taken; to be looked at after the block, too."""
        number = len(self._parts) + len(self._unread)
        self._receive()
        return Later(lambda: self._part(number))

    def _next(self) -> list[Event]:
        self._receive(wait=True)
        return self._part(-1)

    def _freed(self, entry: Event) -> str | None:
        return entry.fields["domain"] if entry.name == "free_domain" else None

    def _receive(self, *, wait: bool = False) -> None:
        pipe = open_pipe(self._process, self._root)
        if wait:
            self._process.poll(pipe)
        self._unread.append(self._process.observe(_receive, pipe))
        self._process.close(pipe)

    def _look_for_wanted(self, process: Process) -> None:
        process.access(f"{INSTANCE}/{EVENTS}", os.F_OK, at=self._root)
        for name in self._wanted:
            folder = f"{INSTANCE}/{EVENTS}/{PREFIX}{name}"
            process.access(folder, os.F_OK, at=self._root)

    def _part(self, number: int) -> list[Event]:
        self._read()
        return self._parts[number]

    def _read(self) -> None:
        """Look at what was received: a part each time."""
        unread, self._unread = self._unread, []
        for observation in unread:
            if len(observation.done) == _MOST:
                raise LandproofError("there is more in the trace than was asked for")
            received = (call.data[: call.value].decode() for call in observation.done)
            text = self._rest + "".join(received)
            *lines, self._rest = text.split("\n")
            self._parts.append(self._ours(lines))

    def _ours(self, lines: list[str]) -> list[Event]:
        found = []
        for line in lines:
            if match := _LINE.match(line):
                event = self._event(*match.groups())
                found += [event] if event else []
        return found

    def _event(self, thread: str, name: str, text: str) -> Event | None:
        """Or None, if it is of something older."""
        made = {"create_ruleset": "R", "create_domain": "D"}.get(name)
        identity = _IDENTITY.search(text)
        if identity is None:
            return None
        if made:
            number = sum(known.startswith(made) for known in self._names.values()) + 1
            self._names[identity[2]] = f"{made}{number}"
        if identity[2] not in self._names or name not in (self._wanted or name):
            return None
        return Event(name, int(thread), _IDENTITY.sub(self._named, text))

    def _named(self, match: re.Match[str]) -> str:
        return f"{match[1]}={self._names.get(match[2], match[2])}"


def _is_allowed(observed: Observation | None) -> bool:
    try:
        return observed is not None and observed.outcome == Allowed()
    except LandproofError:  # of a case that broke before
        return False


def mounted(process: Process) -> Call:
    """The root of tracefs, where nobody else sees it: no path leads there."""
    context = process.fsopen("tracefs")
    process.fsconfig(context, FSCONFIG_CMD_CREATE)
    return process.fsmount(context)


def enable(
    process: Process, root: Fd, instance: str = INSTANCE, names: tuple[str, ...] = ()
) -> Observation:
    """Switch Landlock's events on, or those of these names.

    An earlier caller may have left the instance.
    """
    process.observe(_make_instance, root, instance)
    return process.observe(_enable, root, instance, names)


def record(process: Process, root: Fd, instance: str = INSTANCE) -> None:
    """Have events recorded from now on, where they are enabled."""
    _write(process, root, "tracing_on", b"1", instance)


def open_pipe(process: Process, root: Fd, instance: str = INSTANCE) -> Call:
    """What events are read from, without waiting for any.

    It has one reader at a time, so that it is to be closed before a child could have it.
    """
    return process.open(f"{instance}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK, at=root)


def forget(process: Process) -> None:
    """Switch the events off, if a case before has switched them on."""
    switch = process.session.notes.of(_Switch)
    if switch.by is not None:
        root = mounted(process)
        process.observe(_write, root, _ENABLE, b"0")
        process.close(root)
        process.session.flush()  # a case that asks for nothing sends nothing
        switch.by = None


def _make_instance(process: Process, root: Fd, instance: str) -> None:
    process.mkdir(instance, at=root)
    # To note the names of processes takes two more tracepoints.
    _write(process, root, "trace_options", b"norecord-cmd", instance)


def _enable(process: Process, root: Fd, instance: str, names: tuple[str, ...]) -> None:
    for path in [f"{EVENTS}/{PREFIX}{name}/enable" for name in names] or [_ENABLE]:
        _write(process, root, path, b"1", instance)


def _write(process: Process, root: Fd, path: str, data: bytes, instance: str = INSTANCE) -> None:
    fd = process.open(f"{instance}/{path}", os.O_WRONLY, at=root)
    process.write(fd, data)
    process.close(fd)


def _receive(process: Process, pipe: Fd) -> None:
    for _ in range(_MOST):
        process.read(pipe, _SIZE)
