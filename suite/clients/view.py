# SPDX-License-Identifier: MIT
"""What a client really asked the kernel for, by its system calls.

Not by its manual: its calls are watched from outside (ptrace), with what the kernel answered.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from suite.judge.outcome import errno_name
from suite.landlock.abi import (
    ADD_RULE,
    FS,
    LANDLOCK_CALLS,
    NET,
    PERMISSION,
    RESTRICT,
    RULE_CAPABILITY,
    RULE_NAMESPACE,
    RULE_NET_PORT,
    RULE_PATH_BENEATH,
    RULESET_ATTR,
    SCOPE,
    SYS_ADD_RULE,
    SYS_CREATE_RULESET,
    SYS_RESTRICT_SELF,
    Feature,
)
from suite.landlock.ruleset import Ruleset

_NAMES = dict(
    zip((SYS_CREATE_RULESET, SYS_ADD_RULE, SYS_RESTRICT_SELF), LANDLOCK_CALLS, strict=True)
)
_PATH_BENEATH = "=Qi"
"""struct landlock_path_beneath_attr, packed, and where the file descriptor is in it."""
_NET_PORT = "=QQ"
_USED = "=QQQ"
"""Of rules on namespaces and on capabilities."""
_FD_AT = 8
WATCHED = (
    f"{SYS_CREATE_RULESET}:0:-1:-1",
    f"{SYS_ADD_RULE}:2:{struct.calcsize(_USED)}:{_FD_AT}",
    f"{SYS_RESTRICT_SELF}:-1:0:-1",
)
"""Which calls are told, and what of their memory (suite/agent/watch.h)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call of Landlock's that the kernel refused, of a client that may have tried another."""

    call: str
    errno: str
    asked: tuple[str, ...] = ()
    """The rights that it named, by labels."""

    def __str__(self) -> str:
        what = f" ({', '.join(self.asked)})" if self.asked else ""
        return f"{self.call}(2){what}: {self.errno}"


@dataclass(frozen=True, slots=True)
class View:
    """What was asked for."""

    layers: tuple[Ruleset, ...] = ()
    """The domain of what the client started: what each layer handles, and its rules."""
    refusals: tuple[Refusal, ...] = ()
    probes: int = 0
    """How often it asked for the ABI version or the errata."""
    traced: frozenset[str] | None = None
    """The rights and scopes of its domains as the kernel tells them; None if it tells nothing."""

    @property
    def handled(self) -> frozenset[str]:
        """Every right, scope and flag that a layer has, by label; the kernel's word comes first."""
        return self.called if self.traced is None else self.traced | _flags(self.called)

    @property
    def seen_by(self) -> str:
        """By what it is known."""
        return "system calls" if self.traced is None else "trace events"

    @property
    def called(self) -> frozenset[str]:
        """The same by the system calls of the client."""
        return frozenset[str]().union(*(layer.handled for layer in self.layers))


@dataclass(slots=True)
class _Seen:
    """What is known while lines are read."""

    rulesets: dict[int, Ruleset] = field(default_factory=dict)
    """By file descriptor: a number that is used again is of the newest."""
    domains: dict[int, tuple[Ruleset, ...]] = field(
        default_factory=lambda: defaultdict[int, tuple[Ruleset, ...]](tuple)
    )
    """By thread."""
    refusals: list[Refusal] = field(default_factory=list)
    probes: int = 0


def _flags(labels: frozenset[str]) -> frozenset[str]:
    """Those of calls, which no event tells of rulesets and domains."""
    return frozenset(it for it in labels if it.startswith(("restrict.", "add_rule.")))


def read(lines: Iterable[str]) -> View:
    """Read what the watcher told, to its end."""
    seen = _Seen()
    ours = 0
    for line in lines:
        kind, *words = line.split(" ", 9)
        match kind, words:
            case "clone", [parent, child]:
                seen.domains[int(child)] = seen.domains[int(parent)]
            case "exec", [thread, former]:
                seen.domains[int(thread)] = seen.domains[int(former)]
            case "ours", [thread]:
                ours = int(thread)
            case "call", [thread, number, result, *arguments]:
                _see(seen, int(thread), int(number), int(result), arguments)
    if not ours:  # nothing was started: what restricted itself most
        ours = max(seen.domains, key=lambda it: len(seen.domains[it]), default=0)
    return View(seen.domains[ours], tuple(seen.refusals), seen.probes)


def _see(seen: _Seen, thread: int, number: int, result: int, arguments: Sequence[str]) -> None:
    *words, data, path = arguments
    first, second, _, fourth = (int(word, 16) for word in words)
    memory = bytes.fromhex("" if data == "-" else data)
    if number == SYS_CREATE_RULESET:
        if not first:
            seen.probes += 1
            return
        ruleset = _ruleset(memory)
        if _is_refused(seen, number, result, sorted(ruleset.handled)):
            return
        seen.rulesets[result] = ruleset
        return
    ruleset = seen.rulesets.get(first, Ruleset())
    if number == SYS_ADD_RULE:
        ruled, asked = _rule(ruleset, second, memory, path.strip(), fourth)
        if not _is_refused(seen, number, result, asked):
            seen.rulesets[first] = ruled
    elif not _is_refused(seen, number, result, RESTRICT(second).labels):
        layer = replace(ruleset, flags=RESTRICT(second))
        threads = list(seen.domains) if second & RESTRICT.TSYNC else [thread]
        for it in {thread, *threads}:
            seen.domains[it] = (*seen.domains[it], layer)


def _is_refused(seen: _Seen, number: int, result: int, asked: Sequence[str]) -> bool:
    if result >= 0:
        return False
    seen.refusals.append(Refusal(_NAMES[number], errno_name(-result), tuple(asked)))
    return True


def _ruleset(memory: bytes) -> Ruleset:
    """What a struct landlock_ruleset_attr says, however long it is."""
    whole = memory.ljust(8 * len(RULESET_ATTR), b"\0")[: 8 * len(RULESET_ATTR)]
    values = dict(
        zip(
            (it.name for it in RULESET_ATTR),
            struct.unpack(f"={len(RULESET_ATTR)}Q", whole),
            strict=True,
        )
    )
    return Ruleset(
        fs=FS(values["handled_access_fs"]),
        net=NET(values["handled_access_net"]),
        scope=SCOPE(values["scoped"]),
        quiet_fs=FS(values["quiet_access_fs"]),
        quiet_net=NET(values["quiet_access_net"]),
        quiet_scope=SCOPE(values["quiet_scoped"]),
        permissions=PERMISSION(values["handled_permissions"]),
    )


def _rule(
    ruleset: Ruleset, kind: int, memory: bytes, path: str, flags: int
) -> tuple[Ruleset, tuple[str, ...]]:
    """The ruleset with a rule, and the rights that the rule names."""
    rights: Feature
    if kind == RULE_PATH_BENEATH and len(memory) >= struct.calcsize(_PATH_BENEATH):
        mask, _ = struct.unpack_from(_PATH_BENEATH, memory)
        rights = FS(mask)
        ruled = ruleset.allow(path, rights)
        if flags & ADD_RULE.QUIET:
            ruled = ruled.quiet(path)
        return ruled, rights.labels
    if kind == RULE_NET_PORT and len(memory) >= struct.calcsize(_NET_PORT):
        mask, port = struct.unpack_from(_NET_PORT, memory)
        rights = NET(mask)
        return ruleset.allow_port(port, rights), rights.labels
    if kind in (RULE_NAMESPACE, RULE_CAPABILITY) and len(memory) >= struct.calcsize(_USED):
        mask, allowed, quiet = struct.unpack_from(_USED, memory)
        add = Ruleset.allow_namespaces if kind == RULE_NAMESPACE else Ruleset.allow_capabilities
        return add(ruleset, allowed, quiet), PERMISSION(mask).labels
    return ruleset, ()
