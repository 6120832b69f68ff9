# SPDX-License-Identifier: MIT
"""Two processes, one of which acts on the other, without capabilities that would matter.

CAP_SYS_PTRACE would do instead of what the target lacks, and from Linux 6.16 on CAP_PERFMON reads
memory whatever a security module says. Yama lets only ancestors attach without being allowed to.
"""

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cases.relations import RELATIONS, Relation
from suite.case import FS, Allowed, Call, Case, Observation, Process, Ruleset, since

RULESET = Ruleset(fs=FS.MAKE_BLOCK)
ALLOWED = since(RULESET.features, Allowed())
OUTSIDE = RELATIONS["domain-to-no-domain"]
PAGE = 4096
CAP_SYS_NICE = 23


@dataclass(frozen=True, slots=True)
class Target:
    """What is acted on: a process id, and the address of a page, of one with its own memory."""

    pid: Call
    page: Call | None

    def file(self, name: str) -> str:
        """The path of a file in its folder of /proc."""
        return f"/proc/{self.pid.value}/{name}"


Action: TypeAlias = Callable[[Process, Target], object]


def traceable(process: Process) -> Process:
    """The process, with its consent where Yama asks for it."""
    process.observe(Process.allow_any_tracer)
    return process


def prepare(process: Process, kept: int | None = 0) -> Call | None:
    """Leave a process and its children these capabilities; the address of a page for them.

    None for those that may share their memory: nothing is done with it.
    """
    if kept is not None:
        process.drop_capabilities(kept)
    if process.shares:
        return None
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = process.syscall("mmap", 0, PAGE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    process.poke(page, b"x")
    return page


def reach_outside(
    process: Process, action: Action, kept: int | None = 0
) -> tuple[Observation, Observation]:
    """What the action on a process outside comes to in a domain, and what it came to before.

    It has to be one that can be done again.
    """
    page = prepare(process, kept)
    target = Target(traceable(process).getpid(), page)
    actor = process.fork()
    control = actor.observe(action, target)
    actor.restrict(RULESET)
    return actor.observe(action, target), control


def reach(process: Process, action: Action, relation: Relation) -> tuple[Observation, Observation]:
    """What the action comes to in the relation, and outside of every domain."""
    page = prepare(process)
    outside = Target(traceable(process).getpid(), page)
    parent = process.fork()
    control = parent.observe(action, outside)
    actor, target = relation.pair(parent, RULESET)
    return actor.observe(act_on, traceable(target), page, action), control


def act_on(actor: Process, target: Process, page: Call | None, action: Action) -> None:
    """Ask for the process id as a part of the action: Landlock may have refused the target."""
    action(actor, Target(target.getpid(), page))


class Access(Case, frozen=True, kw_only=True):
    """An action, and the capabilities that all processes keep for it; None: all they have."""

    call: Action
    kept: int | None = 0
