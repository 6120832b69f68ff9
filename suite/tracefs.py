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
from types import TracebackType
from typing import Self

from suite.agent.client import AgentLostError
from suite.calls.files import Fd
from suite.outcome import Allowed
from suite.process import CLONE_NEWNS, Process

TRACED_SINCE = 11
TRACEFS = "/sys"
"""Where tracefs is mounted, in a mount namespace of the reader's own."""
EVENTS = f"{TRACEFS}/events/landlock"
PREFIX = "landlock_"
_INSTANCE = f"{TRACEFS}/instances/landproof"
_ENABLE = "events/landlock/enable"
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


class Trace:
    """All events of Landlock, switched on for a ``with`` block.

    Only those of rulesets and domains that were made in the block are given: those of earlier
    cases are freed at any time.
    """

    def __init__(self, process: Process) -> None:
        self._reader = mounted(process)
        self._pipe: Fd = -1
        self._names: dict[str, str] = {}
        self._rest = ""
        self.on = False
        """Whether the kernel let the events be switched on."""

    def __enter__(self) -> Self:
        reader = self._reader
        # An earlier case may have left it.
        reader.observe(Process.mkdir, _INSTANCE)
        # Without a clock: the events of all CPUs in one order. It empties the buffer, too.
        reader.write_file(f"{_INSTANCE}/trace_clock", b"counter")
        # A kernel that owes the events and lacks them shows none, and is told so by the case.
        enabled = reader.observe(Process.write_file, f"{_INSTANCE}/{_ENABLE}", b"1")
        self.on = enabled.outcome == Allowed()
        self._pipe = reader.open(f"{_INSTANCE}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, AgentLostError):
            return
        self._reader.close(self._pipe)
        # It stays for the next case: to make and remove one takes 40 ms in an emulated machine.
        _ = self._reader.observe(Process.write_file, f"{_INSTANCE}/{_ENABLE}", b"0").outcome

    def events(self, *names: str) -> list[Event]:
        """What happened since they were last asked for; of these names, if some are given."""
        found: list[Event] = []
        while lines := self._read():
            found += self._ours(lines)
        return [event for event in found if not names or event.name in names]

    def until_freed(self, domain: str) -> list[Event]:
        """What happened, until this domain was freed, which comes by itself."""
        found: list[Event] = []
        while self.on and not any(_frees(event, domain) for event in found):
            self._reader.poll(self._pipe)
            found += self._ours(self._read())
        return found

    def _read(self) -> list[str]:
        call = self._reader.observe(Process.read, self._pipe, 1 << 16)
        if call.outcome != Allowed():
            return []
        data = call.calls[0].data[: call.calls[0].value].decode()
        *lines, self._rest = (self._rest + data).split("\n")
        return lines

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
        if identity[2] not in self._names:
            return None
        return Event(name, int(thread), _IDENTITY.sub(self._named, text))

    def _named(self, match: re.Match[str]) -> str:
        return f"{match[1]}={self._names.get(match[2], match[2])}"


def _frees(event: Event, domain: str) -> bool:
    return event.name == "free_domain" and event.fields["domain"] == domain


def mounted(process: Process) -> Process:
    """A child that has tracefs mounted, where nobody else sees it."""
    reader = process.fork()
    reader.unshare(CLONE_NEWNS)
    reader.mount("tracefs", TRACEFS, "tracefs")
    return reader
