# SPDX-License-Identifier: MIT
"""The hub: targets are started when asked for, again after they died, and not for ever."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from suite.agent.channel import AgentLostError
from suite.errors import InfrastructureError, LandproofError, UsageError
from suite.judge.records import CaseRecord, Envelope, Facts, KernelBuild, Verdict
from suite.targets.base import Ground, Target
from suite.targets.hub import MOST_FAILED_STARTS, MOST_STARTS, Hub, TargetDownError

FACTS = Facts(release="6.12", version="#1", machine="x86_64", abi=6, errata=None)
BUILD = KernelBuild(
    name="6.12", release="6.12.1", version="6.12.1-1", source="path:/boot", sha256="00"
)
CASE = CaseRecord(id="fs/x[y]", verdict=Verdict.CONFORMS)


@dataclass
class Fake(Target):
    """A target that notes what is done with it."""

    name: str
    errors: list[LandproofError] = field(default_factory=list)
    """For the next starts."""
    log: list[str] = field(default_factory=list)
    kernel: KernelBuild | None = None
    verdict: Verdict = Verdict.CRASHED
    began: str = ""

    def start(self) -> Ground:
        """Note it."""
        self.log.append("start")
        if self.errors:
            raise self.errors.pop(0)
        nothing = cast(Any, None)
        return Ground(nothing, nothing, nothing, "/x", "/x/agent", True, FACTS)

    def stop(self) -> None:
        """Note it."""
        self.log.append("stop")

    def autopsy(self) -> tuple[Verdict, str]:
        """A reason."""
        self.log.append("autopsy")
        return self.verdict, "Kernel panic"


def hub_of(*targets: Fake) -> Hub:
    """A hub of these."""
    return Hub({target.name: target for target in targets}.__getitem__)


def test_a_target_is_made_and_started_once() -> None:
    made = []

    def make(name: str) -> Fake:
        made.append(name)
        return Fake(name)

    hub = Hub(make)
    assert hub.ground("a") is hub.ground("a")
    target = hub.target("a")
    assert made == ["a"]
    assert cast(Fake, target).log == ["start"]


def test_one_target_at_a_time() -> None:
    a, b = Fake("a"), Fake("b")
    hub = hub_of(a, b)
    hub.ground("a")
    hub.ground("b")
    assert (a.log, b.log) == (["start", "stop"], ["start"])


@pytest.mark.parametrize("kind", [InfrastructureError, LandproofError, AgentLostError])
def test_a_target_that_does_not_start_is_tried_twice(kind: type[LandproofError]) -> None:
    target = Fake("a", [kind("no bootable device")] * 9)
    hub = hub_of(target)
    for _ in range(5):
        with pytest.raises(TargetDownError, match=r"^no bootable device$"):
            hub.ground("a")
    assert target.log == ["start", "stop"] * MOST_FAILED_STARTS


def test_a_start_that_goes_well_counts_anew() -> None:
    target = Fake("a", [InfrastructureError("busy")])
    hub = hub_of(target)
    with pytest.raises(TargetDownError):
        hub.ground("a")
    hub.ground("a")
    target.errors = [InfrastructureError("busy again")]
    hub.bury("a", AgentLostError("gone"))
    with pytest.raises(TargetDownError, match="busy again"):
        hub.ground("a")
    assert hub.ground("a").facts is FACTS


def test_a_dead_target_is_looked_at_and_started_again() -> None:
    target = Fake("a")
    hub = hub_of(target)
    hub.ground("a")
    verdict, reason = hub.bury("a", AgentLostError("the agent is gone"))
    assert (verdict, reason) == (Verdict.CRASHED, "the agent is gone: Kernel panic")
    hub.ground("a")
    assert target.log == ["start", "autopsy", "stop", "start"]


def test_a_target_that_dies_all_the_time_is_given_up() -> None:
    target = Fake("a")
    hub = hub_of(target)
    for _ in range(MOST_STARTS):
        hub.ground("a")
        hub.bury("a", AgentLostError("gone"))
    with pytest.raises(TargetDownError, match=f"died {MOST_STARTS} times, last: Kernel panic"):
        hub.ground("a")
    assert target.log.count("start") == MOST_STARTS


def test_a_machine_that_was_lost_gives_its_case_a_second_chance() -> None:
    target = Fake("a", verdict=Verdict.LOST)
    hub = hub_of(target)
    facts = hub.ground("a").facts
    assert not hub.second_chance("a")
    hub.bury("a", AgentLostError("gone"))
    assert hub.envelope("a", CASE).facts == facts
    assert hub.second_chance("a")
    assert hub.envelope("a", CASE).facts == facts, "the first record is dropped"
    assert not hub.second_chance("a"), "of each mishap one"
    target.verdict = Verdict.CRASHED
    hub.ground("a")
    hub.bury("a", AgentLostError("gone"))
    assert not hub.second_chance("a"), "it was the kernel's"


def test_a_case_is_not_run_again_for_what_befell_the_one_before() -> None:
    hub = hub_of(Fake("a", verdict=Verdict.LOST))
    for _ in range(2):
        hub.ground("a")
        hub.bury("a", AgentLostError("gone"))
    hub.ground("a")
    assert not hub.second_chance("a")


def test_there_is_no_second_chance_with_a_target_that_is_given_up() -> None:
    target = Fake("a", [InfrastructureError("no")] * MOST_FAILED_STARTS)
    hub = hub_of(target)
    chances = []
    for _ in range(MOST_FAILED_STARTS + 1):
        with pytest.raises(TargetDownError):
            hub.ground("a")
        chances.append(hub.second_chance("a"))
    assert chances == [True, False, False]
    assert not hub.second_chance("nobody")


def test_facts_go_with_the_first_record_alone() -> None:
    hub = hub_of(Fake("a", kernel=BUILD))
    facts = hub.ground("a").facts
    first, second = hub.envelope("a", CASE), hub.envelope("a", CASE)
    assert first == Envelope(target="a", case=CASE, facts=facts, kernel=BUILD)
    assert second == Envelope(target="a", case=CASE)


def test_facts_are_told_even_if_the_first_case_killed_it() -> None:
    hub = hub_of(Fake("a"))
    facts = hub.ground("a").facts
    hub.bury("a", AgentLostError("gone"))
    assert hub.envelope("a", CASE).facts == facts


def test_a_target_that_never_started_has_no_facts() -> None:
    hub = hub_of(Fake("a", [InfrastructureError("no")]))
    with pytest.raises(TargetDownError):
        hub.ground("a")
    assert hub.envelope("a", CASE).facts is None


def test_how_a_target_came_up_is_told_once_each_time() -> None:
    target = Fake("vm:6.12")
    hub = hub_of(target)

    def told() -> list[str]:
        return hub.envelope("vm:6.12", CASE).began

    target.began = "booted"
    hub.ground("vm:6.12")
    assert (told(), told()) == (["booted"], [])
    hub.bury("vm:6.12", AgentLostError("gone"))
    target.began = "restored"
    hub.ground("vm:6.12")
    assert (told(), told()) == (["restored"], [])


def test_how_it_came_up_is_not_lost_with_a_record_that_is_dropped() -> None:
    target = Fake("vm:6.12", verdict=Verdict.LOST, began="booted")
    hub = hub_of(target)
    hub.ground("vm:6.12")
    hub.bury("vm:6.12", AgentLostError("gone"))
    assert hub.envelope("vm:6.12", CASE).began == ["booted"]
    assert hub.second_chance("vm:6.12")
    hub.ground("vm:6.12")
    assert hub.envelope("vm:6.12", CASE).began == ["booted", "booted"]


def test_stop_takes_all_down() -> None:
    a, b = Fake("a"), Fake("b")
    hub = hub_of(a, b)
    hub.ground("a")
    hub.target("b")
    hub.stop()
    hub.stop()
    assert (a.log, b.log) == (["start", "stop"], ["stop"])


def test_numbers_are_new_every_time() -> None:
    hub = hub_of()
    assert len({hub.number() for _ in range(100)}) == 100


def test_an_unknown_name_is_the_maker_s_to_refuse() -> None:
    def make(name: str) -> Fake:
        raise UsageError(f"no such target: {name}")

    with pytest.raises(UsageError, match="no such target: z"):
        Hub(make).ground("z")


def test_a_start_that_would_come_to_the_same_is_not_tried_again() -> None:
    error = InfrastructureError("no channel")
    error.is_final = True
    target = Fake("a", errors=[error])
    hub = hub_of(target)
    for _ in range(2):
        with pytest.raises(TargetDownError, match=r"^no channel$"):
            hub.ground("a")
    assert target.log == ["start", "stop"]
    assert not hub.second_chance("a")
