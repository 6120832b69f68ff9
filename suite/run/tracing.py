# SPDX-License-Identifier: MIT
"""All that a case did, kept for who writes it down: its calls, and which of them were judged."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest

from suite.judge.outcome import Outcome
from suite.judge.records import CaseRecord
from suite.judge.verdict import Judgement
from suite.process.process import Observation
from suite.process.promise import Call, Gave
from suite.process.session import Session
from suite.run.envelopes import opened
from suite.run.surroundings import BARE, JUDGED, JUDGEMENT, MOUNTS, SPENT, TRACED
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from suite.targets.mounting import making
from suite.targets.tree import Tree


@dataclass(frozen=True, slots=True)
class Traced:
    """A case that was run."""

    record: CaseRecord
    calls: list[Call]
    """Also those that were left out, since an earlier one failed; and first of all those that
    mounted the file system of the case's files."""
    observed: list[Call] | None
    """Those that were judged; None if that was no observation, but something made of one."""
    control: list[Call] | None
    outside: list[Call] | None
    """Those that were to come to the same outside of a domain, if that is what was judged."""
    judgement: Judgement | None
    place: str
    """The folder of the cases' files on the target."""
    agent: str
    """The agent's own file there."""
    abi: int
    commands: tuple[str, ...] = ()
    """What a shell has to do before, where the files are on a disk."""


class Tracer:
    """A pytest plugin that hands over every case that came to a verdict."""

    def __init__(self, take: Callable[[Traced], None]) -> None:
        self._take = take

    def pytest_configure(self, config: pytest.Config) -> None:
        """Have all files lie in one folder, of which ``Traced`` tells."""
        config.stash[TRACED] = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand it over while its calls are there."""
        report = yield
        envelope = opened(report)
        ground: Ground | None = getattr(item, "funcargs", {}).get("ground")
        if call.when == "call" and envelope and ground and BARE not in item.stash:
            item.stash[SPENT] = True  # or the next case would not show how its process is made
            self._take(_traced(item, ground, envelope.case))
        return report


def _traced(item: pytest.Item, ground: Ground, record: CaseRecord) -> Traced:
    observed, control = item.stash.get(JUDGED, (None, None))
    calls, commands = _all_calls(item, ground)
    return Traced(
        record,
        calls,
        _calls_of(observed, ground.session),
        _calls_of(control, ground.session),
        gave.outside if (gave := _gave(observed, ground.session)) else None,
        item.stash.get(JUDGEMENT, None),
        ground.place,
        ground.agent,
        ground.facts.abi,
        commands,
    )


def _all_calls(item: pytest.Item, ground: Ground) -> tuple[list[Call], tuple[str, ...]]:
    """The calls of a case and of the making of its file system; or of the latter, commands."""
    given: dict[str, object] = getattr(item, "funcargs", {})
    tree = given.get("tree")
    mounts: list[FileSystem] = item.stash.get(MOUNTS, [])
    makings = [making(it, ground) for it in dict.fromkeys(mounts)]
    name = tree.path.rpartition("/")[2] if isinstance(tree, Tree) else ""
    before = [call for made in makings if not made.commands for call in made.of(name)]
    known = {id(call) for made in makings for call in made.calls}
    own = [call for call in ground.session.calls() if id(call) not in known]
    return [*before, *own], tuple(line for made in makings for line in made.commands)


def _calls_of(judged: Observation | Outcome | None, session: Session) -> list[Call] | None:
    """The calls of the observation that was judged, be it by the outcome that it gave."""
    if isinstance(judged, Observation):
        return judged.calls
    gave = _gave(judged, session)
    return gave.calls if gave else None


def _gave(judged: Observation | Outcome | None, session: Session) -> Gave | None:
    return next((gave for gave in session.given if gave.outcome is judged), None)
