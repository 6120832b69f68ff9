# SPDX-License-Identifier: MIT
"""What tests of explorations start from: targets that lie or die, and a pool without processes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from suite.agent import wire
from suite.agent.channel import AgentLostError, Channel
from suite.errors import InfrastructureError
from suite.explore.causes import Causes
from suite.explore.exploration import Exploration, Found, Part
from suite.explore.given import Given
from suite.explore.ledger import Kept, Ledger
from suite.explore.pool import Heard
from suite.explore.space import Space
from suite.explore.spaces import revisions
from suite.explore.worker import Chunk, Player
from suite.judge.records import Facts, Verdict
from suite.kernel.target import ModelTarget, named
from suite.process.syscalls import NUMBERS
from suite.targets.base import Ground, Target
from suite.targets.local import LocalTarget

Alters = Callable[[wire.Op, wire.Record], wire.Record]
"""What a target says in place of what its kernel gave."""


def numbered(name: str) -> int:
    """The number of a system call here."""
    return NUMBERS["x86_64"][name]


@dataclass
class Between:
    """A channel between a session and an agent."""

    channel: Channel
    alters: Alters
    is_deadly: Callable[[wire.Op], bool]
    hello: wire.Hello = field(init=False)
    _sent: dict[int, Sequence[wire.Op]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hello = self.channel.hello

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Send it, and keep it."""
        number = self.channel.submit(ops)
        self._sent[number] = ops
        return number

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """What is said in place of what the kernel gave."""
        ops = self._sent.pop(identity)
        if any(map(self.is_deadly, ops)):
            raise AgentLostError("the agent is gone")
        records = self.channel.results(identity, patience_s)
        return {place: self.alters(ops[place], it) for place, it in records.items()}

    def answered(self, identity: int) -> bool:
        """As ever."""
        return self.channel.answered(identity)

    def close(self) -> None:
        """As ever."""
        self.channel.close()


class Altered(LocalTarget):
    """The running kernel, but for what is altered; and for what it dies of."""

    def __init__(
        self,
        name: str,
        alters: Alters = lambda _op, record: record,
        is_deadly: Callable[[wire.Op], bool] = lambda _op: False,
    ) -> None:
        super().__init__()
        self.name = name
        self._alters = alters
        self._is_deadly = is_deadly
        self.starts = 0

    def start(self) -> Ground:
        """Start it, and stand between."""
        self.starts += 1
        ground = super().start()
        ground.session.channel = Between(ground.session.channel, self._alters, self._is_deadly)
        return ground

    def autopsy(self) -> tuple[Verdict, str]:
        """As of a kernel that panicked."""
        return Verdict.CRASHED, "Kernel panic - not syncing\nand more"


@dataclass
class Here:
    """A pool that has one worker, in this process."""

    targets: Mapping[str, Target]
    heard: Heard

    def run(self, chunks: Mapping[str, Iterable[Chunk]]) -> None:
        """Do all that is asked for."""
        player = Player(self.targets.__getitem__)
        try:
            for name, them in chunks.items():
                for chunk in them:
                    if up := player.on(name):
                        self.heard.up(name, up)
                    self.heard.played(chunk, list(player.play(chunk)))
        finally:
            player.stop()


class Silent:
    """A watcher that only counts."""

    def __init__(self) -> None:
        self.programs = 0
        self.lines: list[str] = []

    def planned(self, target: str, programs: int, left: int) -> None:
        """Not counted."""

    def played(self, target: str, space: str, programs: int) -> None:
        """Counted."""
        self.programs += programs

    def down(self, target: str, why: str) -> None:
        """Kept."""
        self.lines.append(f"{target}: {why}")

    def told(self, line: str) -> None:
        """Kept."""
        self.lines.append(line)


def explored(
    path: Path,
    targets: Sequence[Target],
    spaces: Sequence[Space],
    part: Part,
    models: Sequence[str] = (),
) -> tuple[Found, Silent]:
    """What comes of an exploration, and how many programs were played for it.

    Models are those of targets; the change that makes two of them differ is looked for, too.
    """
    watcher = Silent()
    by_name: dict[str, Target] = {it.name: it for it in targets}
    by_name |= {it: model(it) for it in models}
    with Ledger(path, revisions()) as ledger:
        names = [it.name for it in targets]
        causes = Causes(model) if models else None
        exploration = Exploration(ledger, names, spaces, part, watcher, causes)
        exploration.run(Here(by_name, exploration))
        return exploration.found(), watcher


def model(name: str) -> ModelTarget:
    """The model of a name."""
    return ModelTarget(name, named(name))


def made_here(name: str) -> Target:
    """The running kernel under a name; or a target that does not come up."""
    return Downed(name) if name == "down" else Altered(name)


class Downed(LocalTarget):
    """A target that does not come up."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def start(self) -> Ground:
        """Fail."""
        raise InfrastructureError("it has no power")


def skip_without_landlock() -> None:
    """Skip a test that holds the running kernel against something, where it has no Landlock."""
    target = LocalTarget()
    try:
        if not target.start().facts.abi:
            pytest.skip("the running kernel has no Landlock")
    finally:
        target.stop()


def kept_target(ledger: Ledger, abi: int, codes: bytes) -> Kept:
    """A target of this ABI version, of which the first program of ``paths`` is kept."""
    facts = Facts(release="6.1", version="", machine="x86_64", abi=abi, errata=0)
    target, _ = ledger.target(f"abi-{abi}", facts, "")
    ledger.keep(target, "paths", "", [(0, Given(codes))])
    return target
