# SPDX-License-Identifier: MIT
"""What a case needs and a target lacks, and the layout of rulesets."""

import struct
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from suite.agent.wire import Buffer
from suite.judge.records import Facts
from suite.landlock.abi import FS, NET, SCOPE
from suite.landlock.ruleset import Ruleset, net_port, path_beneath
from suite.process.notes import Notes
from suite.process.process import Process
from suite.process.session import Session
from suite.run.needs import Need
from suite.run.unmet import _PRESENT, unmet
from suite.targets.base import Ground
from suite.targets.local import LocalTarget
from tests.kernels import FULL

WITHOUT: dict[Need, dict[str, Any]] = {
    Need.ROOT: {"uid": 1000},
    Need.IPV6: {"ipv6": False},
    Need.AUDIT: {"audit": False},
    Need.ADMIN: {"capabilities": 0},
    Need.USER_NAMESPACES: {"user_namespaces": False},
}


class Machine(LocalTarget):
    """One that may be harmed."""

    disposable = True


def ground(facts: Facts = FULL, *, private: bool = True) -> Ground:
    nothing = cast(Any, None)
    session = cast(Session, SimpleNamespace(notes=Notes()))
    return Ground(session, nothing, nothing, "/x", "/x/agent", private, facts)


def test_every_need_is_probed_and_says_a_reason() -> None:
    assert set(_PRESENT) == set(Need)
    assert len({need.value for need in Need}) == len(Need)


def test_a_target_that_has_all_lacks_nothing() -> None:
    told = [*WITHOUT, Need.MOUNT, Need.NET, Need.DISPOSABLE]
    assert unmet(told, ground(), Machine()) is None
    assert unmet([], ground(), LocalTarget()) is None


def test_every_probe_answers() -> None:
    """Whatever this machine has."""
    target = LocalTarget()
    try:
        started = target.start()
        for need in Need:
            assert unmet([need], started, target) in (None, need.value)
        assert started.root.getpid().value > 0
    finally:
        target.stop()


@pytest.mark.parametrize("need", WITHOUT)
def test_what_the_facts_deny_is_the_reason(need: Need) -> None:
    facts = replace(FULL, **WITHOUT[need])
    assert unmet([need], ground(facts), Machine()) == need.value


def test_audit_needs_root_too() -> None:
    assert unmet([Need.AUDIT], ground(replace(FULL, uid=1)), Machine()) == Need.AUDIT.value


@pytest.mark.parametrize("need", [Need.MOUNT, Need.NET])
def test_without_namespaces_of_our_own(need: Need) -> None:
    assert unmet([need], ground(private=False), Machine()) == need.value


def test_nothing_is_harmed_on_local() -> None:
    """The first unmet need is the reason."""
    assert unmet([Need.ROOT, Need.DISPOSABLE], ground(), LocalTarget()) == Need.DISPOSABLE.value


@pytest.mark.parametrize(
    ("ruleset", "words"),
    [
        (Ruleset(), [0]),
        (Ruleset(fs=FS.EXECUTE), [1]),
        (Ruleset(net=NET.CONNECT_TCP), [0, 2]),
        (Ruleset(fs=FS.EXECUTE, scope=SCOPE.SIGNAL), [1, 0, 2]),
    ],
)
def test_an_attribute_is_no_longer_than_what_is_handled(
    session: Session, ruleset: Ruleset, words: list[int]
) -> None:
    """So that each kernel sees what it would see of a program that asks for this."""
    assert ruleset.attr().size == 8 * len(words)
    Process(session, 1).create_ruleset(ruleset.attr(), 0)
    assert laid_out(session) == [struct.pack(f"<{len(words)}Q", *words)]


def test_rules_are_laid_out_as_in_the_header(session: Session) -> None:
    """landlock_path_beneath_attr is packed: 12 bytes."""
    process = Process(session, 1)
    process.add_rule(3, 1, path_beneath(FS.READ_FILE, 7))
    process.add_rule(3, 2, net_port(NET.BIND_TCP, 443))
    expected = [struct.pack("<Qi", FS.READ_FILE, 7), struct.pack("<QQ", NET.BIND_TCP, 443)]
    assert laid_out(session) == expected


def test_rules_add_up_and_leave_the_ruleset_as_it_was() -> None:
    base = Ruleset(fs=FS.READ_FILE | FS.READ_DIR)
    both = base.allow("/a", FS.READ_FILE).allow("/b", FS.READ_DIR).allow_port(1, NET.BIND_TCP)
    assert base.paths == ()
    assert both.paths == (("/a", FS.READ_FILE), ("/b", FS.READ_DIR))
    assert both.ports == ((1, NET.BIND_TCP),)


def laid_out(session: Session) -> list[bytes]:
    """The buffers of the program that is being written."""
    buffers: list[Buffer] = [buffer for op in session.pending.ops for buffer in op.buffers]
    return [buffer.data for buffer in buffers]
