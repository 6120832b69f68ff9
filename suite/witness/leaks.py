# SPDX-License-Identifier: MIT
"""Whether the rulesets and domains that a case made are freed after its end, by the trace.

Source: include/trace/events/landlock.h, landlock_free_ruleset and landlock_free_domain ("Lifecycle
consistency"): each that was created is freed once, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from suite.judge.outcome import Allowed
from suite.packed import packed
from suite.process.process import Process
from suite.process.promise import Call
from suite.values import Fd, Pack
from suite.witness import tracefs

_INSTANCE = "instances/landproof-leaks"
_LIFE = re.compile(r"landlock_(create|free)_(ruleset|domain): (?:ruleset|domain)=([0-9a-f]+)")
_READS, _SIZE = 4, 65536
_LOOKS = 8
"""How often at most: the kernel frees a domain some time after its last process."""
_PAUSE_NS = 25_000_000
"""After the first look; each pause is twice as long, 3 s in all."""
_POLLIN = 1


@dataclass(slots=True)
class Leaks:
    """The rulesets and domains that were made and not freed; a note of the session."""

    watching: bool | None = None
    """None: nobody has tried to."""
    living: set[str] = field(default_factory=set)
    """Such as ``domain 1a2b``."""


def watch(process: Process) -> None:
    """Have the kernel tell of what is made and freed from now on, if it can."""
    leaks = process.session.notes.of(Leaks)
    if leaks.watching is None:
        root = tracefs.mounted(process)
        enabled = tracefs.enable(process, root, _INSTANCE)
        on = process.observe(tracefs.record, root, _INSTANCE)
        process.close(root)
        leaks.watching = enabled.outcome == on.outcome == Allowed()


def left(process: Process) -> list[str]:
    """What was made since this was last asked, and is not freed, though it was waited for.

    Nothing, if nobody watches.
    """
    leaks = process.session.notes.of(Leaks)
    if not leaks.watching:
        return []
    for look in range(_LOOKS):
        for verb, kind, identity in _LIFE.findall(_received(process, look)):
            change = leaks.living.add if verb == "create" else leaks.living.discard
            change(f"{kind} {identity}")
        if not leaks.living:
            break
    found, leaks.living = sorted(leaks.living), set()
    return found


def _received(process: Process, look: int) -> str:
    """What the trace has; from the second look on, once there is something or a pause is over."""
    root = tracefs.mounted(process)
    pipe = tracefs.open_pipe(process, root, _INSTANCE)
    if look:
        _wait(process, pipe, _PAUSE_NS << look)
    observed = process.observe(_read, pipe)
    process.close(pipe)
    process.close(root)
    _ = observed.outcome
    return "".join(call.data[: call.value].decode() for call in observed.done)


def _read(process: Process, pipe: Fd) -> None:
    for _ in range(_READS):
        process.read(pipe, _SIZE)


def _wait(process: Process, pipe: Call, pause_ns: int) -> None:
    entry = Pack(((4, pipe), (2, _POLLIN), bytes(2)))
    process.syscall("ppoll", entry, 1, packed("QQ", *divmod(pause_ns, 10**9)), None, 8)
