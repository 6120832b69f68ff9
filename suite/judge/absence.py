# SPDX-License-Identifier: MIT
"""Why a target shows no Landlock: each way for it to be off, told apart, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from suite.judge.records import Facts, TargetRecord
from suite.judge.standing import KILLS
from suite.landlock.abi import ABIS, LANDLOCK_CALLS

CREATE_RULESET, *_ = LANDLOCK_CALLS

_GVISOR = re.compile(r"gvisor|Sun Jan 10 15:06:54 PST 2016", re.IGNORECASE)
"""In what uname(2) gives. Source: gVisor, pkg/sentry/syscalls/linux/linux64.go, whose version is a
constant; newer releases say ``4.19.0-gvisor``."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of one way. ``{does}`` is what the filter does, ``{lsm}`` a list of LSMs."""

    says: str
    remedy: str
    kernels: bool
    """Whether the kernel itself is without Landlock; otherwise something hides what it has."""


class Way(Enum):
    """Each way for Landlock to be off."""

    GVISOR = Row(
        "gVisor, which has no Landlock",
        "run landproof on the host, or in a container of another runtime",
        kernels=False,
    )
    FILTER = Row(
        "a seccomp filter {does}",
        "let the filter allow the three calls landlock_* (systemd: SystemCallFilter=@sandbox)",
        kernels=False,
    )
    PROFILE = Row(
        "the container's seccomp filter {does}",
        "start the container with a seccomp profile that allows the three calls landlock_* "
        "(--security-opt seccomp=FILE), or run landproof on its host",
        kernels=False,
    )
    BLOCKED = Row(
        "blocked, and no filter was seen that does it",
        "run landproof where nothing stands between it and the kernel",
        kernels=False,
    )
    DISABLED = Row(
        "disabled at boot",
        "boot with landlock in the list of the kernel parameter lsm=, such as lsm={lsm}",
        kernels=True,
    )
    OLD = Row(
        f"not built: Landlock came with Linux {ABIS[1].release}",
        f"boot Linux {ABIS[1].release} or newer, built with CONFIG_SECURITY_LANDLOCK=y",
        kernels=True,
    )
    NO_MODULES = Row(
        "not built: the kernel has no security modules",
        "build the kernel with CONFIG_SECURITY=y and CONFIG_SECURITY_LANDLOCK=y, and landlock in "
        "CONFIG_LSM",
        kernels=True,
    )
    NOT_BUILT = Row(
        "not built",
        "build the kernel with CONFIG_SECURITY_LANDLOCK=y, and landlock in CONFIG_LSM",
        kernels=True,
    )
    UNTOLD = Row(
        "no reason given",
        "run landproof on it again",
        kernels=True,
    )


@dataclass(frozen=True, slots=True)
class Off:
    """Landlock is off on a target."""

    way: Way
    line: str
    """``no Landlock``, with what the call gives and what that means."""
    remedy: str

    def __str__(self) -> str:
        return f"{self.line}; to mend it, {self.remedy}"


def why_off(facts: Facts) -> Off | None:
    """Which way Landlock is off, be it that a ruleset can't be made or not be enforced."""
    call = next(
        (name for name in LANDLOCK_CALLS if name in facts.standing.filtered), CREATE_RULESET
    )
    if facts.abi > 0 and call == CREATE_RULESET:
        return None
    errno = re.match(r"\w+", facts.standing.filtered.get(call, facts.missing or ""))
    said = errno[0] if errno else ""
    way = _way(facts, said)
    does = f"kills who calls {call}" if said == KILLS else f"answers {call}"
    lsm = ",".join(["landlock", *(name for name in facts.lsm if name != "capability")])
    host = " (on the container's host)" if facts.standing.container and way.value.kernels else ""
    off = "no Landlock" if facts.abi < 1 else "Landlock is out of reach"
    return Off(
        way,
        f"{off} ({': '.join(filter(None, (said, way.value.says.format(does=does))))})",
        f"{way.value.remedy.format(lsm=lsm)}{host}",
    )


def is_gvisor(facts: Facts) -> bool:
    """Whether it is no Linux that answers."""
    return _GVISOR.search(f"{facts.release} {facts.version}") is not None


def _way(facts: Facts, said: str) -> Way:
    if is_gvisor(facts):
        return Way.GVISOR
    # An LSM that is active can't be one that was not built.
    hidden = said == "ENOSYS" and "landlock" in facts.lsm
    if facts.standing.filtered.keys() & {*LANDLOCK_CALLS} or said == KILLS or hidden:
        return Way.PROFILE if facts.standing.container else Way.FILTER
    if said == "ENOSYS":
        if _number(facts.release) < _number(ABIS[1].release):
            return Way.OLD
        return Way.NO_MODULES if facts.security_modules is False else Way.NOT_BUILT
    return {"EOPNOTSUPP": Way.DISABLED, "": Way.UNTOLD}.get(said, Way.BLOCKED)


def _number(release: str) -> tuple[int, ...]:
    """Told to people only: what a kernel owes never depends on it. Unknown ones are new."""
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (1 << 30,)


def unchecked(targets: Iterable[TargetRecord]) -> Mapping[str, Off]:
    """The targets, by name, on which nothing could be checked; a target that is down is none.

    No target of a run has Landlock: nothing was checked on any. Otherwise a kernel without it
    answers as such kernels must, which is a result; but where something hides from us what the
    kernel has, nothing was checked.
    """
    up = {target.name: target.facts for target in targets if target.facts}
    off = {name: why for name, facts in up.items() if (why := why_off(facts))}
    if len(off) == len(up):
        return off
    return {name: why for name, why in off.items() if not why.way.value.kernels}
