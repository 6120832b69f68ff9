# SPDX-License-Identifier: MIT
"""Manners: other ways to write the same program, which must come to the same.

These relations need no model. A row of ``MANNERS`` is one: what it makes of rulesets, of the way
into a domain, of names, and how its outcome has to relate to that of the program as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from suite.explore.given import DENIALS, UNKNOWN
from suite.landlock.abi import ADD_RULE, FS, RESTRICT, Feature
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.promise import Call
from suite.process.uapi import AT_FDCWD
from suite.values import Fd

_F = TypeVar("_F", bound=Feature)
_FIRST_FD = 500
"""Folders that are reached through /proc have descriptors from here on, which nothing else has."""


class Relation(Enum):
    """How what a program gives in a manner relates to what it gives as it is."""

    SAME = "the same"
    NO_MORE = "no more than that"

    def holds(self, plain: int, other: int) -> bool:
        """Whether it does, for one decision."""
        if plain in UNKNOWN or other in UNKNOWN:
            return True
        if self is Relation.SAME:
            return plain == other
        return other in DENIALS or plain not in DENIALS


@dataclass(frozen=True)
class Spot:
    """A folder of a stage, and what is in it."""

    folder: str
    fd: Fd
    """Open in every process."""
    number: int
    """Among those of the stage."""


def _as_they_are(ruleset: Ruleset) -> Ruleset:
    return ruleset


def _enforced(process: Process, rulesets: Sequence[Call]) -> Process:
    for ruleset in rulesets:
        process.restrict_self(ruleset)
    return process


def _by_descriptor(spot: Spot, name: str) -> tuple[Fd, str]:
    return spot.fd, name


@dataclass(frozen=True)
class Manner:
    """A way to write programs."""

    name: str
    relation: Relation = Relation.SAME
    spaces: frozenset[str] | None = None
    """Those on which it is tried; None: all."""
    since: int = 1
    """The ABI version that it needs."""
    rewritten: Callable[[Ruleset], Ruleset] = _as_they_are
    """Another ruleset with the same meaning."""
    enter: Callable[[Process, Sequence[Call]], Process] = _enforced
    """Enforces rulesets; gives who acts then: the process, a child of it or a thread."""
    spelled: Callable[[Spot, str], tuple[Fd, str]] = _by_descriptor
    """Where a name of a folder is looked up, and as what."""
    reached: Callable[[str], str] = str
    """By which path a folder is opened for a rule."""
    laid: Callable[[Process, Spot], object] = lambda _process, _spot: None
    """What the folders need for it."""
    further: int = 0
    """So many layers more are enforced, of those that the scene has for it."""
    unrelated: bool = False
    """Whether there is one more layer, which handles nothing that is decided."""
    executes: bool = False
    """Whether who has entered a domain executes the agent, and goes on in it; see ``allowed``."""
    binds: bool = False
    """Whether the stage is mounted a second time; see ``bound``."""


def allowed(ruleset: Ruleset, agent: str) -> Ruleset:
    """A ruleset by which the agent can be executed, and nothing else that could not be before.

    Who executes a program has to read it, too.
    """
    rights = ruleset.fs & (FS.EXECUTE | FS.READ_FILE)
    return ruleset.allow(agent, rights) if rights else ruleset


def bound(path: str) -> str:
    """The path of a stage's folder, or of what is in it, by its second mount.

    A stage is ``PLACE/explore/KEY``, and its second mount ``PLACE/explore/KEYb``.
    """
    head, _, rest = path.partition("/explore/")
    key, slash, inner = rest.partition("/")
    return f"{head}/explore/{key}b{slash}{inner}"


def _twice(ruleset: Ruleset) -> Ruleset:
    return replace(ruleset, paths=ruleset.paths * 2, ports=ruleset.ports * 2)


def _backwards(ruleset: Ruleset) -> Ruleset:
    return replace(ruleset, paths=ruleset.paths[::-1], ports=ruleset.ports[::-1])


def _one_by_one(ruleset: Ruleset) -> Ruleset:
    return replace(
        ruleset,
        paths=tuple((place, bit) for place, rights in ruleset.paths for bit in _bits(rights)),
        ports=tuple((port, bit) for port, rights in ruleset.ports for bit in _bits(rights)),
    )


def _quiet(ruleset: Ruleset) -> Ruleset:
    return replace(
        ruleset,
        quiet_fs=ruleset.fs,
        quiet_net=ruleset.net,
        quiet_scope=ruleset.scope,
        quiet_paths=tuple(place for place, _ in ruleset.paths),
    )


def _bits(rights: _F) -> Iterator[_F]:
    return (bit for bit in type(rights) if bit in rights)


def _in_child(process: Process, rulesets: Sequence[Call]) -> Process:
    return _enforced(process, rulesets).fork() if rulesets else process


def _in_descendants(process: Process, rulesets: Sequence[Call]) -> Process:
    for ruleset in rulesets:
        process = _enforced(process, [ruleset]).fork()
    return process


def _in_thread(process: Process, rulesets: Sequence[Call]) -> Process:
    return _enforced(process.thread(), rulesets)


def _thread_after(process: Process, rulesets: Sequence[Call]) -> Process:
    return _enforced(process, rulesets).thread()


def _by_sibling(process: Process, rulesets: Sequence[Call]) -> Process:
    if not rulesets:
        return process
    thread = process.thread()
    for ruleset in rulesets:
        thread.restrict_self(ruleset, RESTRICT.TSYNC)
    return process


def _last_first(process: Process, rulesets: Sequence[Call]) -> Process:
    return _enforced(process, rulesets[::-1])


def _each_twice(process: Process, rulesets: Sequence[Call]) -> Process:
    return _enforced(process, [it for it in rulesets for _ in range(2)])


def _logged_otherwise(process: Process, rulesets: Sequence[Call]) -> Process:
    for ruleset in rulesets:
        process.restrict_self(ruleset, _LOG_FLAGS)
    return process


def _through_proc(spot: Spot, name: str) -> tuple[Fd, str]:
    return AT_FDCWD, f"/proc/self/fd/{_FIRST_FD + spot.number}/{name}"


_LOG_FLAGS = RESTRICT.LOG_SAME_EXEC_OFF | RESTRICT.LOG_NEW_EXEC_ON | RESTRICT.LOG_SUBDOMAINS_OFF
PLAIN = Manner("")
"""A program as it is."""
_ONE_PROCESS = frozenset({"paths", "refer", "ports", "programs"})
_ANY = _ONE_PROCESS | {"relations"}
"""There, no thread is an actor, as kill(2) is for processes; and any layer hinders ptrace(2)."""
_WITH_RULES = frozenset({"paths", "refer", "ports"})
_WITH_SPOTS = frozenset({"paths", "refer"})
_ROWS = (
    Manner("rules-twice", spaces=_WITH_RULES, rewritten=_twice),
    Manner("rules-backwards", spaces=_WITH_RULES, rewritten=_backwards),
    Manner("rights-one-by-one", spaces=_WITH_RULES, rewritten=_one_by_one),
    Manner("layers-backwards", spaces=_WITH_RULES, enter=_last_first),
    Manner("layers-twice", spaces=_ANY, enter=_each_twice),
    Manner("further-layer", Relation.NO_MORE, spaces=_WITH_RULES | {"relations"}, further=1),
    Manner("unrelated-layer", spaces=_WITH_RULES, unrelated=True),
    Manner("child", spaces=_ANY, enter=_in_child),
    Manner("descendants", spaces=_ANY, enter=_in_descendants),
    Manner("exec", spaces=_ANY, executes=True),
    Manner("thread", spaces=_ONE_PROCESS, enter=_in_thread),
    Manner("thread-after", spaces=_ONE_PROCESS, enter=_thread_after),
    Manner("tsync", spaces=_ANY, since=RESTRICT.TSYNC.since, enter=_by_sibling),
    Manner("logged-otherwise", spaces=_ANY, since=_LOG_FLAGS.since, enter=_logged_otherwise),
    Manner(
        "quiet", spaces=_WITH_RULES | {"relations"}, since=ADD_RULE.QUIET.since, rewritten=_quiet,
    ),
    Manner(
        "absolute-path", spaces=_WITH_SPOTS,
        spelled=lambda spot, name: (AT_FDCWD, f"{spot.folder}/{name}"),
    ),
    Manner(
        "dots", spaces=_WITH_SPOTS, spelled=lambda spot, name: (spot.fd, f"./e/.././/{name}"),
    ),
    Manner(
        "bind-mount", spaces=_WITH_SPOTS, binds=True,
        spelled=lambda spot, name: (AT_FDCWD, f"{bound(spot.folder)}/{name}"),
    ),
    Manner("rule-by-bind-mount", spaces=_WITH_SPOTS, binds=True, reached=bound),
    Manner(
        "proc-fd", spaces=_WITH_SPOTS, spelled=_through_proc,
        laid=lambda process, spot: process.dup_to(spot.fd, _FIRST_FD + spot.number),
    ),
)  # fmt: skip
MANNERS = {it.name: it for it in _ROWS}
"""By name, without the plain one."""


def manners_of(space: str, abi: int) -> list[Manner]:
    """The manners that are tried on a space's programs, on kernels of an ABI version."""
    return [
        it
        for it in MANNERS.values()
        if (it.spaces is None or space in it.spaces) and it.since <= abi
    ]
