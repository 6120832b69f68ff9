# SPDX-License-Identifier: MIT
"""Which denials are logged: all short histories of layers with flags, of forks and of execve(2).

Each layer denies another right than those before, so that each denial is one layer's. A layer has
any of the flags about logs, and its rule is quiet or not. Whether a denial is logged is told by the
trace event of the denial (Linux 7.3), which is there at once, whether the audit log is on or not.
Traces are begun on machines of ours alone; elsewhere, it is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from suite.explore.given import LEFT_OUT, LOGGED, NO_EVENT, SILENT
from suite.explore.manner import allowed
from suite.explore.space import Scene, Space, digits
from suite.explore.trial import Stage, Trial
from suite.judge.outcome import Allowed
from suite.landlock.abi import ADD_RULE, FS, RESTRICT
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process
from suite.process.promise import Call
from suite.witness import tracefs

_LENGTH = 3
_FLAGS = (RESTRICT.LOG_SAME_EXEC_OFF, RESTRICT.LOG_NEW_EXEC_ON, RESTRICT.LOG_SUBDOMAINS_OFF)
_NO_RULESET = -1
_READS, _SIZE = 16, 8192
"""At most, and until nothing is left: a page each. Domains of earlier programs end in bursts."""
_DENIED = re.compile(rb": landlock_deny_access_fs: .*\blogged=([01])")

_RIGHTS: dict[FS, Callable[[Process], Call]] = {
    FS.WRITE_FILE: lambda it: it.open("f", os.O_WRONLY),
    FS.READ_FILE: lambda it: it.open("f", os.O_RDONLY),
    FS.READ_DIR: lambda it: it.open("e", os.O_RDONLY | os.O_DIRECTORY),
}
"""That of the first layer, of the second and of the third."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer is enforced."""

    flags: RESTRICT
    quiet: bool

    def __str__(self) -> str:
        words = [*(it.removeprefix("restrict.") for it in self.flags.labels), "quiet" * self.quiet]
        return " ".join(filter(None, ("layer", *words)))


FORK, EXEC, OFF = "fork", "exec", "subdomains-off"
Action = Layer | str
ACTIONS: tuple[Action, ...] = (
    *(
        Layer(RESTRICT(sum(them)), quiet)
        for quiet in (False, True)
        for them in product(*((RESTRICT(0), it) for it in _FLAGS))
    ),
    FORK,
    EXEC,
    OFF,
)
"""What a history is made of; the last one enforces no ruleset."""


def history(number: int) -> list[Action]:
    """The program of a number: the shortest ones first."""
    length = 1
    while number >= len(ACTIONS) ** length:
        number -= len(ACTIONS) ** length
        length += 1
    return [ACTIONS[it] for it in digits(number, *[len(ACTIONS)] * length)]


def _told(calls: list[Call]) -> int:
    """Whether the last denial of what was read was logged."""
    records = [call.batch.records.get(call.index) for call in calls]
    if records[0] is None:
        return LEFT_OUT
    read = [call for call, it in zip(calls, records, strict=True) if it and not it.failed]
    if len(read) == len(calls):
        return LEFT_OUT  # there is more
    found = _DENIED.findall(b"".join(call.data[: call.value] for call in read))
    return (LOGGED if found[-1] == b"1" else SILENT) if found else NO_EVENT


class _Histories(Scene):
    def __init__(self, stage: Stage) -> None:
        holder = stage.holder
        holder.chdir(stage.folder)
        holder.write_file("f", b"text\n")
        holder.mkdir("e")
        folder = holder.open(".", os.O_PATH)
        has_quiet = stage.abi >= ADD_RULE.QUIET.since
        self._rulesets: dict[tuple[int, bool], Call] = {}
        for (place, right), quiet in product(enumerate(_RIGHTS), (False, True)):
            ruleset = allowed(Ruleset(fs=right), stage.agent)
            if quiet and has_quiet:
                ruleset = Ruleset(fs=right, paths=ruleset.paths, quiet_fs=right).quiet(folder)
            self._rulesets[place, quiet] = holder.build(ruleset)
        self._traces = self._begin(stage) if _can_trace(stage) else None

    @staticmethod
    def _begin(stage: Stage) -> Call | None:
        """Have denials traced; the root of tracefs, or None if the kernel has no such events."""
        root = tracefs.mounted(stage.holder)
        if tracefs.enable(stage.holder, root).outcome != Allowed():
            return None
        tracefs.record(stage.holder, root)
        return root

    def play(self, trial: Trial, number: int) -> None:
        process, layers = trial.fork(), 0
        for place, action in enumerate(history(number), 1):
            if action == FORK:
                process = process.fork()
            elif action == EXEC:
                process.exec(trial.stage.agent)
            elif isinstance(action, Layer):
                ruleset = self._rulesets[layers, action.quiet]
                trial.decide(f"{place} {action}", process.restrict_self, ruleset, action.flags)
                layers += 1
            else:
                trial.decide(
                    f"{place} {action}",
                    process.restrict_self, _NO_RULESET, RESTRICT.LOG_SUBDOMAINS_OFF,
                )  # fmt: skip
        for right, act in _RIGHTS.items():
            self._look(trial, str(right.name).lower(), process, act)

    def _look(
        self, trial: Trial, name: str, process: Process, act: Callable[[Process], Call]
    ) -> None:
        if self._traces is None:
            trial.decide(f"deny {name}", act, process)
            trial.leave_out(f"log {name}")
            return
        self._read(trial)  # what was before
        trial.decide(f"deny {name}", act, process)
        trial.watch(f"log {name}", _told, *self._read(trial))

    def _read(self, trial: Trial) -> list[Call]:
        holder = trial.holder
        assert self._traces is not None  # noqa: S101 (or nobody reads)
        pipe = tracefs.open_pipe(holder, self._traces)
        read = trial.attempt(lambda: [holder.read(pipe, _SIZE) for _ in range(_READS)])
        holder.close(pipe)
        return read


def _can_trace(stage: Stage) -> bool:
    return stage.disposable and stage.facts.tracefs and stage.abi >= tracefs.TRACED_SINCE


LOGS = Space(
    "logs",
    f"which denials are logged: histories of {_LENGTH} layers, forks and execve(2), with flags",
    sum(len(ACTIONS) ** length for length in range(1, _LENGTH + 1)),
    _Histories,
    processes=_LENGTH + 1,
    executes=True,
    in_flight=1,
    is_uniform=False,
    features={"": (*_FLAGS, ADD_RULE.QUIET)},
)
