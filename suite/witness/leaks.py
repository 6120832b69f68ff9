# SPDX-License-Identifier: MIT
"""Whether the rulesets and domains that a case made are freed after its end, by the trace.

Source: include/trace/events/landlock.h, landlock_free_ruleset and landlock_free_domain ("Lifecycle
consistency"): each that was created is freed once, and says so. Before these events (Linux 7.3),
dynamic ones are put where the kernel makes and frees both: security/landlock/ruleset.c,
landlock_create_ruleset(), landlock_merge_ruleset() and free_ruleset();
Documentation/trace/kprobetrace.rst.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from suite.judge.outcome import Allowed
from suite.packed import packed
from suite.process.process import Process
from suite.process.session import Session
from suite.values import Fd, Pack
from suite.witness import tracefs

_INSTANCE = "instances/landproof-leaks"
_LIFE = re.compile(r"(create|free)_(ruleset|domain): .*?\b(?:ruleset|domain)=(?:0x)?([0-9a-f]+)")
_LOST = "[LOST "
"""In the trace, where there was more than its buffer holds."""
_EVENTS = "create_ruleset", "create_domain", "free_ruleset", "free_domain"
_PROBES = (
    b"r:landproof/create_ruleset landlock_create_ruleset ruleset=$retval",
    b"r:landproof/create_domain landlock_merge_ruleset domain=$retval",
    b"p:landproof/free_ruleset free_ruleset ruleset=$arg1",
)
"""The same of kernels without these events, where a domain is a struct landlock_ruleset, too."""
_EXECUTE = packed("Q", 1)
"""A struct landlock_ruleset_attr that handles LANDLOCK_ACCESS_FS_EXECUTE."""
_ERRORS = (1 << 64) - 4096
"""From here on, what a function returns is no address but the number of an error."""
_READS, _SIZE = 4, 8192
LOOKS = 16
"""How often at most what is freed later is looked for: some 17 s, on a machine however busy."""
_SHORTEST_NS, _LONGEST_NS = 25_000_000, 1_600_000_000
_POLLIN = 1


def pause_ns(look: int) -> int:
    """How long to wait behind a look, counted from 0, for RCU and workers of the kernel."""
    return min(_SHORTEST_NS << look, _LONGEST_NS)


@dataclass(slots=True)
class _Watch:
    """Who reads the trace, and what was made and not freed; a note of the session."""

    reader: Process | None = None
    """None: nobody watches, or the kernel tells nothing."""
    pipe: int = -1
    tried: bool = False
    living: dict[str, str] = field(default_factory=dict)
    """``ruleset`` or ``domain``, by what the kernel calls it: a number, or where it is."""


def watch(process: Process) -> None:
    """Have the kernel tell of what is made and freed from now on, if it can.

    A child of the process reads that, and outlives all cases: so none of them has its files.
    """
    watching = process.session.notes.of(_Watch)
    if watching.tried:
        return
    watching.tried = True
    reader = process.fork()
    mounted = reader.observe(tracefs.mounted)
    if mounted.outcome != Allowed():
        return
    root = mounted.calls[-1]
    told = tracefs.enable(reader, root, _INSTANCE, _EVENTS).outcome == Allowed()
    enabled = told or reader.observe(_probe, root).outcome == Allowed()
    on = reader.observe(tracefs.record, root, _INSTANCE)
    if enabled and on.outcome == Allowed():
        watching.pipe = tracefs.open_pipe(reader, root, _INSTANCE).value
        watching.reader = reader
        if not told and not _sees_an_end(process):
            watching.reader = None


def _sees_an_end(process: Process) -> bool:
    """Whether a ruleset and a domain are seen to be made, and to be freed.

    A compiler may put a function into another one, and a kernel may free a domain elsewhere: then
    every case would be blamed.
    """
    child, session = process.fork(), process.session
    child.observe(_live)
    found = made(session)
    session.kill(child.id)
    return set(found.values()) == {"ruleset", "domain"} and not kept(session, found)


def _live(process: Process) -> None:
    process.no_new_privs()
    process.restrict_self(process.create_ruleset(_EXECUTE, 8))


def _probe(process: Process, root: Fd) -> None:
    for probe in _PROBES:
        fd = process.open("kprobe_events", os.O_WRONLY | os.O_APPEND, at=root)
        process.write(fd, probe)
        process.close(fd)
    fd = process.open(f"{_INSTANCE}/events/landproof/enable", os.O_WRONLY, at=root)
    process.write(fd, b"1")
    process.close(fd)


def made(session: Session) -> dict[str, str]:
    """What was made since this was last asked, and not freed yet: its kind, by its name."""
    watching = session.notes.of(_Watch)
    before = set(watching.living)
    _look(watching)
    return {name: kind for name, kind in watching.living.items() if name not in before}


def is_watched(session: Session) -> bool:
    """Whether somebody watches."""
    return session.notes.of(_Watch).reader is not None


def forget(session: Session, names: Iterable[str]) -> None:
    """Never tell of these: others may keep them."""
    watching = session.notes.of(_Watch)
    for name in names:
        watching.living.pop(name, None)


def kept(session: Session, names: Iterable[str]) -> set[str]:
    """What of these is not freed, though it was waited for; it is not told again."""
    watching = session.notes.of(_Watch)
    for look in range(LOOKS):
        if watching.living.keys().isdisjoint(names):
            return set()
        _look(watching, look)
    found = watching.living.keys() & names
    forget(session, found)
    return found


def _look(watching: _Watch, look: int = 0) -> None:
    """See what the trace has, and what is freed by that."""
    if watching.reader is None:
        return
    text = _received(watching.reader, watching.pipe, look)
    if _LOST in text:  # nobody knows what was freed
        watching.living.clear()
        return
    for verb, kind, name in _LIFE.findall(text):
        if verb == "free":
            watching.living.pop(name, None)
        elif int(name, 16) < _ERRORS:
            watching.living[name] = kind


def _received(reader: Process, pipe: int, look: int) -> str:
    """What the trace has; from the second look on, once there is something or a pause is over."""
    if look:
        entry = Pack(((4, pipe), (2, _POLLIN), bytes(2)))
        pause = packed("QQ", *divmod(pause_ns(look), 10**9))
        reader.syscall("ppoll", entry, 1, pause, None, 8)
    text = ""
    while True:
        observed = reader.observe(_read, pipe)
        is_empty = observed.outcome != Allowed()
        text += "".join(call.data[: call.value].decode() for call in observed.done)
        if is_empty:
            return text


def _read(reader: Process, pipe: int) -> None:
    for _ in range(_READS):
        reader.read(pipe, _SIZE)
