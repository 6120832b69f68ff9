# SPDX-License-Identifier: MIT
"""A stage, which many programs share, and a trial: one program on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from suite.agent import wire
from suite.explore.given import LEFT_OUT, Given, code_of
from suite.explore.manner import PLAIN, Manner, allowed
from suite.judge.records import Facts
from suite.landlock.abi import LANDLOCK_CALLS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process, failure_outcome
from suite.process.promise import Call, Mode, NotModelledError
from suite.process.session import Session


@dataclass(slots=True)
class Stage:
    """A folder of its own, and a process that has open what programs share.

    Every program runs in children of that process, which inherit it. So a domain costs a program
    one call a layer, and nearly all of its calls are decisions.
    """

    holder: Process
    folder: str
    """Empty; gone with the stage."""
    facts: Facts
    key: int
    """No other stage that is there at the same time has it: for ports and abstract names."""
    manner: Manner = PLAIN
    """How programs are written; see `Manner`."""
    agent: str = ""
    disposable: bool = False
    """Whether the target is a machine of ours, whose settings may be changed."""

    @property
    def abi(self) -> int:
        """The ABI version: rulesets hold what the kernel says that it knows."""
        return self.facts.abi

    def ruleset(self, ruleset: Ruleset) -> Call:
        """Make a ruleset, as the manner would have it, and keep its descriptor open."""
        return self.holder.build(self.in_manner(ruleset))

    def in_manner(self, ruleset: Ruleset) -> Ruleset:
        """A ruleset as the manner would have it."""
        written = self.manner.rewritten(ruleset)
        return allowed(written, self.agent) if self.manner.executes else written


@dataclass(slots=True)
class Trial:
    """One program, while its calls are made and until they are answered."""

    stage: Stage
    session: Session
    labels: list[str] = field(default_factory=list)
    """What is decided, in order."""
    decided: list[list[Call]] = field(default_factory=list)
    """The calls of each decision."""
    gates: list[Call] = field(default_factory=list)
    _codes: dict[int, Callable[[list[Call]], int]] = field(default_factory=dict)
    """What makes the code of a decision, of those of which no errno tells."""

    @property
    def holder(self) -> Process:
        """The stage's process, whose children the program's processes are."""
        holder = self.stage.holder
        return Process(self.session, holder.id, shares=holder.shares)

    def fork(self) -> Process:
        """A process of the program, in no domain."""
        return self.holder.fork()

    def enforce(self, process: Process, *rulesets: Call) -> Process:
        """Enforce rulesets as layers, the first one first; the process to go on with."""
        with self.session.in_mode(Mode.GATE) as calls:
            process = self.stage.manner.enter(process, rulesets)
            if rulesets and self.stage.manner.executes:
                process.exec(self.stage.agent)
        self.gates += calls
        return process

    def build(self, process: Process, ruleset: Ruleset) -> Call:
        """Make a ruleset that only this program needs."""
        with self.session.in_mode(Mode.GATE) as calls:
            made = process.build(self.stage.in_manner(ruleset))
        self.gates += calls
        return made

    def attempt(self, action: Callable[..., object], *arguments: object) -> list[Call]:
        """Do something, whatever comes of it; the calls that were made for it."""
        with self.session.in_mode(Mode.OBSERVED) as calls:
            action(*arguments)
        return calls

    def decide(self, label: str, action: Callable[..., object], *arguments: object) -> None:
        """A decision: the action's first call that fails says what it came to."""
        with self.session.in_mode(Mode.OBSERVED) as calls:
            action(*arguments)
        self.labels.append(label)
        self.decided.append(calls)

    def watch(self, label: str, code: Callable[[list[Call]], int], *calls: Call) -> None:
        """A decision that is told by what calls have read, which are made already."""
        self._codes[len(self.labels)] = code
        self.labels.append(label)
        self.decided.append([*calls])

    def leave_out(self, label: str) -> None:
        """A decision that this target can't show."""
        self.labels.append(label)
        self.decided.append([])

    def given(self) -> Given:
        """What it came to, once its program was answered."""
        for call in self.gates:
            record = call.batch.records.get(call.index)
            if record and record.failed and record.status is wire.Status.DONE:
                what = "" if call.name in LANDLOCK_CALLS else f"{call}: "
                return Given(b"", f"in its domain: {what}{failure_outcome(call, record)}")
        codes = bytes(
            self._codes.get(number, code_of)(calls) if calls else LEFT_OUT
            for number, calls in enumerate(self.decided)
        )
        return Given(codes)


def failed(trial: Trial, errors: Sequence[Exception]) -> Given:
    """What a program came to whose set-up failed, or that the target has no word for."""
    for error in errors:
        if isinstance(error, NotModelledError):
            return Given(b"", str(error))
    return Given(b"", "; ".join(map(str, errors)) or "nothing is known")
