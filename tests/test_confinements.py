# SPDX-License-Identifier: MIT
"""However landproof is confined, no kernel is blamed for it, and nothing counts as broken.

A choice, with few cases; ``nox -s confinements`` has all of it, and guests.
"""

import pytest

from suite.judge.records import TargetRecord
from tests import containers
from tests.confined_runs import PLAIN, complaints, confined, contained
from tests.confinements import CONFINEMENTS

pytestmark = pytest.mark.timeout(400)  # for all of these runs, on a busy machine

CHOICE = (
    "no-new-privs", "no-capabilities", "without-net-admin", "user-namespace", "net-domain",
    "16-layers", "landlock-kills", "others-kill", "64-files",
)  # fmt: skip
"""Each fails in another way if it is not understood."""


@pytest.fixture(scope="module")
def targets() -> dict[str, TargetRecord]:
    """The running kernel under each of the chosen confinements, by name."""
    found = confined("local", CHOICE).targets
    return dict(zip([PLAIN, *CHOICE], found, strict=True))


@pytest.mark.parametrize("name", CHOICE)
def test_no_kernel_is_blamed(name: str, targets: dict[str, TargetRecord]) -> None:
    assert not list(complaints(targets[name], targets[PLAIN]))


@pytest.mark.parametrize("name", sorted({*CHOICE} - {"64-files"}))
def test_the_confinement_is_seen(name: str, targets: dict[str, TargetRecord]) -> None:
    """Who is not told of it can't know why so much is skipped."""
    facts, plain = targets[name].facts, targets[PLAIN].facts
    assert facts
    assert plain
    assert facts.standing != plain.standing or facts.uid != plain.uid


def test_real_containers_are_understood(targets: dict[str, TargetRecord]) -> None:
    if not containers.are_there():
        pytest.skip("needs runc, and golang-github-containers-common")
    target = contained("container-root-no-new-privs")
    assert not list(complaints(target, targets[PLAIN]))
    assert target.facts
    assert target.facts.standing.no_new_privs
    assert target.facts.standing.filtered["bpf"] == "EPERM"
    assert "pid" in target.facts.standing.namespaces


def test_the_choice_is_of_what_there_is() -> None:
    assert {*CHOICE} <= CONFINEMENTS.keys()
